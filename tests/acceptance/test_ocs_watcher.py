"""OCS scenario S2: users of an OCS edge watch ours."""
from tests.acceptance.ocs import ALICE, OURS, U1, login_u1, node_and_edge, nothing_came
from tests.lab.ocs_watch import Watch, state_of
from tests.lab.pidf import Presence


async def _watched(lab, **options):
    """A watch that our user has allowed, as the first active notification arrives."""
    node, edge, user = await node_and_edge(lab)
    watch = Watch(edge, U1, **options)
    await watch.send()
    await watch.accepted()
    await user.wait_presence(ALICE, "subscribe")
    user.allow(ALICE)
    await watch.notified("open")
    return node, edge, user, watch


async def test_subscription_is_held_until_the_user_decides(lab):
    """Accepted at once, neutral or closed until our user answers, then what it shows."""
    node, edge, user = await node_and_edge(lab)
    watch = Watch(edge, U1)
    await watch.send()
    await watch.accepted()
    first = await watch.next_notify()
    assert state_of(first)[0] == "pending" or (first.body and Presence(first.body).basic == "closed"), str(first)
    assert not first.body or Presence(first.body).basic == "closed", "presence told before it was allowed"
    await user.wait_presence(ALICE, "subscribe")
    user.allow(ALICE)
    active = await watch.notified("open")
    value, parameters = state_of(active)
    assert value == "active" and 0 < int(parameters["expires"]) <= 7200, active.get("Subscription-State")
    roster = await user.roster()
    assert roster[ALICE] == "from", roster


async def test_without_benotify_lines(lab):
    """A home server may have taken the ms-benotify lines out: the same."""
    await _watched(lab, with_benotify=False)


async def test_what_each_state_looks_like(lab):
    """Table 3: chat or none open; away and xa open with away; dnd open with busy; unavailable closed."""
    node, edge, user, watch = await _watched(lab)
    for show, expected in (("away", ("open", "away")), ("chat", ("open", "")), ("dnd", ("open", "busy")), ("xa", ("open", "away")),
                           (None, ("open", ""))):
        user.send_presence(show=show)
        await watch.notified(*expected)
    user.send_presence(kind="unavailable")
    await watch.notified("closed")


async def test_cseq_and_one_notify_at_a_time(lab):
    """Many changes while one NOTIFY is unanswered: one in flight, growing CSeq, the newest state at the end."""
    node, edge, user, watch = await _watched(lab)
    mark = edge.journal.mark()
    user.send_presence(show="away")
    held = await edge.wait_request("NOTIFY", lambda m: m.call_id == watch.call_id, mark)
    for show in ("dnd", "xa", "chat", "dnd"):
        user.send_presence(show=show)
    await user.stream["xep_0199"].ping(jid=OURS)
    assert len([m for m in edge.requests("NOTIFY", mark) if m.cseq > held.cseq]) == 0, "a second NOTIFY before the first was answered"
    edge.respond(held, 200, "OK")
    watch._notify_seen = edge.journal.entries.index(held) + 1
    last = await watch.notified("open", "busy")
    assert last.cseq > held.cseq


async def test_refresh(lab):
    """A refresh in the dialog: 200, a granted time again, a NOTIFY with the whole state."""
    node, edge, user, watch = await _watched(lab)
    await watch.send()
    await watch.accepted()
    await watch.notified("open")


async def test_look_up(lab):
    """Expires: 0 at once: one NOTIFY, and the subscription is over."""
    node, edge, user = await node_and_edge(lab)
    watch = Watch(edge, U1, expires=0)
    await watch.send()
    answer = await watch.answer()
    assert answer.status == 200, answer.start_line
    notify = await watch.next_notify()
    value, parameters = state_of(notify)
    assert value == "terminated" and parameters.get("reason") == "timeout", notify.get("Subscription-State")


async def test_unsubscribe(lab):
    """Expires: 0 in the dialog: a last NOTIFY, then silence."""
    node, edge, user, watch = await _watched(lab)
    await watch.send(expires=0)
    answer = await watch.answer()
    assert answer.status == 200, answer.start_line
    last = await watch.notified_state("terminated")
    mark = edge.journal.mark()
    user.send_presence(show="dnd")
    await user.stream["xep_0199"].ping(jid=OURS)
    assert not edge.requests("NOTIFY", mark), "a NOTIFY after the subscription had ended"
    assert state_of(last)[1].get("reason") == "timeout", last.get("Subscription-State")


async def test_dialog_that_we_do_not_know(lab):
    """A refresh in a dialog that never was: 481, and a fresh SUBSCRIBE is taken."""
    node, edge, user = await node_and_edge(lab)
    lost = Watch(edge, U1)
    lost.to = f"<sip:{U1}>;tag=0123456789abcdef"
    lost.cseq = 7
    await lost.send()
    answer = await lost.answer()
    assert answer.status == 481, answer.start_line
    fresh = Watch(edge, U1)
    await fresh.send()
    await fresh.accepted()


async def test_unknown_event_packages(lab):
    """489 with Allow-Events, and the user is not asked."""
    node, edge, user = await node_and_edge(lab)
    for event in ("presence.wpending", "vnd-microsoft-roaming-contacts"):
        watch = Watch(edge, U1, event=event)
        await watch.send()
        answer = await watch.answer()
        assert answer.status == 489, f"{event}: {answer.start_line}"
        assert "presence" in answer.get("Allow-Events"), "489 says which packages there are"
    await nothing_came(user)


async def test_notify_that_the_peer_does_not_know(lab):
    """A NOTIFY answered 481: the subscription is gone and no more is sent in it."""
    await _notify_ends(lab, 481, "Call Leg/Transaction Does Not Exist")


async def test_notify_that_times_out_at_the_peer(lab):
    """A NOTIFY answered 408 by the peer's own edge: the same."""
    await _notify_ends(lab, 408, "Request Timeout")


async def _notify_ends(lab, code, reason):
    node, edge, user, watch = await _watched(lab)
    user.send_presence(show="dnd")
    await watch.next_notify(code, reason)
    mark = edge.journal.mark()
    user.send_presence(show="away")
    await user.stream["xep_0199"].ping(jid=OURS)
    again = Watch(edge, U1)
    await again.send()
    await again.accepted()
    await again.notified("open", "away")
    assert not [m for m in edge.requests("NOTIFY", mark) if m.call_id == watch.call_id], "a NOTIFY in a dialog the peer had dropped"


async def test_refused_watcher(lab):
    """Our user says no: the watcher is told no more than that the user is offline, or that the subscription ended."""
    node, edge, user = await node_and_edge(lab)
    watch = Watch(edge, U1)
    await watch.send()
    await watch.accepted()
    await user.wait_presence(ALICE, "subscribe")
    user.refuse(ALICE)
    while True:
        notify = await watch.next_notify()
        assert not notify.body or Presence(notify.body).basic == "closed", str(notify)
        if state_of(notify)[0] != "pending":
            break


async def test_user_who_does_not_exist(lab):
    """404, and nothing is notified."""
    node, edge, user = await node_and_edge(lab)
    watch = Watch(edge, f"nobody@{OURS}")
    await watch.send()
    answer = await watch.answer()
    assert answer.status in (404, 604), answer.start_line


async def test_watch_goes_on_after_a_restart(lab):
    """kill -9 of our node: NOTIFY comes in the same dialog, with a higher CSeq, and the peer's refresh is understood."""
    node, edge, user, watch = await _watched(lab)
    user.send_presence(show="away")
    before = await watch.notified("open", "away")
    await node.restart(kill=True)
    mark = edge.journal.mark()
    user = await login_u1(lab, node)
    user.send_presence(show="dnd")
    after = await watch.notified("open", "busy", deadline=20)
    assert after.cseq > before.cseq and after.tag("From") == before.tag("From")
    await watch.send()
    await watch.accepted()
    assert not [p for p in user.presences(ALICE) if p["type"] == "subscribe"], "asked again for what was decided"
    assert all(m.cseq > before.cseq for m in edge.requests("NOTIFY", mark))
