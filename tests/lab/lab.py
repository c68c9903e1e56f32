"""The lab itself: names, certificates, ports and processes of one test."""
import asyncio
import os
import pathlib
import shlex
import shutil
import sys
import tempfile

from .ca import CertificateAuthority
from .dns import DnsServer
from .ports import Ports, take_block
from .process import Process

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STOP_LIMIT = 30  # seconds for one member; it is named when it takes longer


class Lab:
    """`async with Lab() as lab:`; its folder is kept when a test fails, and its path printed."""

    def __init__(self, name="lab", folder=None):
        self._keep = folder is not None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix=f"parley-{name}-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self.programs = pathlib.Path(os.environ.get("PARLEY_BIN", ROOT / "build" / "dev")).resolve()
        self.dns = DnsServer()
        self.ca = CertificateAuthority(self.folder / "ca")
        self.ports = Ports()
        self._members = []  # what has an async stop(), in the order of its start

    async def __aenter__(self):
        self.dns.start()
        return self

    async def __aexit__(self, kind, error, trace):
        problems = []
        for member in reversed(self._members):
            try:
                await asyncio.wait_for(member.stop(), STOP_LIMIT)
            except Exception as failure:  # the others still have to be stopped
                problems.append(f"{member}: {failure!r}")
            problems += getattr(member, "problems", [])
        self.dns.stop()
        if error or problems:
            print(f"the lab's folder with all logs: {self.folder}", file=sys.stderr)
            for member in self._members:
                if isinstance(member, Process):
                    print(member.tail(), file=sys.stderr)
            if not error:
                raise AssertionError("\n".join(problems))
            print("\n".join(problems), file=sys.stderr)
        elif not self._keep and not os.environ.get("PARLEY_KEEP_LAB"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, member):
        """Takes charge of stopping `member`."""
        self._members.append(member)
        return member

    def port_block(self):
        """The first of 100 ports in a row, for a node of parley."""
        return take_block()

    def process(self, name, command, folder=None, **options):
        return self.add(Process(name, command, folder or self.folder / name, **options))

    def program(self, name):
        """A program of the build under test."""
        path = self.programs / name
        if not path.exists():
            raise AssertionError(f"{path} is not built (PARLEY_BIN names the folder)")
        return path

    def resolver_file(self):
        """A resolv.conf that names the lab's name server."""
        path = self.folder / "resolv.conf"
        path.write_text(f"nameserver {self.dns.address}\noptions timeout:1 attempts:2\n")
        return path

    def with_resolver(self, command):
        """The command, in a mount namespace whose /etc/resolv.conf is the lab's: for peers that read no other (needs root)."""
        words = " ".join(shlex.quote(str(word)) for word in command)
        return ["unshare", "--mount", "sh", "-c", f"mount --bind {self.resolver_file()} /etc/resolv.conf && exec {words}"]

    def publish_xmpp(self, domain, port, host=None, direct_tls_port=None):
        """The SRV and address records of an XMPP server on 127.0.0.1."""
        host = host or f"xmpp.{domain}"
        self.dns.a(host, "127.0.0.1")
        if port:
            self.dns.srv(f"_xmpp-server._tcp.{domain}", port, host)
        if direct_tls_port:
            self.dns.srv(f"_xmpps-server._tcp.{domain}", direct_tls_port, host)

    def publish_sip(self, domain, tls_port=None, tcp_port=None, host=None, federation=False):
        """The SRV and address records of a SIP server on 127.0.0.1; `federation` is the name that OCS looks for."""
        host = host or f"sip.{domain}"
        self.dns.a(host, "127.0.0.1")
        if federation:
            self.dns.srv(f"_sipfederationtls._tcp.{domain}", tls_port, host)
            return
        for name in (domain, host):  # a Contact may name the host alone: RFC 3263 looks for SRV records there too
            self.dns.remove(f"_sips._tcp.{name}")
            self.dns.remove(f"_sip._tcp.{name}")
            if tls_port:
                self.dns.srv(f"_sips._tcp.{name}", tls_port, host)
            if tcp_port:
                self.dns.srv(f"_sip._tcp.{name}", tcp_port, host)
