"""A Kamailio of a lab: registrar, presence server and proxy of one SIP/SIMPLE domain, with mutual TLS towards partners.

Kamailio reads only the system's resolver file, so it runs in a mount namespace where that file is the lab's (needs root).
Where there is none, `next_hop` is the partner's TLS port on 127.0.0.1, and names are looked up in the hosts file only.
Its users speak TCP to it without passwords: they are on loopback.
"""

CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
children=2
tcp_children=2
enable_tls=yes
auto_aliases=no
dns=no
rev_dns=no
dns_try_naptr=no
dns_cache_negative_ttl=1
use_dns_cache={use_dns_cache}
listen=tcp:127.0.0.1:{tcp}
listen=tls:127.0.0.1:{tls} advertise {host}:{tls}
alias={domain}
alias={host}:{tls}
tcp_connection_lifetime=600
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "tls.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
modparam("tls", "config", "{folder}/tls.cfg")
modparam("tm", "fr_timer", 5000)
modparam("tm", "fr_inv_timer", 120000)
modparam("usrloc", "db_mode", 0)
modparam("registrar", "method_filtering", 0)
modparam("presence", "publ_cache", 2)
modparam("presence", "subs_db_mode", 0)
modparam("presence", "server_address", "sip:{host}:{tls};transport=tls")
modparam("presence", "max_expires", 3600)
modparam("presence", "clean_period", 10)
modparam("presence", "timeout_rm_subs", 0)
modparam("presence_xml", "force_active", 1)
modparam("rr", "enable_double_rr", 1)

request_route {{
    xlog("L_INFO", "REQUEST $rm $ru from $si:$sp via $proto\\n");
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (is_method("ACK") && !has_totag()) {{ t_check_trans(); exit; }}

    # What is for the presence server itself: new subscriptions to our users, and those that it granted before.
    if (uri == myself && is_method("SUBSCRIBE|PUBLISH") && $hdr(Event) =~ "^presence") {{
        loose_route();
        if (!t_newtran()) {{ sl_reply_error(); exit; }}
        if (is_method("PUBLISH")) handle_publish(); else handle_subscribe();
        t_release();
        exit;
    }}
    if (has_totag()) {{
        if (loose_route() || is_method("NOTIFY|ACK|BYE|MESSAGE|INFO|SUBSCRIBE")) {{
            if (uri == myself) lookup("location");  # a user's GRUU
            route(RELAY);
            exit;
        }}
        sl_send_reply("404", "Not Here");
        exit;
    }}
    remove_hf("Route");
    if (is_method("SUBSCRIBE|INVITE")) record_route();
    if (is_method("REGISTER")) {{ if (!save("location")) sl_reply_error(); exit; }}
    if (uri == myself) {{
        if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
        t_relay();
        exit;
    }}
    route(RELAY);
}}

route[RELAY] {{
    # A partner's domain: over TLS, found by its SRV records. A next hop that the route set or a connection gives stays.
    if ($du == $null && uri != myself && !($rP =~ "^tcp$")) $du = {next_hop};
    t_on_failure("FAILED");
    if (!t_relay()) sl_reply_error();
}}

failure_route[FAILED] {{
    xlog("L_INFO", "FAILED $rm $ru\\n");
}}
"""

TLS = """[server:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = {key}
certificate = {chain}
ca_list = {ca}

[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = {key}
certificate = {chain}
ca_list = {ca}
"""


class Kamailio:
    def __init__(self, lab, domain, certificate=None, next_hop=None):
        self.lab, self.domain = lab, domain
        self.host = "127.0.0.1" if next_hop else f"sip.{domain}"
        self.tcp_port, self.tls_port = lab.ports.take(), lab.ports.take()
        self.certificate = certificate or lab.ca.issue(f"sip.{domain}", domain, *["127.0.0.1"] * bool(next_hop))
        folder = lab.folder / f"kamailio-{domain}"
        (folder / "run").mkdir(parents=True)
        files = self.certificate
        (folder / "tls.cfg").write_text(TLS.format(key=files.key, chain=files.chain, ca=files.ca))
        (folder / "kamailio.cfg").write_text(
            CONFIG.format(domain=domain, host=self.host, tcp=self.tcp_port, tls=self.tls_port, folder=folder, use_dns_cache="no" if next_hop else "yes",
                          next_hop=f'"sip:127.0.0.1:{next_hop};transport=tls"' if next_hop else '"sip:" + $rd + ";transport=tls"'))
        command = ["kamailio", "-DD", "-E", "-m", "64", "-M", "8", "-f", f"{folder}/kamailio.cfg", "-Y", f"{folder}/run",
                   "-P", f"{folder}/run/pid", "-w", folder]
        self.process = lab.process(f"kamailio-{domain}", command if next_hop else lab.with_resolver(command), folder,
                                   polite=False)  # it may take a minute to collect its children

    async def start(self):
        self.lab.publish_sip(self.domain, tls_port=self.tls_port)  # it resolves its own name when it starts
        self.process.start()
        await self.process.wait_port(self.tls_port)
        await self.process.wait_port(self.tcp_port)
        return self
