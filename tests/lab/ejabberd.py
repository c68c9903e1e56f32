"""An ejabberd of a lab: an Erlang node without a name, so that it needs no epmd and two of them never meet."""
import glob

CONFIG = """
hosts:
  - "{domain}"
loglevel: info
ca_file: "{ca}"
certfiles:
  - "{pem}"
listen:
  -
    port: {c2s}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    starttls_required: true
  -
    port: {s2s}
    ip: "127.0.0.1"
    module: ejabberd_s2s_in
s2s_use_starttls: {starttls}
s2s_access: all
s2s_timeout: 20
s2s_dns_timeout: 5
auth_method: internal
auth_password_format: plain
acl:
  local:
    user_regexp: ""
access_rules:
  local:
    allow: local
modules:
  mod_disco: {{}}
  mod_last: {{}}
  mod_offline: {{}}
  mod_ping: {{}}
  mod_roster: {{}}
  mod_vcard: {{}}
  mod_version: {{}}
  mod_caps: {{}}
  mod_s2s_dialback: {{}}
"""

ADD_USERS = "[ok = ejabberd_auth:try_register(U, D, P) || {{U, D, P}} <- [{users}]], io:format(\"users are there~n\")"


class Ejabberd:
    """`federation`: "certificate" (TLS and a valid certificate, else dialback), or "plain" (no TLS, dialback)."""

    def __init__(self, lab, domain, federation="certificate", users=(), certificate=None):
        self.lab, self.domain, self.users = lab, domain, list(users)
        self.c2s_port, self.s2s_port = lab.ports.take(), lab.ports.take()
        self.folder = lab.folder / f"ejabberd-{domain}"
        (self.folder / "mnesia").mkdir(parents=True)
        self.certificate = certificate or lab.ca.issue(domain, f"xmpp.{domain}")
        pem = self.folder / "server.pem"
        pem.write_text(open(self.certificate.chain).read() + open(self.certificate.key).read())
        pem.chmod(0o600)
        (self.folder / "ejabberd.yml").write_text(
            CONFIG.format(domain=domain, ca=self.certificate.ca, pem=pem, c2s=self.c2s_port, s2s=self.s2s_port,
                          starttls={"certificate": "required", "plain": "false"}[federation]))
        users = ", ".join(f'{{<<"{name}">>, <<"{domain}">>, <<"{password}">>}}' for name, password in self.users)
        start = "{ok, _} = application:ensure_all_started(ejabberd), " + ADD_USERS.format(users=users)
        # Its own folder of code: the ERL_LIBS of its start script makes Erlang look at every file of /usr/lib/*-linux-gnu.
        code = next(iter(sorted(glob.glob("/usr/lib/*-linux-gnu/ejabberd-*/ebin"))))
        self.process = lab.process(
            f"ejabberd-{domain}",
            lab.with_resolver(["erl", "-noinput", "+P", "50000", "+S", "2:2", "-pa", code,
                               "-mnesia", "dir", f'"{self.folder}/mnesia"', "-ejabberd", "log_rotate_count", "0", "-eval", start]),
            self.folder,
            env={"EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"), "EJABBERD_LOG_PATH": str(self.folder / "ejabberd-own.log"),
                 "HOME": str(self.folder),
                 "ERL_CRASH_DUMP_SECONDS": "0", "SPOOL_DIR": str(self.folder)},
            crash_fails=False, polite=False)

    async def start(self):
        self.process.start()
        await self.process.wait_line("users are there", 90)  # four seconds, but many turns of the processor: long on a busy machine
        self.lab.publish_xmpp(self.domain, self.s2s_port)
        return self

    @property
    def address(self):
        return "127.0.0.1", self.c2s_port
