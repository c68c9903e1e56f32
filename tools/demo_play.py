"""What the demonstration plays, and the ladder that it prints: one line a step, with its time, its parties and its way."""
import asyncio
import datetime
import re
import time

from tests.lab.waiting import TooLate

DEADLINE = 15  # seconds a step; on a quiet machine each takes less than one
LOCAL = "XMPP c2s → parley → XMPP c2s"
TO_XMPP, FROM_XMPP = "XMPP c2s → parley → XMPP s2s TLS", "XMPP s2s TLS → parley → XMPP c2s"
TO_SIP, FROM_SIP = "XMPP c2s → parley → SIP/TLS", "SIP/TLS → parley → XMPP c2s"
SIP_ERROR = re.compile(r"SIP/2\.0 ([3-6]\d\d [^\r\n]*)\r?\n(?:[^\r\n]+\r?\n)*CSeq: \d+ (SUBSCRIBE|MESSAGE|PUBLISH)")


class Ladder:
    """Prints each step when it has arrived, or failed; `failures` holds a sentence for each that failed."""

    def __init__(self, say):
        self.say = say
        self.steps, self.failures = 0, []
        self.title(f"{'time':<12}  {'from':<19} {'protocols, in order':<33} {'to':<19} what", rule=True)

    def title(self, text, rule=False):
        self.say(text if rule else f"\n{text}")
        if rule:
            self.say("-" * 130)

    def _line(self, sender, over, receiver, what, end):
        now = datetime.datetime.now().strftime("%H:%M:%S.%f")[:-3]
        self.say(f"{now:<12}  {sender:<19} {over:<33} {receiver:<19} {what}   {end}")

    async def step(self, sender, over, receiver, what, act, arrival, refusal=None, after=True):
        """`act` begins it, `arrival` waits for its effect at the other end, `refusal` for an error that comes instead.

        `after`: whether the step that this one rests on was good. Returns whether this one was.
        """
        self.steps += 1
        reason = None if after else "not tried, since the step before it failed"
        began = time.monotonic()
        if not reason:
            try:
                reason = await asyncio.wait_for(self._first(act, arrival, refusal), DEADLINE + 5)
            except asyncio.TimeoutError:
                reason = f"nothing arrived within {DEADLINE + 5} s"
            except (AssertionError, OSError) as error:
                reason = (str(error) or repr(error)).splitlines()[0]
        if reason:
            self.failures.append(f"{sender} to {receiver}, {what}: {reason}")
            self._line(sender, over, receiver, what, f"FAILED: {reason}")
        elif act:
            self._line(sender, over, receiver, what, f"({(time.monotonic() - began) * 1000:.0f} ms)")
        else:
            self._line(sender, over, receiver, what, "")
        return not reason

    @staticmethod
    async def _first(act, arrival, refusal):
        """None when it arrived, otherwise the reason why not."""
        begun = act() if act else None
        if asyncio.iscoroutine(begun):
            await begun
        arrived = asyncio.ensure_future(arrival())
        refused = asyncio.ensure_future(refusal()) if refusal else None
        try:
            done, _ = await asyncio.wait({task for task in (arrived, refused) if task},
                                         return_when=asyncio.FIRST_COMPLETED)
            if arrived in done or not refused.result():
                await arrived
                return None
            return refused.result()
        finally:
            for task in (arrived, refused):
                if task:
                    task.cancel()

    def check(self, what, good, reason):
        """A fact that the ladder claims, looked up in what the other side wrote."""
        self.steps += 1
        if not good:
            self.failures.append(f"{what}: {reason}")
        self.say(f"    {'true ' if good else 'FALSE'}  {what}{'' if good else f'   FAILED: {reason}'}")


def _bounced(client, other):
    """Waits for an error that comes to an XMPP user instead of what was to happen, and tells it in words."""
    mark = client.mark()

    async def wait():
        try:
            stanza = await client.wait_error(other, since=mark, deadline=DEADLINE)
        except TooLate:
            return None
        text = stanza["error"]["text"]
        return f"{client.jid} got the error {stanza['error']['condition']}{f' ({text})' if text else ''}"

    return wait


def _sip_refused(dave, start=None):
    """The same for the user of a SIP client: a final answer that is not 2xx, as the client's own trace has it."""
    start = len(dave.process.log()) if start is None else start

    async def wait():
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            found = SIP_ERROR.search(dave.process.log()[start:])
            if found:
                return f"{found[2]} was answered {found[1]}"
            await asyncio.sleep(0.1)
        return None

    return wait


async def play(say, node, prosody, kamailio, alice, bob, carol, dave):
    """alice and bob are ours, carol is the XMPP partner's, dave the SIP partner's. Returns the ladder."""
    ladder = Ladder(say)

    async def ask(one, other, there, back):
        began = one.mark()
        good = await ladder.step(
            one.jid, there, other.jid, "may I see your presence?", lambda: one.subscribe(other.jid),
            lambda: other.wait_presence(one.jid, "subscribe", deadline=DEADLINE), _bounced(one, other.jid))
        return await ladder.step(
            other.jid, back, one.jid, "yes, and I am here", lambda: other.allow(one.jid),
            lambda: one.wait_presence(other.jid, "available", since=began, deadline=DEADLINE), _bounced(other, one.jid), good)

    async def show(one, other, over, state, status, after):
        mark = other.mark()
        return await ladder.step(
            one.jid, over, other.jid, f'presence: {state} "{status}"', lambda: one.send_presence(show=state, status=status),
            lambda: other.wait_presence(one.jid, "available", show=state, status=status, since=mark, deadline=DEADLINE), None, after)

    async def text(one, other, over, body):
        return await ladder.step(
            one.jid, over, other.jid, f'message: "{body}"', lambda: one.send_message(other.jid, body),
            lambda: other.wait_message(body, one.jid, deadline=DEADLINE), _bounced(one, other.jid))

    ladder.title("Two users of parley")
    seen = await ask(alice, bob, LOCAL, LOCAL)
    seen_back = await ask(bob, alice, LOCAL, LOCAL)
    await text(alice, bob, LOCAL, "Hello Bob!")
    await text(bob, alice, LOCAL, "Hello Alice!")
    await show(alice, bob, LOCAL, "away", "in a meeting", seen_back)
    await show(bob, alice, LOCAL, "dnd", "writing", seen)

    ladder.title(f"alice and {carol.jid}, whose server is Prosody")
    seen = await ask(alice, carol, TO_XMPP, FROM_XMPP)
    seen_back = await ask(carol, alice, FROM_XMPP, TO_XMPP)
    await text(alice, carol, TO_XMPP, "Good morning, Carol")
    await text(carol, alice, FROM_XMPP, "Good morning, Alice")
    await show(alice, carol, TO_XMPP, "away", "at lunch", seen_back)
    await show(carol, alice, FROM_XMPP, "dnd", "on the phone", seen)

    alice.send_presence()
    await _play_sip(ladder, alice, dave)

    ladder.title("What the partners' own logs say")
    _look_up(ladder, node, prosody, kamailio, alice)
    return ladder


async def _play_sip(ladder, alice, dave):
    ladder.title(f"alice and {dave.aor}, who has a SIP client (baresip) at a SIP server (Kamailio)")
    a, d = alice.jid, dave.aor

    async def from_dave(what, act, wait, after=True, trace_from=None):
        return await ladder.step(d, FROM_SIP, a, what, act, wait, _sip_refused(dave, trace_from), after)

    async def to_dave(what, act, wait, after=True):
        return await ladder.step(a, TO_SIP, d, what, act, wait, _bounced(alice, d), after)

    # His client asked when it started, and alice has been there since before that.
    asked = await from_dave("may I see your presence? (SUBSCRIBE)", None,
                            lambda: alice.wait_presence(d, "subscribe", deadline=DEADLINE), trace_from=0)
    shown = await to_dave("yes, and I am here (NOTIFY)", lambda: alice.allow(d),
                          lambda: dave.wait_contact(a, "Online", DEADLINE), asked)
    mark = alice.mark()
    allowed = await to_dave("may I see your presence? (SUBSCRIBE)", lambda: alice.subscribe(d),
                            lambda: alice.wait_presence(d, "subscribed", since=mark, deadline=DEADLINE))
    seen = await from_dave("presence: available (NOTIFY)", None,
                           lambda: alice.wait_presence(d, "available", since=mark, deadline=DEADLINE), allowed)
    await to_dave('message: "Can you hear me, Dave?" (MESSAGE)', lambda: alice.send_message(d, "Can you hear me, Dave?"),
                  lambda: dave.wait_message("Can you hear me, Dave?", a, DEADLINE))
    await from_dave('message: "Loud and clear" (MESSAGE)', lambda: dave.send_message(a, "Loud and clear"),
                    lambda: alice.wait_message("Loud and clear", d, deadline=DEADLINE))
    for online, kind in ((False, "unavailable"), (True, "available")):
        mark = alice.mark()
        await from_dave(f"presence: {kind} (NOTIFY)", lambda: dave.set_online(online),
                        lambda: alice.wait_presence(d, kind, since=mark, deadline=DEADLINE), seen)
    for kind, state in (("unavailable", "Offline"), (None, "Online")):
        await to_dave(f"presence: {kind or 'available'} (NOTIFY)", lambda: alice.send_presence(kind=kind),
                      lambda: dave.wait_contact(a, state, DEADLINE), shown)


def _look_up(ladder, node, prosody, kamailio, alice):
    """The protocols of the ladder are not only our word."""
    tls = alice.stream.transport.get_extra_info("ssl_object") if alice.stream.transport else None
    ladder.check(f"alice's stream is inside {tls.version() if tls else 'TLS'}, checked with the test CA", tls, "it is not encrypted")
    log = prosody.process.log()
    for way, name in (("s2sin", "from parley to Prosody"), ("s2sout", "from Prosody to parley")):
        found = re.search(rf"(?m)^{way}\S+\s+info\s+Stream encrypted \((TLS\S+) with", log)
        ladder.check(f"Prosody: the stream {name} is encrypted{f' ({found[1]})' if found else ''}", found,
                     "Prosody has written of no such stream")
    requests = re.findall(r"REQUEST (\S+) sip:\S+ from 127\.0\.0\.1:\d+ via (\w+)", kamailio.process.log())
    ours = sorted({method for method, protocol in requests if protocol.lower() == "tls"})
    ladder.check(f"Kamailio: parley's requests came over TLS with a client certificate ({', '.join(ours) or 'none'})",
                 {"MESSAGE", "NOTIFY", "SUBSCRIBE"} <= set(ours), "not all of MESSAGE, NOTIFY and SUBSCRIBE came so")
    reports = re.search(r"ERROR: \w+Sanitizer|runtime error: ", node.process.log())
    ladder.check("parley: still runs, and reported no fault of its own", node.process.running and not reports,
                 "it ended" if not node.process.running else f"see {node.process.log_file}")
