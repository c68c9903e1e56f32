"""The demonstration: parley between two users of its own, an XMPP partner and a SIP partner, all on this machine.

    ./dev demo           plays presence and messages in all directions, prints them as they arrive, leaves the servers up
    ./dev demo stop      stops them
    ./dev demo --check   plays, verifies, and stops everything; the exit code is 0 only if each step was good
"""
import argparse
import asyncio
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

FOLDER = ROOT / "build" / "demo"
OURS, XMPP_PARTNER, SIP_PARTNER = "alpha.example", "beta.example", "gamma.example"
DONE = "-- the demonstration is over --"
STOP_DEADLINE = 40  # seconds; the servers are stopped one after the other


def say(text=""):
    print(text, flush=True)


# What runs is written down as process id and start time: a process id alone may belong to another program by now.
def _start_time(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]  # a zombie has ended, only its parent has not looked yet
    except (OSError, IndexError):
        return None


def _record(name, pid):
    return {"name": name, "pid": pid, "started": _start_time(pid)}


def _alive(record):
    return record["started"] is not None and _start_time(record["pid"]) == record["started"]


def _left_over(folder, records):
    """Children of recorded programs that outlived them. Each program leads a group of its own, so the group's number is its
    process id, which no other program gets while one of the group is there."""
    groups = {str(record["pid"]) for record in records}
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            state, _, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            if group in groups and state != "Z" and str(folder) in (entry / "cmdline").read_text():
                found.append(int(entry.name))
        except OSError:
            pass  # it ended just now
    return found


class State:
    def __init__(self, folder):
        self.file = folder / "state.json"

    def read(self):
        try:
            return json.loads(self.file.read_text())
        except (OSError, ValueError):
            return {"records": [], "join": ""}

    def write(self, records, join=""):
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"records": records, "join": join}))
        new.replace(self.file)

    def clear(self):
        self.file.unlink(missing_ok=True)


def _answer_everyone(client, name):
    """From now on the user answers what it gets, and lets everyone see it."""

    def on_message(message):
        if message["type"] in ("chat", "normal") and message["body"]:
            client.send_message(str(message["from"]), f"{name} got: {message['body']}")

    client.stream.add_event_handler("message", on_message)
    client.stream.add_event_handler("presence_subscribe", lambda p: client.allow(p["from"].bare))


async def _answer_by_sip(dave, sender):
    """The same for the SIP client, which has no such hook: its own trace tells what came from `sender`."""
    incoming = re.compile(rf"(?m)^MESSAGE sip:[^\n]*\n(?:[^\n]+\n)*From: [^\n]*<sip:{re.escape(sender)}[^\n]*\n(?:[^\n]+\n)*\n"
                          r"((?:.|\n)*?)\x1b\[;m")
    answered = 0
    while dave.process.running:
        texts = incoming.findall(dave.process.log())
        for text in texts[answered:]:
            await dave.send_message(sender, f"Dave got: {text}")
        answered = len(texts)
        await asyncio.sleep(0.3)


def _on_loopback(node):
    """The passwords of the demonstration are no secret: nobody else's machine shall reach it."""
    for key, port in (("c2s", node.c2s_port), ("c2s_tls", node.c2s_tls_port), ("s2s", node.s2s_port),
                      ("s2s_tls", node.s2s_tls_port), ("sip", node.sip_port), ("sip_tls", node.sip_tls_port)):
        node.settings["listen", key] = f'["127.0.0.1:{port}"]'
    return node


def _parley_and_kamailio(lab):
    """Kamailio finds us by DNS where it can have a resolver file of its own; many containers do not let it."""
    from tests.lab.kamailio import Kamailio
    from tests.lab.parley import Parley

    if subprocess.run(["unshare", "--mount", "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode == 0:
        return _on_loopback(Parley(lab, OURS)), Kamailio(lab, SIP_PARTNER)
    say("    (No mount namespace here: Kamailio is told where parley is, and does not ask the test name server.)")
    certificate = lab.ca.issue(OURS, f"sip.{OURS}", f"xmpp.{OURS}", "localhost")
    node = _on_loopback(Parley(lab, OURS, {("sip", "host"): '"localhost"'}, certificate))
    return node, Kamailio(lab, SIP_PARTNER, next_hop=node.sip_tls_port)


def _join_text(lab, node, prosody, kamailio):
    return f"""Everything is still running. Join with your own XMPP client:
    account       you@{OURS}
    password      you
    server        127.0.0.1, port {node.c2s_port} (STARTTLS) or {node.c2s_tls_port} (TLS from the start)
    certificate   signed by the demonstration's own CA: {lab.ca.file}
    for example   profanity   then   /connect you@{OURS} server 127.0.0.1 port {node.c2s_port} tls trust
Write to alice@{OURS}, bob@{OURS}, carol@{XMPP_PARTNER} or dave@{SIP_PARTNER}: each answers, and lets you see
its presence. Dave's client asks for yours when you join.
The other accounts have their name as password: alice and bob here, carol at 127.0.0.1 port {prosody.c2s_port}.
    a SIP client  any name @{SIP_PARTNER}, no password, outbound proxy 127.0.0.1 port {kamailio.tcp_port}, TCP
    status        {lab.program('parleyctl')} --dir {node.folder} status
    logs          {lab.folder}
    stop          ./dev demo stop"""


async def _start(what, part):
    try:
        return await part.start()
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        process = getattr(part, "process", None)
        last = process.log().strip().splitlines()[-1:] if process else []
        raise SystemExit("\n".join([f"FAILED: {what} could not be started: {str(error).strip()}", *last])) from error


async def _run(folder, stay):
    """Starts everything and plays; with `stay` it then waits for a signal. Returns whether all was good."""
    from demo_play import play
    from tests.lab.baresip import Baresip
    from tests.lab.lab import Lab
    from tests.lab.prosody import Prosody
    from tests.lab.xmpp_client import XmppClient

    stopped = asyncio.Event()
    this = asyncio.current_task()
    playing = True

    def stop():
        stopped.set()
        if playing:
            this.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    shutil.rmtree(folder / "lab", ignore_errors=True)
    async with Lab("demo", folder=folder / "lab") as lab:
        def client(server, name):
            return _start(f"{name}'s client", XmppClient(lab, f"{name}@{server.domain}", name, server.address, resource="demo"))

        say("Starting, with a test CA and a name server of their own, on loopback only:")
        node, kamailio = _parley_and_kamailio(lab)
        prosody = Prosody(lab, XMPP_PARTNER)
        say(f"    parley, the server of {OURS} with alice and bob ({lab.programs})")
        say(f"    Prosody, an XMPP server, as {XMPP_PARTNER} with carol")
        say(f"    Kamailio, a SIP proxy and presence server, as {SIP_PARTNER} with dave, whose client is baresip")
        await asyncio.gather(_start("Prosody, the XMPP partner,", prosody), _start("Kamailio, the SIP partner,", kamailio),
                             _start("parley", node))
        node.allow(XMPP_PARTNER, "--via", "xmpp", "--tls", "required")
        node.allow(SIP_PARTNER, "--via", "sip", "--profile", "simple")
        node.ctl("user", "import", "-", text="".join(f"{name}@{OURS}\t{name}\n" for name in ("alice", "bob", "you")))
        prosody.add_user("carol", "carol")
        alice, bob, carol = await client(node, "alice"), await client(node, "bob"), await client(prosody, "carol")
        you = f"you@{OURS}"
        dave = Baresip(lab, f"dave@{SIP_PARTNER}", kamailio.tcp_port, contacts=[alice.jid, you])
        await _start("dave's SIP client", dave)
        say()
        ladder = await play(say, node, prosody, kamailio, alice, bob, carol, dave)
        playing = False
        failed = len(ladder.failures)
        say(f"\n{ladder.steps - failed} steps arrived, {failed} failed.")
        for failure in ladder.failures:
            say(f"    FAILED: {failure}")
        if stay:
            for client, name in ((alice, "Alice"), (bob, "Bob"), (carol, "Carol")):
                _answer_everyone(client, name)
            answers = asyncio.ensure_future(_answer_by_sip(dave, you))
            join = _join_text(lab, node, prosody, kamailio)
            parts = [("parley", node), ("Prosody", prosody), ("Kamailio", kamailio), ("baresip", dave)]
            State(folder).write([_record("the demonstration", os.getpid())] +
                                [_record(name, part.process.pid) for name, part in parts], join)
            say(f"\n{join}")
            say(DONE if not failed else f"{DONE} failed")
            await stopped.wait()
            answers.cancel()
        elif failed:
            say(f"The logs are in {lab.folder}.")
    return not failed


def run(folder, stay):
    """The exit code; each reason to fail is one plain sentence."""
    try:
        return 0 if asyncio.run(_run(folder, stay)) else 1
    except asyncio.CancelledError:
        say("Stopped before it was over.")
    except SystemExit as failure:
        say(str(failure.code))
    except ModuleNotFoundError as error:
        say(f"FAILED: Python's package {error.name} is missing for {sys.executable}; ./dev demo installs it for /usr/bin/python3.")
    except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        say(f"FAILED: {str(error).strip() or repr(error)}")
    return 1


def check(folder):
    if any(map(_alive, State(folder).read()["records"])):
        say("The demonstration is running in the same folder; stop it first with: ./dev demo stop")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    return run(folder, stay=False)


def stop(folder):
    """Only what is written down and still is the process that was started; nothing by name."""
    state = State(folder)
    recorded = state.read()["records"]
    records = [record for record in recorded if _alive(record)]
    if not records and not _left_over(folder, recorded):
        state.clear()
        say("The demonstration is not running.")
        return 0
    # The first is the process that started the others: on SIGTERM it stops them in order.
    if records and records[0]["name"] == "the demonstration":
        os.kill(records[0]["pid"], signal.SIGTERM)
        end = time.monotonic() + STOP_DEADLINE
        while any(map(_alive, records)) and time.monotonic() < end:
            time.sleep(0.1)
    for record in filter(_alive, records):
        say(f"{record['name']} (process {record['pid']}) had to be killed.")
        os.kill(record["pid"], signal.SIGKILL)
    for pid in _left_over(folder, recorded):
        os.kill(pid, signal.SIGKILL)
    state.clear()
    say("Stopped.")
    return 0


def start(folder):
    """The servers belong to a process of their own; this one shows what it writes until the play is over."""
    state = State(folder)
    before = state.read()
    records = before["records"]
    if any(map(_alive, records)):
        ended = [record["name"] for record in records if not _alive(record)]
        if ended:
            say(f"The demonstration is running, but {' and '.join(ended)} ended. Stop it with ./dev demo stop, then start it anew.")
            return 1
        say("The demonstration is already running.")
        say(before["join"] or "It is still being played. Stop it with: ./dev demo stop")
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    log_file = folder / "demo.log"
    with open(log_file, "wb") as log:
        process = subprocess.Popen([sys.executable, __file__, "supervise", "--folder", str(folder)], stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL, start_new_session=True,
                                   env=dict(os.environ, PYTHONIOENCODING="utf-8:replace"))
    state.write([_record("the demonstration", process.pid)])
    try:
        return _follow(log_file, process, state)
    except KeyboardInterrupt:
        say()
        stop(folder)
        return 1


def _follow(log_file, process, state):
    """Shows the log until it says that it is over; what programs and libraries wrote on the side stays in the file."""
    with open(log_file, encoding="utf-8", errors="replace") as log:
        rest = ""
        while True:
            ended = process.poll() is not None  # asked before reading, so that nothing of its last words is missed
            rest += log.read()
            *lines, rest = rest.split("\n")
            for line in lines:
                if line.startswith(DONE):
                    return 1 if "failed" in line else 0
                if "stringprep" not in line:  # a remark of slixmpp about itself
                    say(line)
            if ended:
                state.clear()
                say(f"The demonstration could not be played; {log_file} has all of it.")
                return 1
            time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("word", nargs="?", default="start", choices=["start", "stop", "supervise"], help=argparse.SUPPRESS)
    parser.add_argument("--check", action="store_true", help="play, verify, stop; for tests")
    parser.add_argument("--folder", type=pathlib.Path, default=FOLDER, help="where its state and logs are (default: build/demo)")
    options = parser.parse_args()
    sys.stdout.reconfigure(errors="replace")  # the arrows, where the terminal has none
    folder = options.folder.resolve()
    if options.word == "supervise":
        return run(folder, stay=True)
    if options.word == "stop":
        return stop(folder)
    return check(folder) if options.check else start(folder)


if __name__ == "__main__":
    sys.exit(main())
