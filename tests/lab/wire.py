"""The network between two servers, as far as a test may break it: it forwards TCP to a port, until it is cut or falls silent."""
import asyncio
import contextlib


class _Link:
    """One connection through the wire."""

    def __init__(self, theirs, ours):
        self.writers = (theirs, ours)
        self.there = self.back = True  # whether it carries anything

    def abort(self):
        for writer in self.writers:
            writer.transport.abort()


class Wire:
    """Publish `port` in place of `target`. `links` are all connections so far, `opened` how many."""

    def __init__(self, lab, target):
        self.target, self.port = target, lab.ports.take()
        self.links = []
        self._tasks = set()
        self._server = None
        lab.add(self)

    opened = property(lambda self: len(self.links))

    def __str__(self):
        return f"wire to {self.target}"

    async def start(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        return self

    async def stop(self):
        if self._server:
            self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self):
        """Both ends of every connection see a reset."""
        for link in self.links:
            link.abort()

    def silence(self, there=True, back=True):
        """What is open stays open and carries nothing more, to the target or back from it. New connections work."""
        for link in self.links:
            link.there &= not there
            link.back &= not back

    async def _accept(self, reader, writer):
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, to_writer)
        self.links.append(link)
        for way in (self._carry(link, "there", reader, to_writer), self._carry(link, "back", to_reader, writer)):
            task = asyncio.ensure_future(way)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, link, way, reader, writer):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if getattr(link, way):
                    writer.write(data)
            if getattr(link, way):
                writer.close()
            return
        link.abort()
