"""profanity of a lab: a terminal client, run in tmux and read off its screen."""
import re
import subprocess

from .waiting import until


class Profanity:
    def __init__(self, lab, jid, password, port, home=""):
        self.lab, self.jid, self.password, self.port = lab, jid, password, port
        self._home = lab.folder / f"profanity-{jid.replace('@', '-at-')}{home}"
        (self._home / "config" / "profanity").mkdir(parents=True)
        (self._home / "config" / "profanity" / "profrc").write_text(
            "[ui]\nsplash=false\n[notifications]\nroom=off\n[logging]\nchlog=false\n[connection]\nreconnect=0\n")
        self._tmux = ["tmux", "-S", str(self._home / "tmux"), "-f", "/dev/null"]
        lab.add(self)

    def __str__(self):
        return f"profanity {self.jid}"

    def _run(self, *arguments):
        return subprocess.run([*self._tmux, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout

    def screen(self):
        return self._run("capture-pane", "-p", "-S", "-200")

    def type(self, line):
        self._run("send-keys", "-l", line)
        self._run("send-keys", "Enter")

    async def wait_screen(self, pattern, deadline=15):
        await until(lambda: re.search(pattern, self.screen()), deadline,
                    lambda: f"{self} showed {pattern!r}; its screen:\n{self.screen()}")

    async def start(self):
        environment = [f"XDG_CONFIG_HOME={self._home}/config", f"XDG_DATA_HOME={self._home}/data", f"HOME={self._home}", "LC_ALL=C.UTF-8"]
        self._run("new-session", "-d", "-x", "160", "-y", "50", "env", *environment, f"SSL_CERT_FILE={self.lab.ca.file}", "profanity")
        await self.wait_screen(r"Profanity|profanity")
        self.type(f"/connect {self.jid} server 127.0.0.1 port {self.port} tls trust")
        await self.wait_screen(r"(?i)password")
        self.type(self.password)
        await self.wait_screen(r"logged in successfully")
        return self

    async def stop(self):
        self._run("kill-server")

    def send_message(self, to, text):
        self.type(f"/msg {to} {text}")
