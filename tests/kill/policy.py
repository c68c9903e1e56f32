"""A node that is killed while a user's say is asked for and given: requests to see presence, answers, blocked people.

What the server has acknowledged holds after each restart: an asked request is in force, and is shown again at the next
log-in until it is answered; an answer stays; the list of blocked people (XEP-0191) is what the last answered change
left. A change that was under way when the server died may have happened or not, but one of the two it must be.
"""
import asyncio
import collections
import itertools
import time
import xml.etree.ElementTree as ElementTree

from tests.kill.raw_client import CLIENT, Client, Closed
from tests.kill.scene import DOMAIN, PASSWORD, STEP, Unexpected

ASKER, JUDGE = "asker", "judge"
USERS = (ASKER, JUDGE)
PEOPLE = [f"p{number}@elsewhere.example" for number in range(6)]
POINTS = ("store.before_commit", "store.after_commit")
AGREEMENT = 20  # seconds for what one user's account says and the other's to be the same
# What a run came to: acknowledged changes of each kind, deaths at each named point, whether a loss made by hand was noticed.
Outcome = collections.namedtuple("Outcome", "kills friendship blocked died_at controlled", defaults=(0, 0, 0, {}, False))
ROSTER, BLOCKING = "jabber:iq:roster", "urn:xmpp:blocking"


class Lost(AssertionError):
    """Something that was acknowledged does not hold."""


class Keeper(Client):
    """A client that keeps the requests it is shown, and gets the answers to its own."""

    def __init__(self, node, user):
        super().__init__(node.port, user, DOMAIN, PASSWORD, "desk", on_acknowledged=self._acknowledged)
        self.requests = set()
        self._answers, self._settled = {}, {}
        self._numbers = itertools.count()

    def _take(self, element):
        if element.tag == CLIENT + "presence" and element.get("type") == "subscribe":
            self.requests.add(element.get("from"))
        answer = self._answers.pop(element.get("id"), None) if element.tag == CLIENT + "iq" else None
        if answer:
            if not answer.done():
                answer.set_result(element)
        else:
            super()._take(element)

    def _acknowledged(self, token):
        # What was written before the server died is read after it: nobody may be waiting any more.
        settled = self._settled.pop(token)
        if not settled.done():
            settled.set_result(None)

    async def begin(self):
        self.requests.clear()
        await self.connect(resumable=False)
        self.unacked.clear()
        self._settled.clear()
        self._answers.clear()

    async def ask(self, kind, payload):
        number = f"ask-{next(self._numbers)}"
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self.send(f"<iq type='{kind}' id='{number}'>{payload}</iq>")
        element = await asyncio.wait_for(answer, STEP)
        if element.get("type") != "result":
            raise Unexpected(f"{self.user}: " + ElementTree.tostring(element, "unicode"))
        return element

    async def say(self, text):
        """Returns when the server has acknowledged it."""
        token = next(self._numbers)
        settled = self._settled[token] = asyncio.get_running_loop().create_future()
        self.send(text, token)
        self.request()
        await asyncio.wait_for(settled, STEP)

    async def contact(self, user):
        """The roster's item of that user, or an empty one."""
        roster = await self.ask("get", f"<query xmlns='{ROSTER}'/>")
        items = [item for item in roster.iter(f"{{{ROSTER}}}item") if item.get("jid") == f"{user}@{DOMAIN}"]
        return items[0] if items else ElementTree.Element("item")


class Friendship:
    """The asker asks, the judge says yes, the asker has enough of it, and so on."""
    STEPS = {"nothing": ("asked", "subscribe"), "asked": ("friends", "subscribed"), "friends": ("nothing", "unsubscribe")}

    def __init__(self, asker, judge):
        self.asker, self.judge = asker, judge
        self.state, self.under_way = "nothing", None
        self.answered = 0

    async def check(self):
        allowed = {self.state} if self.under_way is None else {self.state, self.under_way}
        end = time.monotonic() + AGREEMENT
        while True:
            theirs, ours = await self.asker.contact(JUDGE), await self.judge.contact(ASKER)
            seen = ("friends" if theirs.get("subscription") == "to" else "asked" if theirs.get("ask") else "nothing",
                    "friends" if ours.get("subscription") == "from" else
                    "asked" if f"{ASKER}@{DOMAIN}" in self.judge.requests else "nothing")
            if seen[0] == seen[1] and seen[0] in allowed:
                break
            if self.under_way == "nothing" and seen == ("nothing", "friends"):
                # The end was acknowledged to nobody, is stored with the asker and did not come to the judge.
                await self.judge.say(f"<presence type='unsubscribed' to='{ASKER}@{DOMAIN}'/>")
            if time.monotonic() > end:
                raise Lost(f"acknowledged was {self.state}, under way {self.under_way}; the asker has {seen[0]}, the judge {seen[1]}")
            await asyncio.sleep(0.05)
        self.state, self.under_way = seen[0], None

    async def step(self):
        self.under_way, kind = self.STEPS[self.state]
        sender, other = (self.judge, ASKER) if kind == "subscribed" else (self.asker, JUDGE)
        if kind == "subscribed":
            self.judge.requests.discard(f"{ASKER}@{DOMAIN}")
        await sender.say(f"<presence type='{kind}' to='{other}@{DOMAIN}'/>")
        self.state, self.under_way = self.under_way, None
        self.answered += 1


class Blocked:
    """The judge's list of blocked people."""

    def __init__(self, judge, rng):
        self.judge, self.rng = judge, rng
        self.people, self.under_way = frozenset(), None
        self.answered = 0

    async def check(self):
        answer = await self.judge.ask("get", f"<blocklist xmlns='{BLOCKING}'/>")
        seen = frozenset(item.get("jid") for item in answer.iter(f"{{{BLOCKING}}}item"))
        allowed = {self.people} if self.under_way is None else {self.people, self.under_way}
        if seen not in allowed:
            raise Lost(f"blocked should be one of {sorted(map(sorted, allowed))}, found {sorted(seen)}")
        self.people, self.under_way = seen, None

    async def step(self):
        chosen = self.rng.sample(PEOPLE, self.rng.randint(1, 2))
        block = not self.people or (self.rng.random() < 0.6)
        self.under_way = self.people.union(chosen) if block else self.people.difference(chosen)
        items = "".join(f"<item jid='{person}'/>" for person in chosen)
        word = "block" if block else "unblock"
        await self.judge.ask("set", f"<{word} xmlns='{BLOCKING}'>{items}</{word}>")
        self.people, self.under_way = self.under_way, None
        self.answered += 1


class Say:
    """Both users of one node, over all its lives."""

    def __init__(self, node, rng):
        self.node, self.rng = node, rng
        self.died_at = collections.Counter()  # named points at which the server killed itself, as told
        self.asker, self.judge = Keeper(node, ASKER), Keeper(node, JUDGE)
        self.friendship, self.blocked = Friendship(self.asker, self.judge), Blocked(self.judge, rng)

    async def _log_in(self):
        for client in (self.asker, self.judge):
            await client.begin()
            client.available()

    async def _change(self, what):
        while True:
            await what.step()
            await asyncio.sleep(self.rng.random() * 0.01)

    async def life(self, work):
        """`work` with both logged in; False when the server died of its named point before."""
        tasks = []
        try:
            await self._log_in()
            tasks += [asyncio.ensure_future(client.read()) for client in (self.asker, self.judge)]
            working = asyncio.ensure_future(work())
            await asyncio.wait((*tasks, working), return_when=asyncio.FIRST_COMPLETED)
            tasks.append(working)
            if working.done():
                return await working
            for task in tasks:
                if task.done():
                    await task
            raise Closed("the server ended the stream")
        except (Closed, OSError) as error:
            if not await self.node.dead():
                raise Unexpected(f"the server closed a connection: {error}") from error
            return False
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for client in (self.asker, self.judge):
                client.abort()

    async def check(self):
        await self.friendship.check()
        await self.blocked.check()

    async def round(self, point):
        ours = False  # whether it was us who killed it

        async def work():
            nonlocal ours
            await self.check()
            changes = [asyncio.ensure_future(self._change(what)) for what in (self.friendship, self.blocked)]
            try:
                await asyncio.wait(changes, timeout=3 if point else self.rng.random() * 0.4,
                                   return_when=asyncio.FIRST_EXCEPTION)
                for change in changes:
                    if change.done():
                        await change
                ours = True
                self.node.kill()
            finally:
                for change in changes:
                    change.cancel()
                await asyncio.gather(*changes, return_exceptions=True)

        await self.life(work)
        if self.node.process.running:
            self.node.kill()
        elif not ours:
            self.died_at[point] += 1


async def lives(node, rng, kills):
    """Kills the node again and again, and takes something out of its store at last."""
    say = Say(node, rng)
    for number in range(kills):
        point = POINTS[number // 2 % len(POINTS)] if number % 2 else None
        if await node.start(f"{point}:{rng.randint(1, 30)}" if point else None):
            await say.round(point)
        else:
            say.died_at[point] += 1
    await node.start()
    await say.life(say.check)
    node.kill()
    answered = say.friendship.answered, say.blocked.answered  # before the control, which changes more
    return Outcome(kills, *answered, say.died_at, await _control(say))


async def _control(say):
    """The test can fail: a request and a blocked person that somebody took out of the store are missed."""
    async def something_to_lose():
        while not say.blocked.people:
            await say.blocked.step()
        while say.friendship.state == "nothing":
            await say.friendship.step()

    await say.node.start()
    await say.life(something_to_lose)
    say.node.kill()
    database = say.node.database()
    with database:
        database.execute("DELETE FROM user_policy_entry")
        database.execute("DELETE FROM roster_item")
    database.close()
    await say.node.start()
    noticed = [await _notices_loss(say, check) for check in (say.friendship.check, say.blocked.check)]
    say.node.kill()
    return all(noticed)


async def _notices_loss(say, check):
    try:
        await say.life(check)
    except Lost:
        return True
    return False
