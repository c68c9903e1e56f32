"""Debian's ejabberd as bench/run starts it: one Erlang node without a name, two schedulers, the modules that a mode needs."""

import glob
import pathlib

from servers import PASSWORD, Failure, Process, listens

CONFIG = """# Written by bench/run.
hosts:
  - "{domain}"
loglevel: error
ca_file: "{certificate}"
certfiles:
  - "{pem}"
listen:
  -
    port: {direct}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    tls: true
    shaper: none
  -
    port: {s2s}
    ip: "127.0.0.1"
    module: ejabberd_s2s_in
    shaper: none
s2s_use_starttls: required
s2s_access: all
auth_method: internal
auth_password_format: scram
auth_scram_hash: sha256
acl:
  local:
    user_regexp: ""
access_rules:
  local:
    allow: local
modules:
  mod_roster: {{}}
  mod_disco: {{}}
  mod_ping: {{}}
"""

START = ('{{ok, _}} = application:ensure_all_started(ejabberd), [ok = ejabberd_auth:try_register(U, <<"{domain}">>, <<"{password}">>) || '
         'U <- [{users}], not ejabberd_auth:user_exists(U, <<"{domain}">>)], io:format("users are there~n")')


class Ejabberd:
    name = "ejabberd"
    options = []
    host = "localhost"  # it asks the system for addresses, which knows no other name of this machine

    def __init__(self, binaries, folder, domain, base, tls, what):
        del binaries, what
        self.folder, self.domain, self.base, self.tls = folder, domain, base, tls
        self.users, self.process = [], None

    def add_users(self, users):
        self.users += users  # they are made at the start: there is nobody to make them before

    def start(self, dns_port=None, modules=(), peer=None):
        del modules, peer
        (self.folder / "mnesia").mkdir(parents=True, exist_ok=True)
        certificate, key = self.tls
        pem = self.folder / "server.pem"
        pem.write_text(certificate.read_text() + key.read_text())
        pem.chmod(0o600)
        (self.folder / "ejabberd.yml").write_text(CONFIG.format(
            domain=self.domain, certificate=certificate, pem=pem, direct=self.base + 23, s2s=self.base + 69))
        rc = self.folder / "inetrc"
        rc.write_text(f"{{resolv_conf, \"\"}}.\n{{hosts_file, \"\"}}.\n{{lookup, [dns]}}.\n{{nameserver, {{127,0,0,1}}, {dns_port}}}.\n" if dns_port else "{lookup, [file]}.\n")
        users = ", ".join(f'<<"{user}">>' for user in self.users)
        code = glob.glob("/usr/lib/*-linux-gnu/ejabberd-*/ebin")
        if not code:
            raise Failure("ejabberd is not installed; run: ./dev install bench")
        log = self.folder / "ejabberd.out"
        self.process = Process(
            ["erl", "-noinput", "+K", "true", "+P", "250000", "+Q", "65536", "+S", "2:2", "-kernel", "inetrc", f'"{rc}"', "-pa", code[0],
             "-mnesia", "dir", f'"{self.folder}/mnesia"',
             "-eval", START.format(domain=self.domain, password=PASSWORD, users=users)], log,
            env={"EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"), "EJABBERD_LOG_PATH": str(self.folder / "own.log"),
                 "HOME": str(self.folder), "SPOOL_DIR": str(self.folder), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
        self.process.wait_for(lambda: "users are there" in log.read_text(errors="replace") and listens(self.base + 23), "ejabberd")
        return self

    @property
    def pids(self):
        """`erl` replaces itself by the virtual machine, which may have helpers."""
        main = self.process.pid
        return [main, *map(int, pathlib.Path(f"/proc/{main}/task/{main}/children").read_text().split())]

    port = property(lambda self: self.base + 23)

    def stop(self):
        if self.process:
            self.process.stop()
