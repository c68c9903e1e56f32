"""Thousands of subscriptions at one partner: our crash and the partner's restart leave no gap."""
import asyncio
import os
import time

from tests.lab.crowd import Crowd
from tests.lab.parley import Parley
from tests.lab.waiting import until
from tests.lab.xmpp_client import XmppClient

OURS, THEIRS = "cup.example", "contoso.example"
# A sanitizer build takes its time; a release build is asked for 10000.
SUBSCRIPTIONS = int(os.environ.get("PARLEY_SUBSCRIPTIONS", "1000"))
USERS = 10
EACH = SUBSCRIPTIONS // USERS


def resident(node):
    """KiB."""
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


async def _thousands(lab):
    many = max(1000, 2 * EACH)
    node = await Parley(lab, OURS, {
        ("limits", "stanzas_per_second"): str(many), ("limits", "stanzas_burst"): str(10 * many),
        ("log", "level"): '"info"',
    }).start()
    crowd = await Crowd(lab, THEIRS, OURS, node.sip_tls_port).start()
    node.allow(THEIRS, "--via", "sip", "--profile", "ocs", "--trusted-by-partner")
    for number in range(USERS):
        node.add_user(f"u{number}")
    users = [await XmppClient(lab, f"u{number}@{OURS}", "secret", node.address).start() for number in range(USERS)]
    before = resident(node)
    for user in users:
        user.stream.send_raw("".join(f"<presence type='subscribe' to='p{person}@{THEIRS}'/>" for person in range(EACH)))
    await until(lambda: crowd.confirmed >= SUBSCRIPTIONS, 90,
                lambda: f"{SUBSCRIPTIONS} subscriptions; {crowd.initial} asked for, {crowd.confirmed} notified")
    print(f"{SUBSCRIPTIONS} subscriptions: {(resident(node) - before) / SUBSCRIPTIONS:.2f} KiB each, rosters and all")
    return node, crowd, users


async def test_nothing_is_lost_by_a_crash_of_ours(lab):
    """kill -9: each old dialog is served at once, nothing is subscribed anew, a watcher is not told that the user has gone."""
    node, crowd, users = await _thousands(lab)
    watch = await crowd.watch("alice", f"u0@{OURS}")
    await users[0].wait_presence(f"alice@{THEIRS}", "subscribe")
    users[0].allow(f"alice@{THEIRS}")
    await until(lambda: b"<basic>open" in crowd.watching[watch][1], 15, "the watcher sees the user")
    first_cseq = int(crowd.watching[watch][0]["cseq"].split()[0])
    crowd.reset_counts()
    del crowd.watching[watch]

    began = time.monotonic()
    await node.restart(kill=True)
    ready = time.monotonic()
    await crowd.notify_all("busy", deadline=60)
    print(f"ready after {ready - began:.1f} s, all served {time.monotonic() - ready:.1f} s later")
    assert crowd.initial == 0 and crowd.refreshes == 0, f"{crowd.initial} subscribed anew, {crowd.refreshes} refreshed"
    assert watch not in crowd.watching, "the watcher was told something before anything was known"

    user = await XmppClient(lab, f"u0@{OURS}", "secret", node.address).start()
    await user.wait_presence(f"p{EACH - 1}@{THEIRS}", "available", show="away", status="Busy")
    await until(lambda: watch in crowd.watching, 15, "a NOTIFY in the old dialog")
    fields, body = crowd.watching[watch]
    assert b"<basic>open" in body, body
    assert int(fields["cseq"].split()[0]) > first_cseq
    assert crowd.initial == 0, "subscribed anew"


async def test_a_partner_that_forgets_all_is_asked_for_all(lab):
    """The partner restarts and has forgotten: one 481, then every subscription once, within half a minute of its return."""
    node, crowd, users = await _thousands(lab)
    marks = [user.mark() for user in users]
    crowd.reset_counts()
    await crowd.forget()
    await asyncio.wait_for(_refused(crowd), 10)
    await crowd.start()
    back = time.monotonic()
    await until(lambda: crowd.confirmed >= SUBSCRIPTIONS, 30 + SUBSCRIPTIONS / 100,
                lambda: f"{SUBSCRIPTIONS} fresh; {crowd.initial} asked for, {crowd.confirmed} notified")
    print(f"all fresh {time.monotonic() - back:.1f} s after the partner's return")
    assert crowd.initial == SUBSCRIPTIONS, crowd.initial
    assert crowd.unknown == 1, f"{crowd.unknown} asked whether the partner still knows us"
    for user, mark in zip(users, marks):
        assert not [p for p in user.presences(f"p0@{THEIRS}", mark) if p["type"] == "unavailable"], "shown as offline meanwhile"


async def _refused(crowd):
    """Until nobody listens there any more."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", crowd.port)
            writer.close()
            await asyncio.sleep(0.05)
        except ConnectionError:
            return
