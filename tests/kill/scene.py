"""One life of a server, from its start to its kill, and the clients that load it meanwhile."""
import asyncio
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time

from tests.kill.raw_client import Client, Closed
from tests.lab.parley import READY, set_key
from tests.lab.ports import take_block
from tests.lab.process import REPORTS, Process
from tests.lab.waiting import TooLate, until

DOMAIN = "kill.example"
PASSWORD = "secret"
SENDERS = ("alice", "dora")
UNMANAGED = "carol"  # a sender without stream management
RECIPIENTS = ("online", "offline", "half")  # `half` stops to read or to acknowledge: a half-open connection
START = 60  # seconds; a sanitizer build on a busy machine
STEP = 60   # seconds; one client's step, a server's death, a round
WINDOW = 40  # messages that a sender leaves unacknowledged
LONGEST_BODY = 2000
MOST_MESSAGES = 300  # of one sender in one round


class Unexpected(Exception):
    """The server did what nobody made it do."""


class Node:
    """A folder with a node and its users, and the process on it."""

    def __init__(self, programs, folder, pattern=None, domain=DOMAIN, users=(*SENDERS, *RECIPIENTS, UNMANAGED), roles='["c2s"]',
                 settings=(), certificate=None):
        """`pattern`: a node that is not running and whose users this one shall have too. `settings` are (table, key,
        value) of its configuration."""
        self.programs, self.folder, self.domain = programs, folder, domain
        self.base = take_block()
        self.process = None
        if pattern is None:
            self._make(users, roles, settings, certificate)
        else:
            shutil.copytree(pattern.folder, folder)
            text = (folder / "parley.toml").read_text()
            moved = re.sub(r":(\d+)\"", lambda found: f':{int(found[1]) - pattern.base + self.base}"', text)
            (folder / "parley.toml").write_text(moved)

    @property
    def port(self):
        return self.base + 23

    def ctl(self, *arguments, text=""):
        subprocess.run([self.programs / "parleyctl", *map(str, arguments)], input=text, text=True, check=True,
                       timeout=STEP, stdout=subprocess.DEVNULL)

    def _make(self, users, roles, settings, certificate):
        self.ctl("init", self.domain, "--dir", self.folder, "--port-base", self.base)
        file = self.folder / "parley.toml"
        text = file.read_text()
        if certificate:
            text = re.sub(r"(?m)^certificate = .*$", f'certificate = "{certificate.chain}"', text)
            text = re.sub(r"(?m)^key = .*$", f'key = "{certificate.key}"', text)
        for table, key, value in (("node", "roles", roles), ("node", "shards", "2"),
                                  ("tls", "trust_system", "false"),  # reading all roots would be half of a start
                                  ("limits", "unacked_stanzas", "5000"), ("limits", "offline_messages", "5000"), *settings):
            text = set_key(text, table, key, value)
        file.write_text(text)
        for user in users:
            self.ctl("--dir", self.folder, "user", "add", f"{user}@{self.domain}", "--password-stdin", text=PASSWORD + "\n")

    async def start(self, crash_at=None):
        """False: the named point was reached before the server was ready."""
        # The log is read from where this life begins; a short one is read faster.
        (self.folder / "parleyd.log").unlink(missing_ok=True)
        self.process = Process("parleyd", [self.programs / "parleyd", "--dir", self.folder], self.folder,
                               env={"PARLEY_CRASH_AT": crash_at} if crash_at else None)
        self.process.start()
        try:
            await self.process.wait_line(READY, START)
        except TooLate:
            if crash_at and self.killed():
                return False
            raise Unexpected(f"parleyd does not start:\n{self.process.tail()}") from None
        return True

    def killed(self):
        return not self.process.running and self.process._process.returncode == -signal.SIGKILL

    async def dead(self):
        """It has killed itself."""
        try:
            await until(lambda: not self.process.running, 20, "")
        except TooLate:
            return False
        if not self.killed():
            raise Unexpected(f"parleyd ended by itself:\n{self.process.tail(60)}")
        return True

    def kill(self):
        self.process.kill()
        report = REPORTS.search(self.process.log())
        if report:
            raise Unexpected(f"a sanitizer spoke:\n{self.process.tail(60)}")

    def database(self):
        files = [path for path in (self.folder / "store").rglob("*") if path.is_file()]
        (path,) = (path for path in files if path.read_bytes().startswith(b"SQLite format 3"))
        return sqlite3.connect(path)


class Sender:
    """Sends to all recipients, goes through drops and crashes, and begins anew with what was not acknowledged."""
    most = MOST_MESSAGES

    def __init__(self, node, user, book, rng):
        self.book, self.rng = book, rng
        self.client = Client(node.port, user, DOMAIN, PASSWORD, "desk", self._refused,
                             on_acknowledged=book.on_acknowledged)

    def _refused(self, element):
        self.book.on_delivery(self.client.user, element)  # nobody writes to a sender: it says what is wrong

    async def connect(self):
        left = list(self.client.unacked)
        if await self.client.connect(resume=self.rng.random() < 0.5):
            raise Unexpected("a session of before the crash was resumed")
        self.client.unacked.clear()
        if self.rng.random() < 0.5:
            left = []  # a client that forgets: nothing was promised
        for text, message in left:
            if message is not None:
                message.transmissions += 1
                self.client.send(text, message)

    def _send_one(self, recipients):
        message = self.book.new(self.rng.choice(recipients))
        message.transmissions = 1
        padding = "x" * self.rng.choice((0, 0, 10, 200, LONGEST_BODY))
        self.client.send(f"<message type='chat' id='{message.name}' to='{message.recipient}@{DOMAIN}'>"
                         f"<body>{message.number} {padding}</body></message>", message)

    async def _paced(self):
        """At most WINDOW unacknowledged."""
        client = self.client
        while len(client.unacked) >= WINDOW:
            client.progress.clear()
            client.request()
            await asyncio.wait_for(client.progress.wait(), STEP)

    async def _send_all(self, count, recipients):
        client = self.client
        # Never at the last one: whoever calls this counts on every acknowledgement.
        drop_at = self.rng.randrange(count - 1) if count > 1 and self.rng.random() < 0.3 else None
        for number in range(count):
            self._send_one(recipients)
            if self.rng.random() < 0.3:
                client.request()
            if self.rng.random() < 0.2:
                await client.link.drained()
                await asyncio.sleep(0)  # the other clients' turn
            if number == drop_at:
                return number + 1
            await self._paced()
        while client.unacked:
            client.progress.clear()
            client.request()
            await asyncio.wait_for(client.progress.wait(), STEP)
        return count

    async def work(self, count, recipients=RECIPIENTS):
        """Sends `count` messages and waits until all are acknowledged. Its connection may fail on the way."""
        while count > 0:
            reading = asyncio.ensure_future(self.client.read())
            sending = asyncio.ensure_future(self._send_all(count, recipients))
            try:
                await asyncio.wait((reading, sending), return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    await reading  # Closed, as a rule
                    raise Closed("the server ended the stream")
                count -= sending.result()
            finally:
                for task in (reading, sending):
                    task.cancel()
                await asyncio.gather(reading, sending, return_exceptions=True)
            if count > 0:
                self.client.abort()  # the network is gone for a moment
                if not await self.client.connect(resume=True):
                    raise Unexpected("the server does not know a session that it has promised to keep")


class UnmanagedSender:
    """Writes without stream management to one who is away. The answer to a ping behind its messages is its proof that
    they are on disk; what had none when the connection broke was promised to nobody."""
    most = 60

    def __init__(self, node, book, rng):
        self.book, self.rng = book, rng
        self.client = Client(node.port, UNMANAGED, DOMAIN, PASSWORD, "desk",
                             lambda element: book.on_delivery(UNMANAGED, element))

    async def connect(self):
        await self.client.connect(managed=False)
        self.client.unacked.clear()

    async def work(self, count):
        reading = asyncio.ensure_future(self.client.read())
        try:
            while count > 0:
                sent = []
                for _ in range(self.rng.randint(1, min(count, 10))):
                    message = self.book.new("offline")
                    message.transmissions = 1
                    self.client.link.send(f"<message type='chat' id='{message.name}' to='offline@{DOMAIN}'>"
                                          f"<body>{message.number} without</body></message>")
                    sent.append(message)
                count -= len(sent)
                answered = self.client.ping()
                await asyncio.wait((reading, answered), timeout=STEP, return_when=asyncio.FIRST_COMPLETED)
                if not answered.done():
                    await reading if reading.done() else None
                    raise Closed("the ping was not answered")
                for message in sent:
                    self.book.on_acknowledged(message)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def recipient(node, user, book):
    return Client(node.port, user, DOMAIN, PASSWORD, "phone",
                  lambda element: book.on_delivery(user, element), book.on_confirmed, lambda token: None)


async def listen(client):
    await client.connect()
    client.available()
    await client.read()
    raise Closed("the server ended the stream")


async def listen_half(client, rng, closed):
    """Takes some, then nothing more; now and then it comes back on a new connection and takes the rest."""
    client.small_buffers = True
    client.acknowledges = rng.random() < 0.5
    await client.connect()
    client.available()
    await client.read(stanzas=rng.randrange(40))
    if rng.random() < 0.4:
        client.small_buffers = False
        client.acknowledges = True
        old = client.link
        try:
            if not await client.connect(resume=True):
                raise Unexpected("the server does not know a session that it has promised to keep")
        finally:
            old.abort()
        client.acknowledge()
        await client.read()
        raise Closed("the server ended the stream")
    await closed.wait()  # half-open: it neither reads nor closes


class Plan:
    """How one round ends: at the n-th time at a named point, or at any moment."""

    def __init__(self, rng, point=None):
        self.point = point
        self.count = rng.randint(1, 12 if point and point.startswith("store.") else 40)
        self.at_login = point is None and rng.random() < 0.15
        self.after_acknowledged = rng.randrange(100)  # both senders together
        self.delay = rng.random() * (0.3 if self.at_login else 0.03)

    @property
    def crash_at(self):
        return f"{self.point}:{self.count}" if self.point else None


async def play(node, book, senders, rng, plan):
    """A life of a running node under load until it is dead. True: it died as planned."""
    over = asyncio.Event()  # it is dead, or about to be by our hand
    before = book.acknowledged

    async def sender(one):
        await one.connect()
        await one.work(one.most)

    async def guarded(work):
        try:
            await work
        except (Closed, OSError) as error:
            if over.is_set():
                return
            if not await node.dead():
                raise Unexpected(f"the server closed a connection: {error}") from error
            over.set()

    async def killer():
        if plan.point:
            await over.wait()
            return
        if not plan.at_login:
            goal = before + plan.after_acknowledged
            await until(lambda: over.is_set() or book.acknowledged >= goal, STEP, "load")
        await asyncio.sleep(plan.delay)  # the random moment itself
        over.set()
        node.kill()

    online, half = recipient(node, "online", book), recipient(node, "half", book)
    load = [asyncio.ensure_future(guarded(sender(one))) for one in senders]
    rest = [asyncio.ensure_future(guarded(work)) for work in (listen(online), listen_half(half, rng, over))]
    death = asyncio.ensure_future(killer())
    tasks = [*load, *rest, death]
    try:
        end = time.monotonic() + STEP
        waiting = set(tasks)
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
        for client in (online, half, *(one.client for one in senders)):
            client.abort()
        node.kill()


async def drain(node, book, deadline=STEP):
    """Every recipient logs in and takes what waits. It ends when all that was acknowledged is found, or when nothing
    new has been found for `deadline` seconds: what is missing then is lost."""

    async def one(user):
        client = recipient(node, user, book)
        await client.connect(resumable=False)
        reading = asyncio.ensure_future(client.read())
        client.available()
        left, end = len(book.missing(user)), time.monotonic() + deadline
        try:
            while left and time.monotonic() < end:
                await asyncio.wait((reading,), timeout=0.02)
                if reading.done():
                    await reading
                    raise Closed("the server ended the stream")
                if len(book.missing(user)) < left:
                    left, end = len(book.missing(user)), time.monotonic() + deadline
            client.acknowledge()
            await asyncio.wait_for(client.ping(), STEP)  # it has read our acknowledgement
            client.end()
            await asyncio.wait_for(reading, STEP)
        except Closed as error:
            if "end of the connection" not in str(error):
                raise Unexpected(f"{user} cannot drain: {error}") from error
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            client.abort()

    await asyncio.gather(*(one(user) for user in RECIPIENTS))


def meddle(node):
    """Takes one message out of the store of a dead node, and puts a second one in again under another id."""
    database = node.database()
    with database:
        rows = [row for (row,) in database.execute("SELECT id FROM spool ORDER BY id LIMIT 2")]
        database.execute("DELETE FROM spool WHERE id = ?", rows[:1])
        columns = [name for _, name, *_ in database.execute("PRAGMA table_info(spool)") if name != "id"]
        second = database.execute(f"SELECT {', '.join(columns)} FROM spool WHERE id = ?", rows[1:]).fetchone()
        values = dict(zip(columns, second))
        changed = re.sub(r"(<stanza-id [^>]*\bid=['\"])", r"\1f", values["stanza"])
        assert changed != values["stanza"], values["stanza"]
        # Without a checksum, as an older version wrote its rows: with one it would be found out before it is delivered.
        values.update(stanza=changed, size=values["size"] + 1, origin=values["origin"] + "again", sum=None)
        database.execute(f"INSERT INTO spool ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                         list(values.values()))
    database.close()
