"""A node of parley in a lab: made with `parleyctl init`, given a certificate of the lab's CA and the lab's name server."""
import asyncio
import json
import os
import re
import subprocess

READY = r"^parleyd ready"
READY_DEADLINE = 20  # seconds; a sanitizer build on a busy machine


def set_key(text, table, key, value):
    """TOML `text` with `key = value` in [table], in place of a line that sets it or has it commented out."""
    line = f"{key} = {value}"
    head = re.search(rf"(?m)^\[{table}\][^\n]*\n", text)
    if not head:
        return f"{text.rstrip()}\n\n[{table}]\n{line}\n"
    after = re.compile(r"(?m)^\[").search(text, head.end())
    end = after.start() if after else len(text)
    section = text[head.end():end]
    changed, count = re.subn(rf"(?m)^{key}\s*=.*$", lambda _: line, section, count=1)
    return text[:head.end()] + (changed if count else line + "\n" + section) + text[end:]


class Parley:
    """`settings` is {(table, key): TOML value}, written over what init wrote."""

    def __init__(self, lab, domain, settings=None, certificate=None, more_domains=(), publish_direct=True):
        self.lab, self.domain, self.more_domains = lab, domain, list(more_domains)
        self.settings = dict(settings or {})
        self.publish_direct = publish_direct
        self.base = lab.port_block()
        self.folder = lab.folder / f"parley-{domain}"
        self.certificate = certificate or self._issue(domain)
        self.process = lab.process(f"parleyd-{domain}", [lab.program("parleyd"), "--dir", self.folder],
                                   lab.folder / f"parley-{domain}-log")

    c2s_port = property(lambda self: self.base + 22)
    c2s_tls_port = property(lambda self: self.base + 23)
    s2s_port = property(lambda self: self.base + 69)
    s2s_tls_port = property(lambda self: self.base + 70)
    sip_port = property(lambda self: self.base + 60)
    sip_tls_port = property(lambda self: self.base + 61)

    @property
    def address(self):
        return "127.0.0.1", self.c2s_port

    def _run(self, *arguments, text=None, check=True):
        done = subprocess.run([str(self.lab.program("parleyctl")), *map(str, arguments)], input=text if text is not None else "",
                              capture_output=True, text=True, timeout=30, env=dict(os.environ, LC_ALL="C.UTF-8"))
        if check and done.returncode:
            raise AssertionError(f"parleyctl {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def ctl(self, *arguments, text=None, check=True):
        """`parleyctl --dir FOLDER ...`; returns the finished process."""
        return self._run("--dir", self.folder, *arguments, text=text, check=check)

    async def finding_ids(self, *arguments):
        """The ids of what a command that looks at something has found."""
        done = await asyncio.to_thread(self.ctl, "--json", *arguments, check=False)
        return [finding["id"] for finding in json.loads(done.stdout)["result"]["findings"]]

    def _issue(self, domain):
        return self.lab.ca.issue(domain, f"sip.{domain}", f"xmpp.{domain}", f"conference.{domain}")

    def init(self):
        self._run("init", self.domain, "--dir", self.folder, "--port-base", self.base)
        file = self.folder / "parley.toml"
        text = file.read_text()
        text = re.sub(r'(?m)^certificate\s*=.*$', f'certificate = "{self.certificate.chain}"', text)
        text = re.sub(r'(?m)^key\s*=.*$', f'key = "{self.certificate.key}"', text)
        for domain in self.more_domains:  # each shows a certificate of its own
            own = self._issue(domain)
            text += f'\n[[domain]]\nname = "{domain}"\ncertificate = "{own.chain}"\nkey = "{own.key}"\n'
        settings = {("dns", "servers"): f'["{self.lab.dns.address}:53"]', ("tls", "trust_file"): f'"{self.lab.ca.file}"',
                    ("tls", "trust_system"): "false", ("log", "level"): '"debug"', **self.settings}
        for (table, key), value in settings.items():
            text = set_key(text, table, key, value)
        file.write_text(text)
        return self

    async def start(self):
        if not self.folder.exists():
            self.init()
        self.process.start()
        await self.process.wait_line(READY, READY_DEADLINE)
        self.publish()
        return self

    def publish(self):
        """The records that a partner needs to find this node."""
        for domain in (self.domain, *self.more_domains):
            for name in (f"_xmpp-server._tcp.{domain}", f"_xmpps-server._tcp.{domain}", f"_sipfederationtls._tcp.{domain}",
                         f"_sips._tcp.{domain}", f"_sip._tcp.{domain}"):
                self.lab.dns.remove(name)
            self.lab.publish_xmpp(domain, self.s2s_port, direct_tls_port=self.s2s_tls_port if self.publish_direct else None)
            self.lab.publish_sip(domain, tls_port=self.sip_tls_port, tcp_port=self.sip_port)
            self.lab.publish_sip(domain, tls_port=self.sip_tls_port, federation=True)

    async def stop(self):
        await self.process.stop()

    def kill(self):
        self.process.kill()

    async def restart(self, kill=False):
        """Down and up again in the same folder; `kill` is kill -9."""
        if kill:
            self.kill()
        else:
            await self.process.stop()
        self.process.start()
        await self.process.wait_line(READY, READY_DEADLINE)

    def add_user(self, name, password="secret", domain=None):
        jid = f"{name}@{domain or self.domain}"
        self.ctl("user", "add", jid, "--password-stdin", text=password + "\n")
        return jid

    def allow(self, domain, *options):
        """`federation allow`; options as on the command line, e.g. "--via", "sip", "--profile", "ocs"."""
        self.ctl("federation", "allow", domain, *options)
