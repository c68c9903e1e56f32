"""The servers that bench/run compares: each knows how to make its folder, start, and say which processes to measure."""

import hashlib
import hmac
import os
import pathlib
import shutil
import socket
import subprocess
import time

PASSWORD = "correct horse"
ITERATIONS = 4096
START_LIMIT = 30  # seconds
STOP_LIMIT = 15


class Failure(Exception):
    """What ends a run with one sentence instead of a stack."""


def free_port_base(first=20000, last=32000):
    """A base N with every port that a server needs free; below the range from which the kernel takes client ports."""
    step = 100
    for base in range(first + (os.getpid() % 40) * step, last, step):
        try:
            for offset in (22, 23, 69, 70, 60, 61, 80, 81, 53, 1):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
    raise Failure("no free ports between 20000 and 32000")


def make_certificate(folder, domains):
    """One self-signed P-256 certificate for all servers and domains of the run, so that all do the same cryptography."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / "cert.pem", folder / "key.pem"
    names = ",".join(f"DNS:{domain}" for domain in domains)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-subj", f"/CN={domains[0]}", "-addext", f"subjectAltName={names}", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    return certificate, key


class Process:
    """A child that is ended by its own id, whatever happens."""

    def __init__(self, command, log, **more):
        self.command = [str(part) for part in command]
        with open(log, "wb") as out:
            self.child = subprocess.Popen(self.command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **more)
        self.log = log

    @property
    def pid(self):
        return self.child.pid

    def wait_for(self, ready, what):
        end = time.monotonic() + START_LIMIT
        while not ready():
            if self.child.poll() is not None or time.monotonic() > end:
                tail = pathlib.Path(self.log).read_text(errors="replace")[-2000:]
                self.stop()
                raise Failure(f"{what} did not start: {' '.join(self.command)}\n{tail}")
            time.sleep(0.05)

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()


def listens(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Dns:
    """dnsmasq on loopback with the SRV records of the domains: how federated servers find each other."""

    def __init__(self, folder, port, servers, host=None):
        """`host`: what the records point to, instead of the domain itself."""
        folder.mkdir(parents=True, exist_ok=True)
        command = [shutil.which("dnsmasq") or "/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", f"--port={port}",
                   "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts", "--local=/example/",
                   "--pid-file=", "--user=", "--group="]
        for domain, base in servers:
            command += [f"--host-record={domain},127.0.0.1", f"--srv-host=_xmpp-server._tcp.{domain},{host or domain},{base + 69}"]
        self.process = Process(command, folder / "dns.log")
        self.process.wait_for(lambda: listens(port), "dnsmasq")

    def stop(self):
        self.process.stop()


class Relay:
    """The floor: TLS and bytes, nothing parsed."""
    name = "relay"
    options = ["--raw"]

    def __init__(self, binaries, folder, domain, base, tls, what):
        self.base, self.domain = base, domain
        self.command = [binaries / "parley-relay", base + 1, *tls] + (["--alone"] if what == "login" else [])
        self.folder = folder
        self.process = None

    def add_users(self, users):
        pass

    def start(self, dns_port=None, modules=(), peer=None):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = Process(self.command, self.folder / "relay.log")
        self.process.wait_for(lambda: "ready" in (self.folder / "relay.log").read_text(), "the relay")
        return self

    @property
    def pids(self):
        return [self.process.pid]

    port = property(lambda self: self.base + 1)

    def stop(self):
        if self.process:
            self.process.stop()


class Prosody:
    """Debian's Prosody with its epoll backend and only the modules that the mode needs."""
    name = "prosody"
    options = []

    def __init__(self, binaries, folder, domain, base, tls, what):
        del binaries, what
        self.folder, self.domain, self.base, self.tls = folder, domain, base, tls
        self.process = None
        folder.mkdir(parents=True, exist_ok=True)

    def add_users(self, users):
        """Writes the account files that `prosodyctl adduser` would write, which takes a second and not an hour."""
        accounts = self.folder / "data" / self.domain.replace(".", "%2e").replace("-", "%2d") / "accounts"
        accounts.mkdir(parents=True, exist_ok=True)
        salt = "d2f8d9f4-4d3b-4b62-8f34-6f8f6ee0b3f5"
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt.encode(), ITERATIONS)
        stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).hexdigest()
        server = hmac.digest(salted, b"Server Key", "sha256").hex()
        text = (f'return {{\n\t["iteration_count"] = {ITERATIONS};\n\t["salt"] = "{salt}";\n'
                f'\t["stored_key"] = "{stored}";\n\t["server_key"] = "{server}";\n}};\n')
        for user in users:
            (accounts / f"{user}.dat").write_text(text)

    def configuration(self, dns_port, modules):
        certificate, key = self.tls
        names = ["roster", "saslauth", "tls", "disco", "ping", *modules]
        tls = f'{{ certificate = "{certificate}", key = "{key}", cafile = "{certificate}" }}'
        federation = f"""
s2s_ports = {{ {self.base + 69} }}
s2s_secure_auth = true
unbound = {{ resolvconf = false, hoststxt = false, forward = {{ "127.0.0.1@{dns_port}" }} }}
""" if dns_port else 'modules_disabled = { "s2s" }\n'
        return f"""-- Written by bench/run.
run_as_root = {"true" if os.getuid() == 0 else "false"}
daemonize = false
pidfile = "{self.folder}/prosody.pid"
data_path = "{self.folder}/data"
log = {{ {{ levels = {{ min = "warn" }}, to = "file", filename = "{self.folder}/prosody.log" }} }}
network_backend = "epoll"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {self.base + 22} }}
c2s_direct_tls_ports = {{ {self.base + 23} }}
c2s_direct_tls_ssl = {tls}
{federation}
ssl = {tls}
authentication = "internal_hashed"
password_hash = "SHA-256"
storage = "internal"
modules_enabled = {{ {", ".join(f'"{name}"' for name in names)} }}
VirtualHost "{self.domain}"
    ssl = {tls}
"""

    def start(self, dns_port=None, modules=(), peer=None):
        del peer
        config = self.folder / "prosody.cfg.lua"
        config.write_text(self.configuration(dns_port, modules))
        self.process = Process(["prosody", "--config", config, "-F"], self.folder / "prosody.out")
        self.process.wait_for(lambda: listens(self.base + 23), "Prosody")
        return self

    @property
    def pids(self):
        return [self.process.pid]

    port = property(lambda self: self.base + 23)

    def stop(self):
        if self.process:
            self.process.stop()


# A registrar, a presence server and a proxy that adds nothing of its own: no accounts, no logs, no database. It keeps a
# transaction for seconds after its end, hence the memory.
KAMAILIO = """#!KAMAILIO
# Written by bench/run.
debug=0
log_stderror=yes
children=2
tcp_children=2
enable_tls=yes
auto_aliases=no
dns=no
rev_dns=no
use_dns_cache=no
listen=tls:127.0.0.1:{tls}
alias={domain}
tcp_connection_lifetime=600
tcp_async=yes
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "tls.so"
modparam("tls", "config", "{folder}/tls.cfg")
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "method_filtering", 0)
modparam("presence", "publ_cache", 2)
modparam("presence", "subs_db_mode", 0)
modparam("presence", "server_address", "sip:127.0.0.1:{tls};transport=tls")
modparam("presence", "timeout_rm_subs", 0)
modparam("presence_xml", "force_active", 1)

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("SUBSCRIBE|PUBLISH")) {{
        if (!t_newtran()) {{ sl_reply_error(); exit; }}
        if (is_method("PUBLISH")) handle_publish(); else handle_subscribe();
        t_release();
        exit;
    }}
    if (is_method("REGISTER")) {{ if (!save("location")) sl_reply_error(); exit; }}
    if (!has_totag() && uri == myself && !lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    if (!t_relay()) sl_reply_error();
}}
"""

KAMAILIO_TLS = """[{side}:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
certificate = {certificate}
private_key = {key}
ca_list = {certificate}
"""


class Kamailio:
    """Debian's Kamailio, whose users are SIP clients; the generator plays them too."""
    name = "kamailio"
    options = ["--sip-users"]

    def __init__(self, binaries, folder, domain, base, tls, what):
        del binaries, what
        self.folder, self.domain, self.base, self.tls = folder, domain, base, tls
        self.process = None

    def add_users(self, users):
        pass

    def federate_by_sip(self, peer, port):
        pass

    def start(self, dns_port=None, modules=(), peer=None):
        del dns_port, modules, peer
        (self.folder / "run").mkdir(parents=True, exist_ok=True)
        (self.folder / "tls.cfg").write_text("\n".join(
            KAMAILIO_TLS.format(side=side, certificate=self.tls[0], key=self.tls[1]) for side in ("server", "client")))
        config = self.folder / "kamailio.cfg"
        config.write_text(KAMAILIO.format(
            tls=self.base + 61, domain=self.domain, folder=self.folder))
        self.process = Process(["kamailio", "-DD", "-E", "-m", "2048", "-M", "16", "-f", config, "-Y", self.folder / "run",
                                "-P", self.folder / "run" / "pid", "-w", self.folder], self.folder / "kamailio.log")
        self.process.wait_for(lambda: listens(self.base + 61), "Kamailio")
        count = None
        while count != len(self.pids):  # it listens before it has all its children
            count = len(self.pids)
            time.sleep(0.5)
        return self

    @property
    def pids(self):
        """Of the main process and of its children, which do the work."""
        main = self.process.pid
        children = pathlib.Path(f"/proc/{main}/task/{main}/children").read_text().split()
        return [main, *map(int, children)]

    port = property(lambda self: self.base + 61)

    def stop(self):
        if self.process:
            self.process.stop()


class KamailioAndProsody:
    """Two servers in a row, the cost of what joins them left out: a text through Kamailio, and one through Prosody.

    Kamailio's own gateway cannot be measured: its module in Debian 12 (5.6.3) dies of SIGSEGV when the XMPP server
    answers its stream header.
    """
    name = "kamailio+prosody"
    parts = (("sip-in", Kamailio), ("chat", Prosody))


class Parley:
    """parley from the release build, in a folder made by `parleyctl init`."""
    name = "parley"
    options = []
    policy_entries = 0  # of each user: people whom the user has blocked

    def __init__(self, binaries, folder, domain, base, tls, what):
        del what
        self.binaries, self.folder, self.domain, self.base, self.tls = binaries, folder, domain, base, tls
        self.process = None
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            self.control("init", domain, "--dir", folder, "--port-base", base)
            config = folder / "parley.toml"
            config.write_text(config.read_text().replace('level = "info"', 'level = "warning"'))  # like Prosody's
            for source, name in zip(tls, ("crt", "key")):
                shutil.copyfile(source, folder / "tls" / f"{domain}.{name}")

    def control(self, *words, text=None):
        done = subprocess.run([str(self.binaries / "parleyctl"), *map(str, words)], input=text, text=True, capture_output=True,
                              check=False)
        if done.returncode != 0:
            raise Failure(f"parleyctl {' '.join(map(str, words))}: {done.stdout}{done.stderr}")

    def configure(self, *settings):
        """Each is a table's header and a line below it."""
        config = self.folder / "parley.toml"
        lines = config.read_text().splitlines()
        for table, line in settings:
            if line not in lines:
                lines.insert(lines.index(table) + 1, line)
        config.write_text("\n".join(lines) + "\n")

    def federate_by_sip(self, peer, port):
        self.configure(("[tls]", f'trust_file = "{self.tls[0]}"'))
        self.control("--dir", self.folder, "federation", "allow", peer, "--via", "sip", "--profile", "ocs",
                     "--next-hop", f"127.0.0.1:{port}", "--tls-name", peer)

    def federate(self, dns_port, peer):
        self.configure(("[dns]", f'servers = ["127.0.0.1:{dns_port}"]'), ("[tls]", f'trust_file = "{self.tls[0]}"'))
        self.control("--dir", self.folder, "federation", "allow", peer, "--via", "xmpp")

    def add_users(self, users):
        self.control("--dir", self.folder, "user", "import", "-",
                     text="".join(f"{user}@{self.domain}\t{PASSWORD}\n" for user in users))
        if self.policy_entries:
            blocked = [f"person{number}@somewhere.example" for number in range(self.policy_entries)]
            for user in users:
                self.control("--dir", self.folder, "policy", "block", f"{user}@{self.domain}", *blocked)

    def start(self, dns_port=None, modules=(), peer=None):
        del modules
        log = self.folder / "bench.log"
        if dns_port:
            self.federate(dns_port, peer)
        self.process = Process([self.binaries / "parleyd", "--dir", self.folder], log)
        self.process.wait_for(lambda: "ready" in log.read_text(errors="replace"), "parleyd")
        return self

    @property
    def pids(self):
        return [self.process.pid]

    port = property(lambda self: self.base + 23)

    def stop(self):
        if self.process:
            self.process.stop()
