"""Zones with real DNSSEC signatures: made by ldns, served by NSD on a loopback port; the lab's name server hands on what is asked of them.

A zone is signed once, before the start. `bogus` changes a record behind the signature's back, as somebody in between would do it.
"""
import hashlib
import pathlib
import re
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HEAD = """$ORIGIN {name}.
$TTL 1
@ SOA ns root 1 60 60 600 1
@ NS ns
ns A 127.0.0.1
"""
SERVER = """
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  database: ""
  server-count: 1
remote-control:
  control-enable: no
"""


def tlsa(certificate, usage=3, selector=1, matching=1):
    """The data of a TLSA record for the first certificate of a PEM file."""
    first = x509.load_pem_x509_certificate(pathlib.Path(certificate).read_bytes())
    data = first.public_bytes(Encoding.DER) if selector == 0 else \
        first.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    data = {0: lambda d: d, 1: lambda d: hashlib.sha256(d).digest(), 2: lambda d: hashlib.sha512(d).digest()}[matching](data)
    return f"{usage} {selector} {matching} {data.hex()}"


class SignedDns:
    def __init__(self, lab):
        self.lab = lab
        self.folder = lab.folder / "nsd"
        self.folder.mkdir()
        self.trust_anchor = self.folder / "anchor.ds"
        self.trust_anchor.write_text("")
        self._zones = []
        self._port = lab.ports.take()
        self.process = lab.process("nsd", ["nsd", "-d", "-c", self.folder / "nsd.conf"], self.folder, crash_fails=False)

    def zone(self, name, *records, bogus=None, sign=True):
        """`records` as in a zone file, names relative to the zone; `bogus` is (expression, text) to replace once it is signed."""
        file, signed = self.folder / f"{name}.zone", self.folder / f"{name}.signed"
        file.write_text(HEAD.format(name=name) + "\n".join(records) + "\n")
        self._zones.append(name)
        self.lab.dns.hand_on(name, ("127.0.0.1", self._port))
        if not sign:
            signed.write_text(file.read_text())
            return
        keys = [self._run("ldns-keygen", "-a", "ECDSAP256SHA256", *kind, name) for kind in ([], ["-k"])]
        self._run("ldns-signzone", "-o", name, "-f", signed, file, *keys)
        if bogus:
            text, count = re.subn(*bogus, signed.read_text())
            assert count == 1, f"{bogus[0]} stands {count} times in {signed}"
            signed.write_text(text)
        with self.trust_anchor.open("a") as anchor:
            anchor.write((self.folder / f"{keys[1]}.ds").read_text())

    def xmpp_zone(self, domain, port, *records, tlsa_records=(), host=None, **options):
        """A zone with an XMPP server on 127.0.0.1, and TLSA records for it."""
        host = host or "xmpp"
        self.zone(domain, f"_xmpp-server._tcp SRV 0 0 {port} {host}", f"{host} A 127.0.0.1", *records,
                  *(f"_{port}._tcp.{host} TLSA {data}" for data in tlsa_records), **options)

    def _run(self, *command):
        return subprocess.run([str(word) for word in command], cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()

    async def start(self):
        config = SERVER.format(folder=self.folder, port=self._port)
        for name in self._zones:
            config += f'zone:\n  name: "{name}"\n  zonefile: "{name}.signed"\n'
        (self.folder / "nsd.conf").write_text(config)
        self.process.start()
        await self.process.wait_port(self._port)
        return self
