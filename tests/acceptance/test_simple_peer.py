"""A standard SIP/SIMPLE domain, played by a script where Kamailio does what it likes (test_simple.py): every state and refusal of a
subscription, documents of RFC 4480, pager messages at their limits, odd addresses."""
from tests.acceptance.partner import U1, node_and_edge
from tests.lab.ocs_watch import Presentity, Watch
from tests.lab.pidf import standard_document
from tests.lab.products import SIMPLE, hex_digits
from tests.lab.sip_message import SipMessage

THEIRS = "phones.example"


async def _watching(lab, **options):
    pair = await node_and_edge(lab, SIMPLE, THEIRS, **options)
    pair.user.subscribe(pair.alice)
    alice = await Presentity.expect(pair.edge, pair.alice, U1)
    alice.accept(3600)
    return pair, alice


async def test_pending_then_active(lab):
    """G1: pending tells our user nothing; active is the yes; several tuples and RFC 4480's activities are read as one state."""
    pair, alice = await _watching(lab)
    await alice.notify_ok(state="pending;expires=3600", body=b"")
    await pair.settled()
    assert not pair.user.presences(pair.alice), "pending is not yet a yes"
    for activities, show, status in (((), "", ""), (("away",), "away", ""), (("busy",), "away", "Busy"), (("meeting",), "away", "In a meeting"),
                                     (("away", "on-the-phone"), "away", "On the phone"), (("unknown",), "", "")):
        mark = pair.user.mark()
        document = standard_document(pair.alice, activities=activities, devices=[("desk", "closed"), ("van", "closed")])
        await alice.notify_ok(body=document, state="active;expires=3600")
        await pair.user.wait_presence(pair.alice, "available", show=show, status=status, since=mark)
    await pair.user.wait_presence(pair.alice, "subscribed")


async def test_notes_that_stand_for_states(lab):
    """G11: Kamailio's bridges put the state into the note alone."""
    pair, alice = await _watching(lab)
    for note, show in (("Busy (DND)", "dnd"), ("away", "away"), ("On the phone", "away"), ("Online", "")):
        mark = pair.user.mark()
        await alice.notify_ok(body=standard_document(pair.alice, note=note), state="active;expires=3600")
        await pair.user.wait_presence(pair.alice, "available", show=show, status=note, since=mark)


async def test_each_reason_of_an_end(lab):
    """G4: after which reasons we subscribe anew at once, later, or never; the contact's refusal is told to our user."""
    pair, alice = await _watching(lab)
    await alice.notify_ok(state="active;expires=3600")
    await pair.user.wait_presence(pair.alice, "available")
    for number, (reason, again) in enumerate((("deactivated", True), ("timeout", True), ("probation;retry-after=3600", False),
                                              ("giveup;retry-after=3600", False), ("rejected", False), ("noresource", False),
                                              ("invariant", False))):
        contact = f"bob{number}@{THEIRS}"
        pair.user.subscribe(contact)
        bob = await Presentity.expect(pair.edge, contact, U1)
        bob.accept(3600)
        await bob.notify_ok(state="active;expires=3600")
        await pair.user.wait_presence(contact, "available")
        mark, seen = pair.edge.journal.mark(), pair.user.mark()
        await bob.notify_ok(state=f"terminated;reason={reason}", body=b"")
        if again:
            new = await Presentity.expect(pair.edge, contact, U1, since=mark)
            assert new.request.call_id != bob.request.call_id, "a new subscription is a new dialog"
            new.accept(3600)
            await new.notify_ok(state="active;expires=3600")
        if reason in ("rejected", "noresource"):
            await pair.user.wait_presence(contact, "unavailable", since=seen)
            await pair.user.wait_presence(contact, "unsubscribed", since=seen)
        await pair.settled()
        assert again or not pair.edge.requests("SUBSCRIBE", mark), f"{reason}: asked again at once"


async def test_answers_to_our_subscribe(lab):
    """G3: 423 is asked again with what it wants; 489 and 407 are refusals without a storm."""
    pair = await node_and_edge(lab, SIMPLE, THEIRS)
    pair.user.subscribe(pair.alice)
    alice = await Presentity.expect(pair.edge, pair.alice, U1)
    mark = pair.edge.journal.mark()
    alice.answer(423, "Interval Too Brief", [("Min-Expires", "5400")])
    longer = await pair.edge.wait_request("SUBSCRIBE", lambda m: m.uri("To") == f"sip:{pair.alice}" and m.get("Expires") != "3600", mark)
    assert int(longer.get("Expires")) >= 5400, longer.get("Expires")
    alice = Presentity(pair.edge, longer)
    alice.accept(5400)
    await alice.notify_ok(state="active;expires=5400")
    await pair.user.wait_presence(pair.alice, "available")
    for number, (code, reason) in enumerate(((489, "Bad Event"), (407, "Proxy Authentication Required"))):
        contact = f"bob{number}@{THEIRS}"
        pair.user.subscribe(contact)
        bob = await Presentity.expect(pair.edge, contact, U1)
        mark = pair.edge.journal.mark()
        bob.answer(code, reason)
        await pair.settled()
        assert not pair.edge.requests("SUBSCRIBE", mark), f"{code}: asked again at once"


async def test_what_we_grant(lab):
    """G7: no Expires is 3600, too many seconds are cut, too few are refused with 423 and what we want."""
    pair = await node_and_edge(lab, SIMPLE, THEIRS)
    for expires, granted in ((None, 3600), (100000, 3600), (600, 600)):
        watch = Watch(pair.edge, U1, watcher=f"w{granted}{expires}", expires=expires)
        await watch.send()
        answer = await watch.accepted()
        assert int(answer.get("Expires")) == granted, f"{expires} was asked, {answer.get('Expires')} granted"
    brief = Watch(pair.edge, U1, watcher="brief", expires=5)
    await brief.send()
    answer = await brief.answer()
    assert answer.status == 423 and int(answer.get("Min-Expires")) > 5, str(answer)


async def test_documents_that_we_do_not_take(lab):
    """G9: a difference (application/pidf-diff+xml) is refused with 415 and what we take; what was known stays."""
    pair, alice = await _watching(lab)
    await alice.notify_ok(body=standard_document(pair.alice, activities=["busy"]), state="active;expires=3600")
    await pair.user.wait_presence(pair.alice, "available", status="Busy")
    mark = pair.user.mark()
    sent = await alice.notify(body=b"<pidf-diff xmlns='urn:ietf:params:xml:ns:pidf-diff' version='2'/>", content_type="application/pidf-diff+xml",
                              state="active;expires=3600")
    answer = await pair.edge.wait_response(sent.call_id, sent.cseq, "NOTIFY")
    assert answer.status == 415, answer.start_line
    await pair.settled()
    assert not pair.user.presences(pair.alice, mark), pair.user.presences(pair.alice, mark)


class Pager:
    """Messages of the edge's user outside any dialog."""

    def __init__(self, edge, sender="alice"):
        self.edge, self.sender = edge, sender

    async def send(self, to, body, content_type="text/plain;charset=UTF-8", scheme="sip", sender=None):
        connection = await self.edge.trunk()
        uri = f"{scheme}:{to}"
        request = SipMessage.from_text("\n".join([
            f"MESSAGE {uri} SIP/2.0", f"Via: {self.edge.vias(connection)[0]}", "Max-Forwards: 70",
            f"From: <sip:{sender or self.sender}@{self.edge.domain}>;tag={hex_digits(8)}", f"To: <{uri}>", f"Call-ID: {hex_digits(20)}",
            "CSeq: 1 MESSAGE", f"Content-Type: {content_type}"]), body)
        connection.send(request)
        return await self.edge.wait_response(request.call_id, 1, "MESSAGE")


async def test_pager_messages(lab):
    """G2, G6: both ways, 1300 bytes and no more; CPIM and HTML are opened; other types are 415."""
    pair = await node_and_edge(lab, SIMPLE, THEIRS)
    pager = Pager(pair.edge)
    for body, kind, shown in (("x" * 1300, "text/plain", "x" * 1300), ("<p>one &amp; two</p>", "text/html", "one & two"),
                              (f"From: <im:alice@{THEIRS}>\r\nTo: <im:{U1}>\r\n\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nwrapped",
                               "message/cpim", "wrapped")):
        answer = await pager.send(U1, body, kind)
        assert answer.status == 200, f"{kind}: {answer.start_line}"
        await pair.user.wait_message(shown, pair.alice)
    for body, kind, code in (("x" * 1301, "text/plain", 513), ("{}", "application/json", 415)):
        answer = await pager.send(U1, body, kind)
        assert answer.status == code, f"{kind} of {len(body)}: {answer.start_line}"
    pair.user.send_message(pair.alice, "one by one")
    first = await pair.edge.wait_request("MESSAGE")
    pair.user.send_message(pair.alice, "and in order")
    await pair.settled()
    assert len(pair.edge.requests("MESSAGE")) == 1, "a second before the first was answered (RFC 3428 8)"
    assert first.tag("To") is None and first.body == b"one by one" and first.request_uri == f"sip:{pair.alice}"
    pair.edge.respond(first, 200, "OK")
    second = await pair.edge.wait_request("MESSAGE", lambda m: m.body == b"and in order")
    pair.edge.respond(second, 200, "OK")
    pair.user.send_message(pair.alice, "y" * 1301)
    await pair.user.wait_error(pair.alice, "policy-violation")
    assert len(pair.edge.requests("MESSAGE")) == 2


async def test_typing(lab):
    """G5: RFC 3994 from the peer becomes a chat state."""
    pair = await node_and_edge(lab, SIMPLE, THEIRS)
    pager = Pager(pair.edge)
    body = "<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>active</state></isComposing>"
    answer = await pager.send(U1, body, "application/im-iscomposing+xml")
    assert answer.status == 200, answer.start_line
    await pair.user.journal.wait_for("composing", lambda s: s.name == "message" and
                                     s.xml.find("{http://jabber.org/protocol/chatstates}composing") is not None)


async def test_secure_scheme_is_not_carried(lab):
    """G8: sips promises TLS to the end, which XMPP cannot keep: refused, and our user hears nothing."""
    pair = await node_and_edge(lab, SIMPLE, THEIRS)
    answer = await Pager(pair.edge).send(U1, "secret", scheme="sips")
    assert answer.status == 416, answer.start_line
    watch = Watch(pair.edge, U1)
    watch.remote_target, watch.to = f"sips:{U1}", f"<sips:{U1}>"
    await watch.send()
    assert (await watch.answer()).status == 416
    await pair.settled()
    assert not pair.user.messages() and not pair.user.presences(pair.alice)


async def test_addresses(lab):
    """G10: user parts with & and ' and letters of other scripts come in as RFC 7247 says, and go back as they came."""
    pair = await node_and_edge(lab, SIMPLE, THEIRS)
    for sip, local in (("o'malley", r"o\27malley"), ("m&m", r"m\26m"), ("f%C3%BCr", "für"), ("%E6%97%A5", "日"), ("Carol", "carol"), ("a%2Fb", r"a\2fb")):
        answer = await Pager(pair.edge).send(U1, f"from {sip}", sender=sip)
        assert answer.status == 200, f"{sip}: {answer.start_line}"
        contact = f"{local}@{THEIRS}"
        await pair.user.wait_message(f"from {sip}", contact)
        pair.user.send_message(contact, f"to {sip}")
        back = await pair.edge.wait_request("MESSAGE", lambda m: m.body == f"to {sip}".encode())
        assert back.request_uri == f"sip:{sip}@{THEIRS}", back.request_uri
        pair.edge.respond(back, 200, "OK")
    for sip in ("a%00b", "a%0d%0aX-Evil:1", "a%40b", "a%5C26b", "%FF"):
        answer = await Pager(pair.edge).send(U1, "no", sender=sip)
        assert 400 <= answer.status < 500, f"{sip}: {answer.start_line}"
    await pair.settled()
    assert "no" not in pair.user.messages()
