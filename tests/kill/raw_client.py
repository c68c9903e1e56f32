"""An XMPP client of few lines on asyncio: direct TLS, SASL PLAIN, one resource, stream management (XEP-0198).

It does what the kill tests need and no more, so that it costs little, and so that they can do what no client should:
stop reading, keep back acknowledgements, vanish in the middle of a stanza.
"""
import asyncio
import base64
import collections
import itertools
import socket
import ssl
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import quoteattr

CLIENT = "{jabber:client}"
SASL = "{urn:ietf:params:xml:ns:xmpp-sasl}"
SM = "{urn:xmpp:sm:3}"
STREAM = "{http://etherx.jabber.org/streams}"
STANZAS = {CLIENT + "message", CLIENT + "presence", CLIENT + "iq"}
PING = "{urn:xmpp:ping}ping"
READ = 65536  # bytes at a time


class Closed(Exception):
    """The connection is gone; the text says what the server's last words were, if any."""


def _context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is our own server on loopback with a certificate of its own
    return context


CONTEXT = _context()


class Link:
    """One connection: elements in, text out."""

    def __init__(self):
        self._elements = collections.deque()
        self.restart()

    def restart(self):
        """What comes next is a new document (RFC 6120 4.3.3)."""
        self._parser = ElementTree.XMLPullParser(("start", "end"))
        self._depth, self._root = 0, None

    async def open(self, port, small_buffers=False):
        connection = socket.socket()
        try:
            connection.setblocking(False)
            if small_buffers:  # a client that does not read shall be felt by the server
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            else:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
            self._reader, self._writer = await asyncio.open_connection(
                sock=connection, ssl=CONTEXT, server_hostname="localhost", limit=1024 if small_buffers else READ)
        except (OSError, asyncio.IncompleteReadError) as error:
            connection.close()
            raise Closed(f"no connection: {error}") from error
        return self

    def send(self, text):
        self._writer.write(text.encode())

    async def drained(self):
        """Waits until the server reads, when much is unsent."""
        try:
            await self._writer.drain()
        except OSError as error:
            raise Closed(str(error)) from error

    def _feed(self, data):
        try:
            self._parser.feed(data)
            for event, element in self._parser.read_events():
                if event == "start":
                    self._depth += 1
                    if self._depth == 1:
                        self._root = element
                    continue
                self._depth -= 1
                if self._depth == 1:
                    self._root.clear()
                    self._elements.append(element)
                elif self._depth == 0:
                    self._elements.append(None)  # </stream:stream>
        except ElementTree.ParseError as error:
            raise Closed(f"not XML: {error}: {data!r}") from error

    async def next(self):
        """The next child of the stream; None is the stream's orderly end."""
        while not self._elements:
            try:
                data = await self._reader.read(READ)
            except OSError as error:
                raise Closed(str(error)) from error
            if not data:
                raise Closed("end of the connection")
            self._feed(data)
        element = self._elements.popleft()
        if element is not None and element.tag == STREAM + "error":
            raise Closed("stream error: " + ElementTree.tostring(element, encoding="unicode"))
        return element

    def abort(self):
        self._writer.transport.abort()


class Client:
    """A user's device. It lives longer than its connections: what is unacknowledged stays in `unacked`.

    `on_message(element)` is called for each message that comes, `on_confirmed(element)` when we acknowledge it or are
    about to, `on_acknowledged(token)` for each message of ours that an <a/> of the server covers.
    """

    def __init__(self, port, user, domain, password, resource, on_message=None, on_confirmed=None,
                 on_acknowledged=None):
        self.port, self.user, self.domain, self.password, self.resource = port, user, domain, password, resource
        self.on_message, self.on_confirmed, self.on_acknowledged = on_message, on_confirmed, on_acknowledged
        self.link = None
        self.acknowledges = True
        self.small_buffers = False
        self.resume_id = ""
        self.unacked = collections.deque()  # (stanza as text, token), the oldest first
        self.progress = asyncio.Event()     # set whenever something was acknowledged to us
        self._covered = 0                   # `h` of the server's last <a/>
        self._handled = 0                   # what we have taken from it
        self._kept_back = []                # messages that we have taken and not acknowledged
        self._pings = {}
        self._ping_numbers = itertools.count()

    async def connect(self, resume=False, resumable=True, managed=True):
        """Logs in. True: the old session goes on, and what it had not acknowledged has been sent again. With a new
        session `unacked` is the caller's to send again or to forget. `managed`: with stream management."""
        link = await Link().open(self.port, self.small_buffers)
        try:
            await self._authenticate(link)
            if resume and self.resume_id and await self._resume(link):
                return True
            await self._begin(link, resumable, managed)
        except BaseException:
            link.abort()
            raise
        return False

    def _header(self, link):
        link.send(f"<?xml version='1.0'?><stream:stream to={quoteattr(self.domain)} version='1.0' "
                  "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")

    @staticmethod
    async def _expect(link, tag):
        element = await link.next()
        if element is None or element.tag != tag:
            found = "the end" if element is None else ElementTree.tostring(element, encoding="unicode")
            raise Closed(f"expected {tag}, got {found}")
        return element

    async def _authenticate(self, link):
        self._header(link)
        await self._expect(link, STREAM + "features")
        proof = base64.b64encode(f"\0{self.user}\0{self.password}".encode()).decode()
        link.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{proof}</auth>")
        await self._expect(link, SASL + "success")
        link.restart()
        self._header(link)
        await self._expect(link, STREAM + "features")

    async def _begin(self, link, resumable, managed):
        link.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                  f"<resource>{self.resource}</resource></bind></iq>")
        answer = await self._expect(link, CLIENT + "iq")
        if answer.get("type") != "result":
            raise Closed("no resource: " + ElementTree.tostring(answer, encoding="unicode"))
        self.resume_id = ""
        if managed:
            link.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>" if resumable else "<enable xmlns='urn:xmpp:sm:3'/>")
            enabled = await self._expect(link, SM + "enabled")
            self.resume_id = enabled.get("id", "")
        self._covered = self._handled = 0
        self._kept_back.clear()
        self.link = link

    async def _resume(self, link):
        self._confirm()  # by `h`
        link.send(f"<resume xmlns='urn:xmpp:sm:3' h='{self._handled}' previd={quoteattr(self.resume_id)}/>")
        answer = await link.next()
        if answer is not None and answer.tag == SM + "failed":
            return False
        if answer is None or answer.tag != SM + "resumed":
            raise Closed("an odd answer to <resume/>")
        self.link = link
        self._on_ack(int(answer.get("h")))
        for text, _ in self.unacked:
            link.send(text)
        return True

    def available(self):
        self.send("<presence/>")

    def send(self, text, token=None):
        """A stanza. It counts as unacknowledged until the server's <a/> covers it."""
        self.unacked.append((text, token))
        self.link.send(text)

    def request(self):
        self.link.send("<r xmlns='urn:xmpp:sm:3'/>")

    def _confirm(self):
        for element in self._kept_back:
            self.on_confirmed(element)
        self._kept_back.clear()

    def acknowledge(self):
        self._confirm()
        self.link.send(f"<a xmlns='urn:xmpp:sm:3' h='{self._handled}'/>")

    def _on_ack(self, h):
        count = (h - self._covered) % 2**32
        if count > len(self.unacked):
            raise Closed(f"h={h} covers more than we sent: {self._covered} and {len(self.unacked)} more")
        for _ in range(count):
            _, token = self.unacked.popleft()
            if token is not None:
                self.on_acknowledged(token)
        self._covered = h
        self.progress.set()

    async def read(self, stanzas=None):
        """Takes what comes until the connection ends (Closed) or the stream does (return), or for so many stanzas."""
        link = self.link
        while stanzas is None or stanzas > 0:
            element = await link.next()
            if element is None:
                return
            if element.tag == SM + "a":
                self._on_ack(int(element.get("h")))
            elif element.tag == SM + "r":
                if self.acknowledges:
                    self.acknowledge()
            elif element.tag in STANZAS:
                self._handled += 1
                if stanzas is not None:
                    stanzas -= 1
                self._take(element)

    def _take(self, element):
        if element.tag == CLIENT + "message" and self.on_message:
            self.on_message(element)
            if self.on_confirmed and self.acknowledges:
                self.on_confirmed(element)
            elif self.on_confirmed:
                self._kept_back.append(element)
        elif element.get("type") == "get" and element.find(PING) is not None:
            self.link.send(f"<iq type='result' id={quoteattr(element.get('id'))} to={quoteattr(element.get('from'))}/>")
        elif element.tag == CLIENT + "iq":
            waiting = self._pings.pop(element.get("id"), None)
            if waiting and not waiting.done():
                waiting.set_result(None)

    def ping(self):
        """A future that is done when the server has answered, and so has read all that was sent before."""
        number = f"ping-{next(self._ping_numbers)}"
        self._pings[number] = asyncio.get_running_loop().create_future()
        self.send(f"<iq type='get' id='{number}' to='{self.domain}'><ping xmlns='urn:xmpp:ping'/></iq>")
        return self._pings[number]

    def end(self):
        """The orderly end; read() returns when the server has said it too."""
        self.acknowledges = False  # nothing may follow
        self.link.send("</stream:stream>")

    def abort(self):
        if self.link:
            self.link.abort()
