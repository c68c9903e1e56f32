"""linphone of a lab: a SIP client by other people than baresip's, with presence and messages, commanded as on its terminal."""
import os
import re

from .waiting import until

CONFIG = """[sip]
sip_port=0
sip_tcp_port={own}
sip_tls_port=0
default_proxy=0
register_only_when_network_is_up=0
guess_hostname=0
lime=0
use_ipv6=0
bind_address=127.0.0.1

[misc]
prefer_basic_chat_room=1
hide_chat_rooms_from_removed_proxies=0

[app]
sender_name=none

[net]
mtu=0

[proxy_0]
reg_proxy=<sip:127.0.0.1:{port};transport=tcp>
reg_route=<sip:127.0.0.1:{port};transport=tcp>
reg_identity=sip:{aor}
reg_expires=600
reg_sendregister=1
publish=0
"""

FRIEND = """
[friend_{number}]
url="{name}" <sip:{contact}>
pol=accept
subscribe=1
"""


class Linphone:
    """One account at `proxy_port` (an open TCP port of its SIP server). `contacts` are watched by subscription."""

    def __init__(self, lab, aor, proxy_port, contacts=()):
        self.aor = aor
        folder = lab.folder / f"linphone-{aor.replace('@', '-at-')}"
        (folder / ".local" / "share" / "linphone").mkdir(parents=True)  # it makes its database only in a folder that is there
        text = CONFIG.format(port=proxy_port, aor=aor, own=lab.ports.take())
        text += "".join(FRIEND.format(number=n, name=c.partition("@")[0], contact=c) for n, c in enumerate(contacts))
        (folder / "linphonerc").write_text(text)
        self._pipe = folder / "commands"
        os.mkfifo(self._pipe)
        self.process = lab.process(folder.name, ["sh", "-c", f"exec linphonec -d 5 -c {folder}/linphonerc <>{self._pipe}"], folder,
                                   env={"HOME": str(folder), "TERM": "dumb"}, crash_fails=False, polite=False)

    async def start(self):
        self.process.start()
        await self.process.wait_line(r"to \[LinphoneRegistrationOk\]", 15)
        return self

    def command(self, text):
        with open(self._pipe, "w", encoding="utf-8") as pipe:
            pipe.write(text + "\n")

    def send_message(self, to, text):
        self.command(f"chat sip:{to} {text}")

    async def wait_message(self, text, sender, deadline=20):
        """A MESSAGE that came in, as the client's own trace has it."""
        header = rf"(?s)MESSAGE sip:[^\n]*\n(?:[^\n]+\n)*?From: [^\n]*sip:{re.escape(sender)}[^\n]*\n(?:[^\n]+\n)*\s*\n"
        return await self.process.wait_line(header + re.escape(text), deadline)

    async def wait_notified(self, contact, basic, deadline=20):
        """The newest NOTIFY of this contact says open or closed."""
        notify = re.compile(rf"(?m)^NOTIFY sip:.*\n(?:.+\n)*?From: .*sip:{re.escape(contact)}.*\n(?:.+\n)*\s*\n(?:.*\n)*?.*<basic>(\w+)<")

        def newest():
            found = notify.findall(self.process.log().replace("\r", ""))
            return found and found[-1] == basic

        await until(newest, deadline, lambda: f"linphone was told that {contact} is {basic}")
