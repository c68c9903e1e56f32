"""The demonstration: parley between two users of its own, an XMPP partner and a SIP partner, all on this machine.

    ./dev demo          plays presence and messages in all directions, prints them as they arrive, leaves the servers up
    ./dev demo stop     stops them
"""
import asyncio
import os
import pathlib
import shutil
import signal
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.lab.baresip import Baresip
from tests.lab.kamailio import Kamailio
from tests.lab.lab import Lab
from tests.lab.parley import Parley
from tests.lab.prosody import Prosody
from tests.lab.waiting import TooLate
from tests.lab.xmpp_client import XmppClient

FOLDER = ROOT / "build" / "demo"
PID_FILE, LOG_FILE = FOLDER / "pid", FOLDER / "demo.log"
OURS, XMPP_PARTNER, SIP_PARTNER = "chat.example", "partner.example", "phones.example"
DONE = "-- the demonstration is over --"


def say(text=""):
    print(text, flush=True)


class Ladder:
    """One line a step: when it had arrived, from whom to whom, over what, what it was, and how long it took."""

    def __init__(self):
        self._start = time.monotonic()
        self.failed = 0
        say(f"{'time':>8}  {'from':<21} {'over':<32} {'to':<21} what")
        say("-" * 118)

    async def step(self, sender, over, receiver, what, act, arrival):
        began = time.monotonic()
        try:
            result = act()
            if asyncio.iscoroutine(result):
                await result
            await arrival()
        except (TooLate, AssertionError) as error:
            self.failed += 1
            say(f"{began - self._start:7.2f}s  {sender:<21} {over:<32} {receiver:<21} {what}   DID NOT ARRIVE")
            print(error, file=sys.stderr)
            return
        took = (time.monotonic() - began) * 1000
        say(f"{time.monotonic() - self._start:7.2f}s  {sender:<21} {over:<32} {receiver:<21} {what}   ({took:.0f} ms)")


LOCAL = "──XMPP──▶ parley ──XMPP──▶"
TO_XMPP, FROM_XMPP = "──XMPP──▶ parley ══XMPP s2s══▶", "══XMPP s2s══▶ parley ──XMPP──▶"
TO_SIP, FROM_SIP = "──XMPP──▶ parley ══SIP/TLS══▶", "══SIP/TLS══▶ parley ──XMPP──▶"


async def play(alice, bob, carol, dave):
    """alice and bob are ours, carol is the XMPP partner's, dave the SIP partner's."""
    ladder = Ladder()
    a, c, d = alice.jid, carol.jid, dave.aor

    async def ask(one, other, there, back):
        await ladder.step(one.jid, there, other.jid, "may I see your presence?", lambda: one.subscribe(other.jid),
                          lambda: other.wait_presence(one.jid, "subscribe"))
        mark = one.mark()
        await ladder.step(other.jid, back, one.jid, "yes, and I am here", lambda: other.allow(one.jid),
                          lambda: one.wait_presence(other.jid, "available", since=mark))

    async def show(one, other, over, show, status):
        mark = other.mark()
        await ladder.step(one.jid, over, other.jid, f"presence: {show} \"{status}\"",
                          lambda: one.send_presence(show=show, status=status),
                          lambda: other.wait_presence(one.jid, "available", show=show, status=status, since=mark))

    async def text(one, other, over, body):
        await ladder.step(one.jid, over, other.jid, f"\"{body}\"", lambda: one.send_message(other.jid, body),
                          lambda: other.wait_message(body, one.jid))

    say("Two users of parley")
    await ask(alice, bob, LOCAL, LOCAL)
    await ask(bob, alice, LOCAL, LOCAL)
    await text(alice, bob, LOCAL, "Hello Bob!")
    await text(bob, alice, LOCAL, "Hello Alice!")
    await show(bob, alice, LOCAL, "dnd", "writing")

    say(f"\nalice and {c}, who uses another XMPP server")
    await ask(alice, carol, TO_XMPP, FROM_XMPP)
    await ask(carol, alice, FROM_XMPP, TO_XMPP)
    await text(alice, carol, TO_XMPP, "Good morning, Carol")
    await text(carol, alice, FROM_XMPP, "Good morning, Alice")
    await show(alice, carol, TO_XMPP, "away", "at lunch")
    await show(carol, alice, FROM_XMPP, "dnd", "on the phone")

    say(f"\nalice and {d}, who uses a SIP client")
    mark = alice.mark()
    await ladder.step(a, TO_SIP, d, "may I see your presence? (SUBSCRIBE)", lambda: alice.subscribe(d),
                      lambda: alice.wait_presence(d, "subscribed", since=mark))
    await ladder.step(d, FROM_SIP, a, "presence: available (NOTIFY)", lambda: None,
                      lambda: alice.wait_presence(d, "available", since=mark))
    await ladder.step(d, FROM_SIP, a, "may I see your presence? (SUBSCRIBE)", lambda: None,
                      lambda: alice.wait_presence(d, "subscribe"))
    await ladder.step(a, TO_SIP, d, "yes, and I am here (NOTIFY)", lambda: alice.allow(d),
                      lambda: dave.wait_contact(a, "Online"))
    await ladder.step(a, TO_SIP, d, "\"Can you hear me, Dave?\" (MESSAGE)", lambda: alice.send_message(d, "Can you hear me, Dave?"),
                      lambda: dave.wait_message("Can you hear me, Dave?", a))
    await ladder.step(d, FROM_SIP, a, "\"Loud and clear\" (MESSAGE)", lambda: dave.send_message(a, "Loud and clear"),
                      lambda: alice.wait_message("Loud and clear", d))
    mark = alice.mark()
    await ladder.step(d, FROM_SIP, a, "presence: offline (NOTIFY)", lambda: dave.set_online(False),
                      lambda: alice.wait_presence(d, "unavailable", since=mark))
    await ladder.step(d, FROM_SIP, a, "presence: available (NOTIFY)", lambda: dave.set_online(True),
                      lambda: alice.wait_presence(d, "available", since=mark))
    await ladder.step(a, TO_SIP, d, "presence: unavailable (NOTIFY)", lambda: alice.send_presence(kind="unavailable"),
                      lambda: dave.wait_contact(a, "Offline"))
    await ladder.step(a, TO_SIP, d, "presence: available (NOTIFY)", lambda: alice.send_presence(),
                      lambda: dave.wait_contact(a, "Online"))
    return ladder.failed


def answer_everyone(client, name):
    """From now on the user answers what it gets, and lets everyone see it."""

    def on_message(message):
        if message["type"] in ("chat", "normal") and message["body"]:
            client.send_message(str(message["from"]), f"{name} got: {message['body']}")

    client.stream.add_event_handler("message", on_message)
    client.stream.add_event_handler("presence_subscribe", lambda p: client.allow(p["from"].bare))


async def supervise():
    shutil.rmtree(FOLDER / "lab", ignore_errors=True)
    async with Lab("demo", folder=FOLDER / "lab") as lab:
        say("Starting parley, Prosody (XMPP partner), Kamailio and baresip (SIP partner) with a test CA and a name server ...")
        node = await Parley(lab, OURS).start()
        prosody = await Prosody(lab, XMPP_PARTNER).start()
        kamailio = await Kamailio(lab, SIP_PARTNER).start()
        node.allow(XMPP_PARTNER, "--via", "xmpp", "--tls", "required")
        node.allow(SIP_PARTNER, "--via", "sip", "--profile", "simple")
        alice = await XmppClient(lab, node.add_user("alice", "alice"), "alice", node.address, resource="demo").start()
        bob = await XmppClient(lab, node.add_user("bob", "bob"), "bob", node.address, resource="demo").start()
        node.add_user("you", "you")
        carol = await XmppClient(lab, prosody.add_user("carol", "carol"), "carol", prosody.address, resource="demo").start()
        dave = await Baresip(lab, f"dave@{SIP_PARTNER}", kamailio.tcp_port, contacts=[alice.jid]).start()
        say()
        failed = await play(alice, bob, carol, dave)
        for client, name in ((alice, "Alice"), (bob, "Bob"), (carol, "Carol")):
            answer_everyone(client, name)
        say(f"""
{'All of it arrived.' if not failed else f'{failed} steps did not arrive; the logs are in {lab.folder}.'}

Everything is still running. Join with your own client:
    account   you@{OURS}     password   you
    server    127.0.0.1, port {node.c2s_port} (STARTTLS) or {node.c2s_tls_port} (direct TLS)
    CA        {lab.ca.file}
    for one   profanity   then   /connect you@{OURS} server 127.0.0.1 port {node.c2s_port} tls trust
alice@{OURS}, bob@{OURS} and carol@{XMPP_PARTNER} answer what you send them; dave@{SIP_PARTNER} hears it.
    status    {lab.program('parleyctl')} --dir {node.folder} status
    stop      ./dev demo stop""")
        say(DONE if not failed else DONE + " failed")
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await stopped.wait()


def running_pid():
    try:
        pid = int(PID_FILE.read_text())
        return pid if "tools/demo.py" in pathlib.Path(f"/proc/{pid}/cmdline").read_text() else None
    except (OSError, ValueError):
        return None


def stop():
    pid = running_pid()
    if not pid:
        say("The demonstration is not running.")
        return 0
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + 30
    while running_pid() and time.monotonic() < end:
        time.sleep(0.1)
    PID_FILE.unlink(missing_ok=True)
    say("Stopped.")
    return 0


def start():
    """The servers belong to a process of their own; this one shows what it writes until the play is over."""
    if running_pid():
        say("The demonstration is already running; stop it with: ./dev demo stop")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(LOG_FILE, "wb") as log:
        pid = os.posix_spawn(sys.executable, [sys.executable, __file__, "supervise"], dict(os.environ),
                             file_actions=[(os.POSIX_SPAWN_DUP2, log.fileno(), 1), (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
                                           (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)], setsid=True)
    PID_FILE.write_text(str(pid))
    with open(LOG_FILE, encoding="utf-8", errors="replace") as log:
        while True:
            line = log.readline()
            if line.startswith(DONE):
                return 1 if "failed" in line else 0
            if line:
                if "stringprep" not in line:  # a remark of slixmpp about itself
                    sys.stdout.write(line)
                    sys.stdout.flush()
            elif os.waitpid(pid, os.WNOHANG)[0]:
                say(f"The demonstration could not be played; {LOG_FILE} has the reason.")
                return 1
            else:
                time.sleep(0.05)


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else "start"
    if word == "supervise":
        asyncio.run(supervise())
        return 0
    if word == "stop":
        return stop()
    if word == "start":
        return start()
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
