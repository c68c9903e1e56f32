"""go-sendxmpp of a lab: an XMPP client in Go, for messages in and out."""
import re


class GoSendXmpp:
    def __init__(self, lab, jid, password, port, direct_tls=False):
        self.lab, self.jid = lab, jid
        self._command = ["go-sendxmpp", "-u", jid, "-p", password, "-j", f"127.0.0.1:{port}"] + ["-t"] * direct_tls
        # Go takes the lab's CA for the system's; HOME, so that no configuration of the user counts.
        self._env = {"SSL_CERT_FILE": str(lab.ca.file), "HOME": str(lab.folder)}
        self._count = 0
        self._listener = None

    def _process(self, what, more):
        self._count += 1
        name = f"go-sendxmpp-{self.jid.replace('@', '-at-')}-{what}-{self._count}"
        return self.lab.process(name, self._command + more, env=self._env, crash_fails=False)

    async def send(self, to, text):
        """Logs in, sends one message, logs out."""
        file = self.lab.folder / f"go-sendxmpp-message-{self._count}"
        file.write_text(text)
        process = self._process("send", ["-m", file, to]).start()
        code = await process.wait_end(20)
        assert code == 0, f"go-sendxmpp ended with {code}:\n{process.tail()}"

    async def listen(self):
        """Logs in and stays; returns when the server has the session (it sends its presence last)."""
        self._listener = self._process("listen", ["-d", "-l"]).start()
        await self._listener.wait_line(r"<presence", 20)

    async def wait_message(self, text, sender, deadline=15):
        await self._listener.wait_line(rf"{re.escape(sender)}[^\n]*{re.escape(text)}", deadline)
