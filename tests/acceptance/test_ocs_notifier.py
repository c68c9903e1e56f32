"""OCS scenario S3: our users watch users of an OCS edge."""
import asyncio

from tests.acceptance.ocs import ALICE, OURS, U1, login_u1, node_and_edge
from tests.lab.ocs_watch import Presentity
from tests.lab.waiting import until


async def _watching(lab, expires=29087):
    node, edge, user = await node_and_edge(lab)
    user.subscribe(ALICE)
    alice = await Presentity.expect(edge, ALICE, U1)
    alice.accept(expires)
    alice.connection = await edge.dial_target_of(alice.request.uri("Contact"))  # S1 (k)
    await alice.notify_ok("open", display_name="Alice", state=f"active;expires={expires}")
    await user.wait_presence(ALICE, "subscribed")
    await user.wait_presence(ALICE, "available", show="")
    return node, edge, user, alice


async def test_what_each_state_becomes(lab):
    """(a) Table 1 for a third-party client: busy is away with "Busy", away is away, closed is unavailable."""
    node, edge, user, alice = await _watching(lab)
    for (basic, activity), kind, show, status in (
        (("open", "away"), "available", "away", ""),
        (("open", "busy"), "available", "away", "Busy"),
        (("open", None), "available", "", ""),
        (("open", "something-new"), "available", "", None),
        (("closed", None), "unavailable", None, None),
        (("open", "busy"), "available", "away", "Busy"),
    ):
        mark = user.mark()
        await alice.notify_ok(basic, activity)
        if activity != "something-new":  # which changes nothing that the user sees
            await user.wait_presence(ALICE, kind, show=show, status=status, since=mark)
    assert (await user.roster())[ALICE] == "to"


async def test_piggybacked_first_notification(lab):
    """(b) The 200 itself carries the state in lower-case headers; no NOTIFY follows it."""
    node, edge, user = await node_and_edge(lab)
    user.subscribe(ALICE)
    alice = await Presentity.expect(edge, ALICE, U1)
    alice.accept_with_body("open", "busy")
    await user.wait_presence(ALICE, "available", show="away", status="Busy")
    await alice.notify_ok("open", "away")
    await user.wait_presence(ALICE, "available", show="away", status="")


async def test_benotify_is_not_answered(lab):
    """(c) BENOTIFY instead of NOTIFY: understood, and never answered."""
    node, edge, user, alice = await _watching(lab)
    mark = edge.journal.mark()
    sent = await alice.notify("open", "busy", method="BENOTIFY")
    await user.wait_presence(ALICE, "available", show="away", status="Busy")
    await alice.notify_ok("open", "away")  # answered in order: what BENOTIFY would have got is there by now
    assert not [m for m in edge.journal.entries[mark:] if m.is_response and m.cseq == sent.cseq and m.method == "BENOTIFY"]


async def test_refusals(lab):
    """(d) Each final answer to our SUBSCRIBE: no presence, no storm, and the next log-in or subscription may ask again."""
    node, edge, user = await node_and_edge(lab)
    for number, (code, reason) in enumerate(((403, "Forbidden"), (404, "Not Found"), (480, "Temporarily Unavailable"),
                                             (489, "Bad Event"), (504, "Server Time-out"))):
        contact = f"user{number}@contoso.example"
        mark = edge.journal.mark()
        user.subscribe(contact)
        seen = await Presentity.expect(edge, contact, U1, since=mark)
        seen.answer(code, reason, [("ms-diagnostics-public", f'1034;reason="Previous hop federated peer did not report diagnostic '
                                    f'information";Domain="contoso.example";source="sip.contoso.example"')])
        if code == 403:
            await user.journal.wait_for(f"a refusal from {contact}", lambda s: s.name == "presence" and s["from"].bare == contact and
                                        s["type"] in ("unsubscribed", "error"))
    await user.stream["xep_0199"].ping(jid=OURS)
    assert not [s for s in user.journal.entries if s.name == "presence" and s["from"].domain == "contoso.example" and
                s["type"] in ("subscribed", "available")]


async def test_unexpected_content_type(lab):
    """(e) text/xml+msrtc.pidf although not offered: answered, and the subscription goes on."""
    node, edge, user, alice = await _watching(lab)
    sent = await alice.notify(body=b'<presentity uri="alice@contoso.example"/>', content_type="text/xml+msrtc.pidf")
    answer = await edge.wait_response(sent.call_id, sent.cseq, "NOTIFY")
    assert answer.status in (200, 415), answer.start_line
    await alice.notify_ok("open", "busy")
    await user.wait_presence(ALICE, "available", show="away", status="Busy")


async def test_edge_that_lost_the_dialog(lab):
    """(f) The edge has restarted: 481 to our refresh, and we subscribe anew."""
    node, edge, user, alice = await _watching(lab, expires=30)  # a short one, so that the refresh comes within the test
    mark = edge.journal.mark()
    refresh = await alice.expect_refresh(since=mark, deadline=40)
    edge.respond(refresh, 481, "Call Leg/Transaction Does Not Exist")
    again = await Presentity.expect(edge, ALICE, U1, since=mark, deadline=20)
    assert again.request.call_id != alice.request.call_id, "a new subscription is a new dialog"
    again.accept()
    await again.notify_ok("open", "busy")
    await user.wait_presence(ALICE, "available", show="away", status="Busy")


async def test_accepted_202(lab):
    """(g) 202, as older notifiers say it."""
    node, edge, user = await node_and_edge(lab)
    user.subscribe(ALICE)
    alice = await Presentity.expect(edge, ALICE, U1)
    alice.accept(code=202)
    await alice.notify_ok(state="pending;expires=29087", body=b"")
    await user.stream["xep_0199"].ping(jid=OURS)
    assert not [p for p in user.presences(ALICE) if p["type"] == "subscribed"], "pending is not yet a yes"
    await alice.notify_ok("open")
    await user.wait_presence(ALICE, "subscribed")


async def test_each_user_subscribes_for_itself(lab):
    """Two of our users watch one contact: two subscriptions, for the Microsoft side decides per watcher."""
    node, edge, user = await node_and_edge(lab)
    node.add_user("u2")
    from tests.lab.xmpp_client import XmppClient

    second = await XmppClient(lab, f"u2@{OURS}", "secret", node.address).start()
    user.subscribe(ALICE)
    one = await Presentity.expect(edge, ALICE, U1)
    second.subscribe(ALICE)
    two = await Presentity.expect(edge, ALICE, f"u2@{OURS}")
    assert one.request.call_id != two.request.call_id


async def test_notifications_go_on_after_a_restart(lab):
    """kill -9 of our node: the next NOTIFY in the old dialog is taken and shown, and nobody had to subscribe anew."""
    node, edge, user, alice = await _watching(lab)
    mark = edge.journal.mark()

    def answer_refresh(request):
        """A refresh in the old dialog is what a peer expects of a subscriber that was away."""
        if request.method != "SUBSCRIBE" or request.tag("To") != alice.tag:
            return None
        alice.request, alice.connection = request, request.connection
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(alice.notify("open")))
        return 200, "OK", [("Contact", f"<sip:{ALICE};opaque=user:epid:4BYPlX2Wv1mCQSyyYpXsJQAA;gruu>"), ("Expires", "29087")]

    edge.answer_all = answer_refresh
    await node.restart(kill=True)
    user = await login_u1(lab, node)
    await user.wait_presence(ALICE, "available")
    assert not [m for m in edge.requests("SUBSCRIBE", mark) if m.tag("To") is None], "subscribed anew"
    mark = user.mark()
    alice.connection = await edge.dial_target_of(alice.request.uri("Contact"))
    await alice.notify_ok("open", "busy")
    await user.wait_presence(ALICE, "available", show="away", status="Busy", since=mark)


async def test_wrong_senders(lab):
    """A NOTIFY in no dialog: 481; one with an older CSeq: refused, and the state stays."""
    node, edge, user, alice = await _watching(lab)
    await alice.notify_ok("open", "busy")
    await user.wait_presence(ALICE, "available", show="away", status="Busy")
    mark = user.mark()
    alice.cseq -= 2
    old = await alice.notify("open", "away")
    await until(lambda: [m for m in edge.journal.entries if m.is_response and m.call_id == old.call_id and m.cseq == old.cseq and
                         m.get_all("Via") == old.get_all("Via")], 10, "an answer to the old NOTIFY")
    stranger = Presentity(edge, alice.request)
    stranger.tag = "0000000000"
    lost = await stranger.notify("closed")
    answer = await edge.wait_response(lost.call_id, lost.cseq, "NOTIFY", since=edge.journal.mark() - 1)
    assert answer.status in (481, 500), answer.start_line
    await user.stream["xep_0199"].ping(jid=OURS)
    assert not user.presences(ALICE, mark), "an old or foreign NOTIFY changed what the user sees"


async def test_our_pace_when_we_are_only_discovered(lab):
    """S7: such an edge stops answering above 20 requests in a second. Sixty people at once: never more than that in any second."""
    node, edge, user = await node_and_edge(lab)
    arrived = []

    def answer(request):
        arrived.append(asyncio.get_running_loop().time())
        return 480, "Temporarily Unavailable", (), b""

    edge.answer_all = answer
    for number in range(60):
        user.subscribe(f"user{number}@contoso.example")
    await until(lambda: len(arrived) >= 60, 30, lambda: f"60 subscriptions; {len(arrived)} came")
    for begin in arrived:
        within = [time for time in arrived if begin <= time < begin + 1]
        assert len(within) <= 20, f"{len(within)} requests within a second"
