"""A Prosody of a lab, in a folder of its own and as the current user."""
import subprocess

CONFIG = """
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
plugin_paths = {{}}
run_as_root = true
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {c2s} }}
c2s_direct_tls_ports = {{}}
s2s_ports = {{ {s2s} }}
s2s_direct_tls_ports = {{ {s2s_direct} }}
http_ports = {{}}
https_ports = {{}}
unbound = {{ resolvconf = "{resolver}", hoststxt = false, options = {{ ["do-not-query-localhost:"] = "no" }} }}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping", "private", "vcard_legacy", "pep", "version", "time",
    "offline", "posix"{modules} }}
modules_disabled = {{ "admin_shell"{disabled} }}
s2s_require_encryption = {require_encryption}
s2s_secure_auth = {secure_auth}
c2s_require_encryption = true
authentication = "internal_plain"
storage = "internal"
log = {{ {{ levels = {{ min = "debug" }}, to = "console" }} }}
ssl = {{ key = "{key}", certificate = "{chain}", cafile = "{ca}" }}
{extra}
"""


class Prosody:
    """`federation` says how it proves itself and asks others to:

    "certificate": TLS and a valid certificate; "dialback": TLS wanted but certificates do not count, dialback proves;
    "plain": no TLS on server-to-server streams at all, dialback proves.
    """

    def __init__(self, lab, domain, federation="certificate", certificate=None, modules=(), extra="", ca=None):
        self.lab, self.domain = lab, domain
        self.c2s_port, self.s2s_port = lab.ports.take(), lab.ports.take()
        self.s2s_direct_port = lab.ports.take() if federation == "certificate" else None
        folder = lab.folder / f"prosody-{domain}"
        (folder / "data").mkdir(parents=True)
        self.certificate = certificate or lab.ca.issue(domain, f"xmpp.{domain}")
        modules = list(modules) + ["dialback"] * (federation != "certificate")
        disabled = [] if federation == "certificate" else ["s2s_auth_certs"]
        if federation == "plain":
            extra = "s2s_allow_encryption = false\n" + extra
        self._config = folder / "prosody.cfg.lua"
        self._config.write_text(
            CONFIG.format(
                folder=folder, c2s=self.c2s_port, s2s=self.s2s_port, s2s_direct=self.s2s_direct_port or "",
                resolver=lab.resolver_file(), modules="".join(f', "{m}"' for m in modules),
                disabled="".join(f', "{m}"' for m in disabled),
                require_encryption=str(federation != "plain").lower(), secure_auth=str(federation == "certificate").lower(),
                key=self.certificate.key, chain=self.certificate.chain, ca=ca or self.certificate.ca, extra=extra,
            )
            + f'VirtualHost "{domain}"\n'
        )
        self.process = lab.process(f"prosody-{domain}", ["prosody", "-F", "--config", self._config], folder)

    async def start(self):
        self.process.start()
        await self.process.wait_port(self.c2s_port)
        await self.process.wait_port(self.s2s_port)
        self.lab.publish_xmpp(self.domain, self.s2s_port, direct_tls_port=self.s2s_direct_port)
        return self

    def add_user(self, name, password="secret"):
        """Returns the JID. Its files are written by Prosody's own tool; the running server sees them at the next log-in."""
        jid = f"{name}@{self.domain}"
        subprocess.run(["prosodyctl", "--config", str(self._config), "--root", "register", name, self.domain, password],
                       check=True, capture_output=True, stdin=subprocess.DEVNULL)
        return jid

    @property
    def address(self):
        return "127.0.0.1", self.c2s_port
