"""What a fault of the bench (tests/data/fault-bench.txt) has to work with, and sockets that behave badly."""
import asyncio
import contextlib
import socket

from .ca import CLIENT, CertificateAuthority  # noqa: F401: the injections take both from here

OURS = "parley.example"
NO_CLIENT = "servers-only.example"  # a domain of ours whose certificate is for servers only


class Case:
    """One fault: `domain` is the partner's; `tested` and `options` are what `federation test` is called with."""

    def __init__(self, lab, node, name, user):
        self.lab, self.node, self.name = lab, node, name
        self.user = user  # () -> a client of u1, signed in
        self.domain = f"{name}.example"
        self.options = ()
        self.tasks = []

    async def allow(self, *options, via="xmpp"):
        await asyncio.to_thread(self.node.allow, self.domain, "--via", via, *options)

    def srv(self, port, host=None, priority=0, address="127.0.0.1", name="_xmpp-server"):
        """A service record of the partner, and the address of its host; `address=None` gives it none."""
        host = host or f"xmpp.{self.domain}"
        self.lab.dns.srv(f"{name}._tcp.{self.domain}", port, host, priority)
        if address:
            self.lab.dns.a(host, address)

    def federation_srv(self, port, host=None, **options):
        self.srv(port, host or f"sip.{self.domain}", name="_sipfederationtls", **options)

    def spawn(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.append(task)

    def closed_port(self):
        return self.lab.ports.take()

    async def port(self, on_connection):
        """A port of 127.0.0.1 whose connections are served by `on_connection(reader, writer)`."""
        member = Server(self.lab.ports.take(), on_connection)
        self.lab.add(member)
        await member.start()
        return member.number

    def black_hole(self):
        """A port whose connections are never taken: its queue is full, and further SYNs are dropped."""
        member = BlackHole(self.lab.ports.take())
        self.lab.add(member)
        return member.number


class Server:
    def __init__(self, number, on_connection):
        self.number, self._on_connection = number, on_connection
        self._tasks = set()

    async def start(self):
        async def serve(reader, writer):
            self._tasks.add(asyncio.current_task())
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await self._on_connection(reader, writer)
            writer.close()

        self._server = await asyncio.start_server(serve, "127.0.0.1", self.number)

    async def stop(self):
        self._server.close()
        for task in self._tasks:
            task.cancel()


class BlackHole:
    def __init__(self, number):
        self.number = number
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", number))
        self._listener.listen(0)
        self._fillers = []
        for _ in range(3):  # a queue of length 0 takes one or two
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", number))
            self._fillers.append(filler)

    async def stop(self):
        for sock in (*self._fillers, self._listener):
            sock.close()


async def says_nothing(reader, writer):
    while await reader.read(4096):
        pass


async def is_a_mail_server(reader, writer):
    writer.write(b"220 mail.example ESMTP\r\n")
    while await reader.readline():
        writer.write(b"502 5.5.2 Error: command not recognized\r\n")


async def knows_old_tls_only(reader, writer):
    """An XMPP server whose TLS ends at 1.1: it answers our first flight by the alert "protocol version" (RFC 5246 7.2)."""
    await reader.readuntil(b"version='1.0'")
    writer.write(b"<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'>"
                 b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>")
    await reader.readuntil(b"<starttls")
    writer.write(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await reader.readuntil(b"\x16\x03")
    writer.write(bytes([21, 3, 2, 0, 2, 2, 70]))
    await writer.drain()


async def hangs_up_after_header(reader, writer):
    await reader.readuntil(b">")


def injections(module):
    """{name of the fault: its coroutine (case)} of a module: `async def no_srv(case)` is "no-srv"."""
    return {name.replace("_", "-"): function for name, function in vars(module).items()
            if asyncio.iscoroutinefunction(function) and function.__module__ == module.__name__ and not name.startswith("_")}
