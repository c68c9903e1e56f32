"""Two nodes, partners of each other, both killed at random while their users write to each other.

A message that the sender's own node has acknowledged must reach the other node's user, under one id, whichever of the two
died meanwhile. What a client without stream management writes to another domain is promised to nobody, but it must not
come under two ids either.
"""
import asyncio
import time

from tests.kill.raw_client import Client, Closed
from tests.kill.scene import PASSWORD, STEP, Node, Unexpected
from tests.lab.waiting import TooLate, until

DOMAINS = ("one.example", "two.example")
SENDERS = ("alice", "dora")        # with stream management, and without
RECIPIENTS = ("online", "offline")
PAUSE = 0.004  # seconds between the messages of one sender: the load of a conversation, not of a flood
PLACES = ("message.received", "store.before_commit", "store.after_commit", "message.committed", "message.acknowledged",
          "message.delivered")


def make_pair(programs, folder, authority):
    """Two nodes that know and trust each other."""
    nodes = []
    for domain in DOMAINS:
        certificate = authority.issue(domain)
        nodes.append(Node(programs, folder / domain, domain=domain, users=(*SENDERS, *RECIPIENTS), roles='["c2s", "s2s"]',
                          certificate=certificate, settings=(("tls", "trust_file", f'"{authority.file}"'),)))
    for node, other in zip(nodes, reversed(nodes)):
        node.ctl("--dir", node.folder, "federation", "allow", other.domain, "--via", "xmpp",
                 "--next-hop", f"127.0.0.1:{other.base + 69}")
    return nodes


class Writer:
    """Writes to the users of the other domain, through all ends of its stream."""

    def __init__(self, node, user, other, book, rng):
        self.node, self.other, self.book, self.rng = node, other, book, rng
        self.managed = user == SENDERS[0]
        self.client = Client(node.port, user, node.domain, PASSWORD, "desk", self._refused,
                             on_acknowledged=book.on_acknowledged)

    def _refused(self, element):
        self.book.on_delivery(self.client.user, element)

    async def connect(self):
        client = self.client
        left = [(text, message) for text, message in client.unacked if message is not None] if self.managed else []
        if await client.connect(resume=self.managed, managed=self.managed):
            return  # its own node has lived on
        client.unacked.clear()
        for text, message in left:
            message.transmissions += 1
            client.send(text, message)

    def _send_one(self):
        message = self.book.new(f"{self.rng.choice(RECIPIENTS)}@{self.other.domain}")
        message.transmissions = 1
        text = (f"<message type='chat' id='{message.name}' to='{message.recipient}'>"
                f"<body>{message.number} {'x' * self.rng.choice((0, 10, 500))}</body></message>")
        if self.managed:
            self.client.send(text, message)
        else:
            self.client.link.send(text)

    async def _settle(self):
        """Until all that was said is acknowledged."""
        client = self.client
        if not self.managed:
            await asyncio.wait_for(client.ping(), STEP)
            return
        while any(message is not None for _, message in client.unacked):
            client.progress.clear()
            client.request()
            await asyncio.wait_for(client.progress.wait(), STEP)

    async def work(self, over):
        """Writes until `over` is set."""
        reading = asyncio.ensure_future(self.client.read())
        try:
            while not over.is_set():
                self._send_one()
                await asyncio.sleep(PAUSE)
                if self.rng.random() < 0.2:
                    settling = asyncio.ensure_future(self._settle())
                    await asyncio.wait((reading, settling), return_when=asyncio.FIRST_COMPLETED)
                    if not settling.done():
                        settling.cancel()
                    await asyncio.gather(settling, return_exceptions=True)
                if reading.done():
                    await reading
                    raise Closed("the server ended the stream")
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def reader(node, user, book):
    return Client(node.port, user, node.domain, PASSWORD, "phone",
                  lambda element: book.on_delivery(f"{user}@{node.domain}", element), book.on_confirmed, lambda token: None)


async def _live(make, over, dying, node):
    """One client until the round is over. It may lose its stream only to a node that dies."""
    client, work = make
    try:
        await client.connect()
        await work()
    except (Closed, OSError) as error:
        if not over.is_set() and node not in dying:
            raise Unexpected(f"a node that nobody killed closed a stream: {error}") from error


async def play(nodes, writers, books, rng, pointed):
    """One round: load in both directions, then the death of one node or of both. `pointed` kills itself at a point."""
    dying = [node for node in rng.choice(([nodes[0]], [nodes[1]], nodes)) if node is not pointed]
    dying += [pointed] if pointed else []
    over = asyncio.Event()
    readers = [reader(node, "online", books[1 - index]) for index, node in enumerate(nodes)]

    async def listen(client):
        client.available()
        reading = asyncio.ensure_future(client.read())
        waiting = asyncio.ensure_future(over.wait())
        await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        reading.cancel()
        await asyncio.gather(reading, waiting, return_exceptions=True)

    async def killer():
        if pointed:
            try:
                await until(lambda: not pointed.process.running, 3, "")
            except TooLate:
                pass  # not reached so often: by our hand then
        else:
            await asyncio.sleep(rng.random() * 0.6)
        for node in dying:
            node.kill()
        await asyncio.sleep(rng.random() * 0.3)  # the survivor's clients go on for a while
        over.set()

    tasks = [asyncio.ensure_future(killer())]
    for writer in writers:
        tasks.append(asyncio.ensure_future(_live((writer, lambda writer=writer: writer.work(over)), over, dying, writer.node)))
    for client, node in zip(readers, nodes):
        tasks.append(asyncio.ensure_future(_live((client, lambda client=client: listen(client)), over, dying, node)))
    try:
        done, waiting = await asyncio.wait(tasks, timeout=STEP, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
        if waiting:
            raise Unexpected(f"a round did not end within {STEP} s")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in (*readers, *(writer.client for writer in writers)):
            client.abort()
    return dying


async def drain(nodes, books, deadline=STEP):
    """All recipients of both nodes take what waits, and what still comes from the other node."""

    async def one(node, user, book):
        name = f"{user}@{node.domain}"
        client = reader(node, user, book)
        await client.connect(resumable=False)
        client.available()
        reading = asyncio.ensure_future(client.read())
        left, end = len(book.missing(name)), time.monotonic() + deadline
        while left and time.monotonic() < end:
            await asyncio.wait((reading,), timeout=0.02)
            if reading.done():
                await reading
                raise Unexpected(f"{name} cannot drain")
            if len(book.missing(name)) < left:
                left, end = len(book.missing(name)), time.monotonic() + deadline
        client.acknowledge()
        await asyncio.wait_for(client.ping(), STEP)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        client.abort()

    await asyncio.gather(*(one(node, user, books[1 - index]) for index, node in enumerate(nodes) for user in RECIPIENTS))


async def lives(nodes, books, rng, kills):
    """Gives the number of kills."""
    writers = [Writer(node, user, nodes[1 - index], books[index], rng)
               for index, node in enumerate(nodes) for user in SENDERS]
    count = round_number = 0
    while count < kills:
        round_number += 1
        point = PLACES[round_number % len(PLACES)] if rng.random() < 0.4 else None
        pointed = None
        for node in nodes:
            if node.process and node.process.running:
                continue
            pointed, crash_at, point = (node, f"{point}:{rng.randint(1, 30)}", None) if point else (pointed, None, None)
            if not await node.start(crash_at):
                count += 1  # at its start, when what waited went on its way
                pointed = None
                await node.start()
        count += len(await play(nodes, writers, books, rng, pointed))
        if round_number % 6 == 0:
            await revive(nodes)
            await drain(nodes, books)
            if any(book.missing() for book in books):
                return count
    await revive(nodes)
    await drain(nodes, books)
    for node in nodes:
        node.kill()
    return count


async def revive(nodes):
    for node in nodes:
        if node.process.running:
            node.kill()  # it may have a point to die at
        await node.start()
