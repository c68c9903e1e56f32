"""baresip of a lab: a SIP client with presence and messages, commanded over its control port."""
import asyncio
import json
import re
import time

from .waiting import Journal, TooLate, until

COLOURS = re.compile(r"\x1b\[[0-9;]*m")

CONFIG = """
poll_method epoll
sip_listen 127.0.0.1:{sip}
sip_verify_server no
audio_player nil
audio_source nil
audio_alert nil
module_path /usr/lib/baresip/modules
module g711.so
module_app account.so
module_app contact.so
module_app menu.so
module_app presence.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
net_interface 127.0.0.1
"""


class Baresip:
    """One account at `proxy` (an open TCP port of its SIP server). `contacts` are watched by subscription."""

    def __init__(self, lab, aor, proxy_port, contacts=(), publish=True):
        self.lab, self.aor, self.contacts = lab, aor, list(contacts)
        self.publishes, self.proxy_port = publish, proxy_port
        name = aor.replace("@", "-at-")
        self.sip_port, _, self.control_port = (lab.ports.take() for _ in range(3))  # it listens for TLS one above the first
        folder = lab.folder / f"baresip-{name}"
        folder.mkdir()
        (folder / "config").write_text(CONFIG.format(sip=self.sip_port, control=self.control_port))
        (folder / "accounts").write_text(
            f'<sip:{aor};transport=tcp>;auth_pass=none;outbound="sip:127.0.0.1:{proxy_port};transport=tcp";'
            f"regint=600{';pubint=600' if publish else ''}\n")
        (folder / "contacts").write_text("".join(f'"{c}" <sip:{c}>;presence=p2p\n' for c in contacts))
        self.process = lab.process(f"baresip-{name}", ["baresip", "-f", folder, "-s"], folder)
        self.journal = Journal(f"baresip {aor}")
        self._writer = self._task = None
        self._token = 0
        lab.add(self)

    async def start(self):
        self.process.start()
        # Not wait_port: the control port takes one connection at a time, and a probe would be that one.
        await self.process.wait_line(r"baresip is ready", 15)
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self.control_port)
        self._task = asyncio.ensure_future(self._read(reader))
        await self.process.wait_line(r"CSeq: \d+ REGISTER\n(.+\n)*Server:", 15)
        if self.publishes:
            await self._publish_once()
        self._online = True
        return self

    async def _publish_once(self):
        """COMPAT(baresip 1.0): at its start it may publish twice without waiting for the first answer's tag, and is then two
        devices, one of which stays online for ever. The one that it has forgotten is taken back here."""
        requests = r"(?m)^PUBLISH sip:(?:.*\n)(?:(?!SIP-If-Match).+\n)*\n"
        await self._published(1)
        await self._published(len(re.findall(requests, self.process.log())))
        tags = re.findall(r"(?m)^SIP-ETag: *(\S+)", self.process.log())
        for number, tag in enumerate(tags[:-1]):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy_port)
            writer.write((f"PUBLISH sip:{self.aor} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKretire{number}\r\n"
                          f"Max-Forwards: 70\r\nFrom: <sip:{self.aor}>;tag=retire{number}\r\nTo: <sip:{self.aor}>\r\n"
                          f"Call-ID: retire-{tag}\r\nCSeq: 1 PUBLISH\r\nEvent: presence\r\nExpires: 0\r\n"
                          f"SIP-If-Match: {tag}\r\nContent-Length: 0\r\n\r\n").encode())
            answer = await asyncio.wait_for(reader.readline(), 10)
            assert b" 200 " in answer, f"the forgotten publication was not taken back: {answer}"
            writer.close()

    async def _published(self, times):
        """Each PUBLISH has to be answered before the next: one sent without the answer's tag would be a second device."""
        await until(lambda: len(re.findall(r"(?m)^SIP-ETag: ", self.process.log())) >= times, 15, f"{self.aor} published its state")

    async def stop(self):
        if self._task:
            self._task.cancel()
            self._writer.close()

    async def _read(self, reader):
        """Netstrings of JSON: events, and answers to commands."""
        try:
            while True:
                size = await reader.readuntil(b":")
                self.journal.add(json.loads((await reader.readexactly(int(size[:-1]) + 1))[:-1]))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass

    async def command(self, command, parameters=""):
        self._token += 1
        token = str(self._token)
        text = json.dumps({"command": command, "params": parameters, "token": token}).encode()
        self._writer.write(str(len(text)).encode() + b":" + text + b",")
        return await self.journal.wait_for(f"the answer to {command}", lambda e: e.get("token") == token)

    async def send_message(self, to, text):
        """To one of its contacts: the client knows no other addressee."""
        for _ in range(len(self.contacts) + 1):
            listed = (await self.command("contacts"))["data"].splitlines()
            if any(line.startswith(">") and f"sip:{to}" in line for line in listed):
                break
            await self.command("contact_next")
        else:
            raise AssertionError(f"{to} is not a contact of {self.aor}")
        return await self.command("message", text)

    async def set_online(self, online):
        if online == self._online:
            return  # it would publish nothing
        self._online = online
        before = len(re.findall(r"(?m)^SIP-ETag: ", self.process.log()))
        await self.command("presence_online" if online else "presence_offline")
        if self.publishes:
            await self._published(before + 1)

    async def contact_state(self, contact):
        """What the client shows of a contact: Online, Offline, Unknown, ..."""
        for line in COLOURS.sub("", (await self.command("contacts"))["data"]).splitlines():
            if f"sip:{contact}" in line:
                return line.replace(">", " ", 1).split()[0]
        raise AssertionError(f"{contact} is not a contact of {self.aor}")

    async def wait_contact(self, contact, state, deadline=15):
        end = time.monotonic() + deadline
        while (shown := await self.contact_state(contact)) != state:
            if time.monotonic() > end:
                raise TooLate(f"{self.aor} shows {contact} as {shown}, not {state}, after {deadline} s")
            await asyncio.sleep(0.1)

    async def wait_message(self, text, sender, deadline=15):
        """A MESSAGE that came in, as the client's own SIP trace has it."""
        header = rf"MESSAGE sip:[^\n]*\n(?:[^\n]+\n)*From: [^\n]*<sip:{re.escape(sender)}[^\n]*\n(?:[^\n]+\n)*\n"
        return await self.process.wait_line(header + re.escape(text), deadline)
