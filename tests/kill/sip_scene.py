"""One life of a server that has SIP partners, from its start to its kill, and the load meanwhile."""
import asyncio
import time

from tests.kill.raw_client import Client, Closed
from tests.kill.scene import DOMAIN, MOST_MESSAGES, PASSWORD, STEP, Node, Sender, Unexpected, recipient
from tests.kill.sip_peer import Peer, Writer
from tests.lab.waiting import until

SESSIONS, PAGER = "ocs.example", "simple.example"
CORRESPONDENTS = ("bob", "carol")
READERS = ("online", "offline", "alice", "dora")  # alice and dora write, too


class SipNode(Node):
    def __init__(self, programs, folder, ca):
        self.ca = ca
        super().__init__(programs, folder, users=READERS, roles='["c2s", "sip"]', certificate=ca.issue(DOMAIN, f"sip.{DOMAIN}"),
                         settings=[("tls", "trust_file", f'"{ca.file}"')])

    def refusals(self):
        """What a life that is over says of texts that it gave back to their senders."""
        return [line for line in self.process.log().splitlines() if "was not delivered" in line] if self.process else []

    @property
    def sip_port(self):
        return self.base + 61

    def allow(self, peer):
        self.ctl("--dir", self.folder, "federation", "allow", peer.domain, "--via", "sip", "--profile",
                 "ocs" if peer.sessions else "simple", "--next-hop", f"127.0.0.1:{peer.port}", "--tls-name", peer.host)


class SipSender(Sender):
    """A user of ours who writes to the partners' users, and reads what they write."""

    def __init__(self, node, user, book, rng, addresses):
        super().__init__(node, user, book, rng)
        self.addresses = addresses
        self.client = Client(node.port, user, DOMAIN, PASSWORD, "desk", lambda element: book.on_delivery(user, element),
                             book.on_confirmed, book.on_acknowledged)

    async def connect(self):
        await super().connect()
        self.client.available()

    def _send_one(self, recipients):
        text = self.book.new(self.client.user, self.rng.choice(recipients))
        text.transmissions = 1
        padding = "x" * self.rng.choice((0, 0, 10, 200, 900))
        self.client.send(f"<message type='chat' id='{text.name}' to='{text.recipient}'>"
                         f"<body>{text.name} {padding}</body></message>", text)

    async def work(self, count, recipients=None):
        await super().work(count, recipients or self.addresses)


class World:
    """A node, its partners, and everybody's state over all lives."""

    def __init__(self, node, book, rng):
        self.node, self.book, self.rng = node, book, rng
        self.peers = [Peer(node.ca, domain, DOMAIN, domain == SESSIONS, book, rng) for domain in (SESSIONS, PAGER)]

    async def prepare(self):
        for peer in self.peers:
            await peer.listen()
            self.node.allow(peer)
        addresses = [f"{user}@{peer.domain}" for peer in self.peers for user in CORRESPONDENTS]
        self.senders = [SipSender(self.node, user, self.book, self.rng, addresses) for user in ("alice", "dora")]
        self.writers = [Writer(peer, user, reader) for peer in self.peers
                        for user, reader in zip(CORRESPONDENTS * 2, READERS)]

    def close(self):
        for peer in self.peers:
            peer.close()

    async def dial(self):
        for peer in self.peers:
            await peer.dial(self.node.sip_port)

    async def start(self, crash_at=None):
        self.book.life += 1
        return await self.node.start(crash_at)

    def end(self):
        """The node is dead, by whatever hand."""
        for peer in self.peers:
            peer.drop()
        self.node.kill()
        self.book.wrong += self.node.refusals()


async def play(world, plan):
    """A life of a running node under load until it is dead. True: it died as planned."""
    over = asyncio.Event()
    book, node = world.book, world.node
    before = book.acknowledged

    async def guarded(work):
        try:
            await work
        except (Closed, OSError) as error:
            if over.is_set():
                return
            if not await node.dead():
                raise Unexpected(f"the server closed a connection: {error}") from error
            over.set()

    async def sender(one):
        await one.connect()
        await one.work(MOST_MESSAGES)

    async def reader(client):
        await client.connect()
        client.available()
        await client.read()
        raise Closed("the server ended the stream")

    async def killer():
        if plan.point:
            await over.wait()
            return
        goal = before + (0 if plan.at_login else plan.after_acknowledged)
        await until(lambda: over.is_set() or book.acknowledged >= goal, STEP, "load")
        await asyncio.sleep(plan.delay)  # the random moment itself
        over.set()
        node.kill()

    async def felt():
        await over.wait()
        for peer in world.peers:
            peer.drop()

    online = recipient(node, "online", book)
    tasks = []
    try:
        await guarded(world.dial())
        load = [asyncio.ensure_future(guarded(sender(one))) for one in world.senders]
        rest = [guarded(reader(online)), *(guarded(writer.work()) for writer in world.writers), killer(), felt()]
        tasks = [*load, *map(asyncio.ensure_future, rest)]
        end, waiting = time.monotonic() + STEP, set(tasks)
        while waiting:
            done, waiting = await asyncio.wait(waiting, timeout=max(0.0, end - time.monotonic()),
                                               return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise Unexpected(f"a round did not end within {STEP} s ({plan.crash_at}):\n{node.process.tail()}")
            for task in done:
                task.result()
            if plan.point and not over.is_set() and all(task.done() for task in load):
                over.set()  # all is sent and the point was not reached so often
                node.kill()
                return False
        return True
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in (online, *(one.client for one in world.senders)):
            client.abort()
        world.end()


async def drain(world, deadline=STEP):
    """Everybody takes what waits, and the partner's users get their last answers. It ends when all that was acknowledged
    is found, or when nothing new has been found for `deadline` seconds: what is missing then is lost."""
    book, node = world.book, world.node
    await world.dial()
    clients = [recipient(node, user, book) for user in READERS]
    for client in clients:
        await client.connect(resumable=False)
        client.available()
    reading = [asyncio.ensure_future(client.read()) for client in clients]
    writing = asyncio.ensure_future(asyncio.gather(*(writer.work(count=0) for writer in world.writers)))
    try:
        left, end = None, time.monotonic() + deadline
        while time.monotonic() < end and (book.missing() or not writing.done()):
            await asyncio.sleep(0.02)
            for task in (*reading, writing):
                if task.done():
                    task.result()
            if left != len(book.missing()):
                left, end = len(book.missing()), time.monotonic() + deadline
        for client in clients:
            client.acknowledge()
            await asyncio.wait_for(client.ping(), STEP)  # it has read our acknowledgement
    except Closed as error:
        raise Unexpected(f"cannot drain: {error}\n{node.process.tail()}") from error
    finally:
        for task in (*reading, writing):
            task.cancel()
        await asyncio.gather(*reading, writing, return_exceptions=True)
        for client in clients:
            client.abort()
        world.end()
