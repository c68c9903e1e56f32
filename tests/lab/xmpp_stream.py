"""One XML stream of a simulated XMPP server: bytes both ways, items to wait for, TLS in place."""
import asyncio
import base64
import itertools
import ssl
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from .waiting import Journal

STREAM = "http://etherx.jabber.org/streams"
SERVER = "{jabber:server}"
TLS = "{urn:ietf:params:xml:ns:xmpp-tls}"
SASL = "{urn:ietf:params:xml:ns:xmpp-sasl}"
DIALBACK = "{jabber:server:dialback}"
_numbers = itertools.count(1)


def element(name, content="", **attributes):
    """`name` as it stands on the wire; "from_" is the attribute from; text is the caller's to escape."""
    words = "".join(f" {key.rstrip('_').replace('_', ':')}={quoteattr(str(value))}" for key, value in attributes.items()
                    if value is not None)
    return f"<{name}{words}>{content}</{name}>"


class Closed(Exception):
    """The other side has ended the stream."""


class XmppStream:
    """`header` has the attributes of the other side's stream header; `journal` all elements that came, in order."""

    def __init__(self, reader, writer, name):
        self.reader, self.writer, self.name = reader, writer, name
        self.ident = f"D{next(_numbers)}"
        self.journal = Journal(name)
        self.header = None
        self.error = None  # the condition of a stream error
        self.ended = asyncio.Event()
        self.spaces = 0    # sent between stanzas to show that somebody is there
        self._restart()

    def __str__(self):
        return self.name

    def _restart(self):
        self._parser = ElementTree.XMLPullParser(("start", "end"))
        self._depth = 0
        self.header = None

    @property
    def certificate(self):
        """What the other side has shown, as ssl's dictionary; None in plain, {} when it has shown none."""
        tls = self.writer.get_extra_info("ssl_object")
        return tls.getpeercert() if tls else None

    def send(self, text):
        if not self.writer.is_closing():
            self.writer.write(text.encode())

    def send_header(self, **attributes):
        """`version`, `from_`, `to`, `id`: those that are given, and no others."""
        words = element("stream:stream", "", **attributes).split(">")[0]
        self.send(f"<?xml version='1.0'?>{words} xmlns='jabber:server' xmlns:stream='{STREAM}' xmlns:db='jabber:server:dialback'>")

    async def next(self, deadline=15):
        """The next thing: the header as a string "header", then one element at a time."""
        return await asyncio.wait_for(self._next(), deadline)

    async def _next(self):
        while True:
            for event, item in self._parser.read_events():
                if event == "start":
                    self._depth += 1
                    if self._depth == 1:
                        self.header = dict(item.attrib)
                        return "header"
                else:
                    self._depth -= 1
                    if self._depth == 0:
                        self._end()
                        raise Closed(f"{self.name}: the stream was ended, {self.error or 'without an error'}")
                    if self._depth == 1:
                        if item.tag == f"{{{STREAM}}}error":
                            self.error = item[0].tag.split("}")[1]
                            self.error_text = "".join(child.text or "" for child in item if child.tag.endswith("}text"))
                        self.journal.add(item)
                        return item
            bytes_read = await self._read()
            if not bytes_read:
                self._end()
                raise Closed(f"{self.name}: the connection was closed, {self.error or 'without an error'}")
            self.spaces += bytes_read == b" "
            self._parser.feed(bytes_read)

    async def _read(self):
        try:
            return await self.reader.read(65536)
        except (ConnectionError, ssl.SSLError):
            return b""

    def _end(self):
        self.ended.set()
        self.writer.close()

    async def expect_header(self, deadline=15):
        assert await self.next(deadline) == "header"
        return self.header

    async def expect(self, tag, deadline=15):
        """The next element, which is that one."""
        item = await self.next(deadline)
        got = item if isinstance(item, str) else item.tag
        assert got == tag, f"{self.name}: {tag} was awaited, {show(item)} came"
        return item

    async def start_tls(self, context, **names):
        """From here on inside TLS, and a new stream."""
        await self.writer.start_tls(context, **names)
        self._restart()

    def restart(self):
        """A new stream on the same connection, after SASL."""
        self._restart()

    async def close(self):
        self.send("</stream:stream>")
        self.abort()

    def go_deaf(self):
        """Reads nothing more, and leaves the connection open."""
        self.writer.transport.pause_reading()

    def abort(self):
        self.ended.set()
        self.writer.close()


def authzid(domain):
    return base64.b64encode(domain.encode()).decode() if domain else "="


def show(item):
    return item if isinstance(item, str) else ElementTree.tostring(item, encoding="unicode")


def text(value):
    return escape(value)
