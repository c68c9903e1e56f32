"""SIPp of a lab, behind stunnel: Debian's SIPp has no TLS, and the partners that it plays speak nothing else."""
from .products import KEY_INFO, ROUTE_SIG

STUNNEL = """
foreground = yes
pid =
debug = info
[{name}]
client = {client}
accept = 127.0.0.1:{accept}
connect = 127.0.0.1:{connect}
cert = {chain}
key = {key}
CAfile = {ca}
verifyChain = yes
"""


class SippEdge:
    """One run of a scenario as the edge of `domain`; its stunnels carry what it dials and what is dialled to it."""

    def __init__(self, lab, scenario, partner_port, user, watcher, certificate=None):
        self.lab, self.domain = lab, watcher.partition("@")[2]
        self.host = f"sip.{self.domain}"
        certificate = certificate or lab.ca.issue(self.host)
        sip_port, out_port, self.port = (lab.ports.take() for _ in range(3))
        folder = lab.folder / "sipp"
        folder.mkdir()
        files = {"chain": certificate.chain, "key": certificate.key, "ca": certificate.ca}
        (folder / "out.conf").write_text(STUNNEL.format(name="out", client="yes", accept=out_port, connect=partner_port, **files))
        (folder / "in.conf").write_text(STUNNEL.format(name="in", client="no", accept=self.port, connect=sip_port, **files))
        self._stunnels = [(lab.process(f"stunnel-{way}", ["stunnel4", folder / f"{way}.conf"], folder), port)
                          for way, port in (("out", out_port), ("in", self.port))]
        keys = {"user": user, "watcher": watcher, "edge_host": self.host, "edge_port": self.port, "key_info": KEY_INFO,
                "route_sig": ROUTE_SIG}
        command = ["sipp", "-sf", scenario, "-m", "1", "-t", "t1", "-i", "127.0.0.1", "-p", sip_port, "-nostdin", "-timeout", "50",
                   "-timeout_error", "-trace_err", "-trace_msg", "-cid_str", "cecb8c21ba01462a90f2f7235%p%u"]
        for name, value in keys.items():
            command += ["-key", name, str(value)]
        self._sip_port = sip_port
        self.process = lab.process("sipp", command + [f"127.0.0.1:{out_port}"], folder, env={"TERM": "dumb"}, crash_fails=False)

    async def start(self):
        for stunnel, port in self._stunnels:
            stunnel.start()
            await stunnel.wait_line("Configuration successful")
        self.lab.publish_sip(self.domain, tls_port=self.port, federation=True)
        self.process.start()
        return self

    async def finished(self, deadline=50):
        """The scenario ran to its end, every check in it passed."""
        code = await self.process.wait_end(deadline)
        if code != 0:
            logs = "\n".join(f"{path.name}:\n{path.read_text(errors='replace')[-4000:]}"
                             for path in sorted((self.lab.folder / "sipp").glob("*.log")) if not path.name.startswith("stunnel"))
            raise AssertionError(f"SIPp ended with {code}:\n{logs}")
