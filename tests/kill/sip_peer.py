"""A SIP partner of few lines on asyncio, over mutual TLS: it never dies, the server that it speaks with does.

Its users write to ours, and answer what ours write. A text that was not answered goes again in the server's next life as it
was: the same Call-ID, From tag and CSeq. One domain speaks in sessions (INVITE), the other sends each MESSAGE by itself.
"""
import asyncio
import collections
import contextlib
import itertools
import ssl

from tests.kill.raw_client import Closed
from tests.lab.sip_message import SipMessage, read_message

SDP = ("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 5060 sip null\r\n"
       "a=accept-types:text/plain\r\n")
TYPING = '<?xml version="1.0"?><KeyboardActivity><status status="type"/></KeyboardActivity>'
WINDOW = 4         # texts of one conversation that wait for their answers
LONGEST_BODY = 1000
LATEST = 30        # seconds until an answer counts as missing


def _context(side, certificate):
    context = ssl.SSLContext(side)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is our own server on loopback with a certificate of its own
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


class Link:
    """One connection, whoever has opened it."""

    def __init__(self, peer, reader, writer):
        self.peer, self.reader, self.writer = peer, reader, writer
        self.answered = collections.deque(maxlen=20)  # the newest texts that a 200 went out for on it
        self.task = asyncio.ensure_future(self._read())

    async def _read(self):
        try:
            while message := await read_message(self.reader):
                if self.writer.is_closing():
                    break  # what was still in the buffer when it was given up belongs to a life that is over
                message.connection = self
                self.peer.on_message(message)
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        except ValueError as error:
            self.peer.book.wrong.append(f"what came is not SIP: {error}")
        finally:
            self.peer.links.discard(self)
            self.writer.transport.abort()

    def send(self, message):
        if not self.writer.is_closing():
            self.writer.write(message.encode())

    def abort(self):
        self.writer.transport.abort()


class Peer:
    def __init__(self, ca, domain, local_domain, sessions, book, rng):
        self.domain, self.local_domain, self.sessions, self.book, self.rng = domain, local_domain, sessions, book, rng
        self.host = f"sip.{domain}"
        self.certificate = ca.issue(self.host)
        self.links = set()
        self.dialogs = {}       # of open sessions, whoever has opened them: Call-ID to our tag
        self.holds = False      # answers nothing
        self.faulty = True      # answers late, wrongly or not at all, now and then
        self.serial = itertools.count(1)
        self._trunk = None
        self._waiting = {}      # (Call-ID, CSeq, method): a future

    async def listen(self):
        def accepted(reader, writer):
            self.links.add(Link(self, reader, writer))

        self._server = await asyncio.start_server(accepted, "127.0.0.1", 0,
                                                  ssl=_context(ssl.PROTOCOL_TLS_SERVER, self.certificate))
        self.port = self._server.sockets[0].getsockname()[1]

    async def dial(self, port):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, server_hostname=f"sip.{self.local_domain}",
                                                           ssl=_context(ssl.PROTOCOL_TLS_CLIENT, self.certificate))
        except OSError as error:
            raise Closed(f"no connection: {error}") from error
        self._trunk = Link(self, reader, writer)
        self.links.add(self._trunk)

    def drop(self):
        """What the death of the server does, felt at once."""
        self._trunk = None
        for link in list(self.links):
            link.abort()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Closed("the server is gone"))
        self._waiting.clear()

    def close(self):
        self.drop()
        self._server.close()

    # ---- requests of ours
    def request(self, method, target, local, remote, call_id, cseq, body=b"", content_type=None):
        branch = f"z9hG4bK{self.domain.partition('.')[0]}{next(self.serial)}"
        lines = [f"{method} {target} SIP/2.0", f"Via: SIP/2.0/TLS {self.host}:{self.port};branch={branch}",
                 "Max-Forwards: 70", f"From: {local}", f"To: {remote}", f"Call-ID: {call_id}", f"CSeq: {cseq} {method}"]
        if method == "INVITE":
            lines.append(f"Contact: <sip:{self.host}:{self.port};transport=tls>")
        if content_type:
            lines.append(f"Content-Type: {content_type}")
        return SipMessage.from_text("\n".join(lines), body)

    def send(self, message):
        if self._trunk not in self.links:
            raise Closed("the connection is gone")
        self._trunk.send(message)

    def _break(self, link):
        """Whatever answers were on their way on it may be lost."""
        for text in link.answered:
            self.book.on_sip_answer_lost(text)
        link.abort()

    async def ask(self, message):
        """The final answer."""
        key = message.call_id, message.cseq, message.method
        answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        self.send(message)
        try:
            return await asyncio.wait_for(answer, LATEST)
        except asyncio.TimeoutError:
            raise AssertionError(f"{message.start_line} {key} had no answer within {LATEST} s") from None
        finally:
            self._waiting.pop(key, None)

    # ---- what comes
    def on_message(self, message):
        if message.is_response:
            future = self._waiting.get((message.call_id, message.cseq, message.method))
            if future and not future.done() and message.status >= 200:
                future.set_result(message)
            return
        if self.holds or message.method == "ACK":
            return
        if message.method == "INVITE":
            return self._on_invite(message)
        if message.method == "MESSAGE":
            return self._on_text(message)
        if message.method == "BYE":
            self.dialogs.pop(message.call_id, None)
        self.answer(message, 200)

    def answer(self, request, code, headers=(), body="", tag=None):
        kept = [(n, v) for n, v in request.headers if n.lower() in ("via", "from", "call-id", "cseq")]
        to = request.get("To") + (f";tag={tag or next(self.serial)}" if request.tag("To") is None else "")
        request.connection.send(SipMessage(f"SIP/2.0 {code} x", [
            *kept, ("To", to), *headers, ("Content-Length", str(len(body)))], body.encode()))

    def _on_invite(self, message):
        if not self.sessions:
            return self.answer(message, 488)
        if self.faulty and self.rng.random() < 0.1:
            return self.answer(message, 503, [("Retry-After", "1")])
        tag = self.dialogs[message.call_id] = f"p{next(self.serial)}"
        if self.rng.random() < 0.5:
            self.answer(message, 180, tag=tag)
        self.answer(message, 200, [("Contact", f"<sip:{self.host}:{self.port};transport=tls>"),
                                   ("Content-Type", "application/sdp")], SDP, tag)

    def _on_text(self, message):
        in_session = message.tag("To") is not None
        if in_session and message.call_id not in self.dialogs:
            return self.answer(message, 481)
        dice = self.rng.random() if self.faulty else 1
        if dice < 0.02:
            return self.answer(message, 503)  # not taken
        if in_session and dice < 0.03 and not message.call_id.startswith("w"):
            self.dialogs.pop(message.call_id, None)
            return self.answer(message, 481)  # it has forgotten the session
        ids = None if in_session else f"{message.call_id} {message.tag('From')} {message.cseq}"
        text = self.book.on_sip_text(message.uri("To").removeprefix("sip:"), message.body.decode(), ids)
        if dice < 0.04:
            return self._break(message.connection)  # taken, and nobody hears of it
        if dice < 0.2:
            asyncio.get_running_loop().call_later(self.rng.random() * 0.1, self._take, message, text)
        else:
            self._take(message, text)

    def _take(self, message, text):
        if not message.connection.writer.is_closing():
            self.answer(message, 200)
            if text:
                self.book.on_sip_answered(text, f"{message.call_id} {message.cseq}")
                message.connection.answered.append(text)


class Writer:
    """A user of the partner who writes to one of ours. It lives longer than the server."""

    def __init__(self, peer, user, recipient):
        self.peer, self.recipient = peer, recipient
        self.aor = f"{user}@{peer.domain}"
        self.target = f"sip:{recipient}@{peer.local_domain}"
        self.session = None     # (our From, their To with its tag, Call-ID, target)
        self.cseq = 0
        self.unanswered = {}    # CSeq: (text, what was sent)

    async def _open(self):
        peer = self.peer
        call_id, tag = f"w{next(peer.serial)}-{peer.domain}", f"w{next(peer.serial)}"
        local = f"<sip:{self.aor}>;tag={tag}"
        invite = peer.request("INVITE", self.target, local, f"<{self.target}>", call_id, 1, SDP.encode(), "application/sdp")
        answer = await peer.ask(invite)
        assert answer.status == 200, f"INVITE was answered {answer.start_line}"
        self.session, self.cseq = (local, answer.get("To"), call_id, answer.uri("Contact")), 1
        peer.dialogs[call_id] = tag
        peer.send(peer.request("ACK", self.session[3], local, answer.get("To"), call_id, 1))

    def _new(self):
        peer, rng = self.peer, self.peer.rng
        text = peer.book.new(self.aor, self.recipient)
        body = f"{text.name} {'x' * rng.choice((0, 0, 20, LONGEST_BODY))}".encode()
        self.cseq += 1
        if self.session:
            local, remote, call_id, target = self.session
        else:
            local, remote = f"<sip:{self.aor}>;tag=w{next(peer.serial)}", f"<{self.target}>"
            call_id, target = f"w{next(peer.serial)}-{peer.domain}", self.target
        return self.cseq, text, (target, local, remote, call_id, self.cseq, body, "text/plain; charset=UTF-8")

    async def _one(self, cseq):
        text, parts = self.unanswered[cseq]
        while True:
            answer = await self.peer.ask(self.peer.request("MESSAGE", *parts))
            if answer.status == 200:
                break
            if answer.status != 503:
                self.peer.book.wrong.append(f"{text} was answered {answer.start_line}")
                break
            await asyncio.sleep(0.2)  # too much at once: later
        if answer.status == 200:
            self.peer.book.on_acknowledged(text)
        del self.unanswered[cseq]

    async def work(self, count=None):
        """Until the server dies (Closed), or until `count` texts are answered."""
        if self.peer.sessions and not self.session:
            await self._open()
        under_way = {asyncio.ensure_future(self._one(cseq)) for cseq in sorted(self.unanswered)}
        try:
            while count is None or count > 0 or under_way:
                while len(under_way) < WINDOW and count != 0:
                    cseq, text, parts = self._new()
                    self.unanswered[cseq] = text, parts
                    under_way.add(asyncio.ensure_future(self._one(cseq)))
                    count = count and count - 1
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                if self.session and not under_way and self.peer.rng.random() < 0.1:
                    await self._close()
        finally:
            for task in under_way:
                task.cancel()
            with contextlib.suppress(Closed):
                await asyncio.gather(*under_way, return_exceptions=True)

    async def _close(self):
        local, remote, call_id, target = self.session
        self.cseq += 1
        typing = self.peer.request("INFO", target, local, remote, call_id, self.cseq, TYPING.encode(), "application/xml")
        await self.peer.ask(typing)
        self.cseq += 1
        bye = self.peer.request("BYE", target, local, remote, call_id, self.cseq)
        self.session = None
        self.peer.dialogs.pop(call_id)
        await self.peer.ask(bye)
        await self._open()
