"""A Lync 2010 edge: the headers of that generation, sessions over four connections, slow acceptance, and its refusals."""
from tests.acceptance.partner import U1, node_and_edge
from tests.lab.ocs_chat import IncomingChat, OutgoingChat, offer
from tests.lab.ocs_watch import Presentity, Watch
from tests.lab.products import LYNC
from tests.lab.waiting import TooLate

THEIRS = "fabrikam.example"


async def test_presence_both_ways(lab):
    """Two Record-Routes with parameters behind the bracket go back as two Routes; busy and away as its tables say."""
    pair = await node_and_edge(lab, LYNC, THEIRS)
    watch = Watch(pair.edge, U1)
    await watch.send()
    await watch.accepted()
    await pair.user.wait_presence(pair.alice, "subscribe")
    pair.user.allow(pair.alice)
    await watch.notified("open")
    pair.user.send_presence(show="dnd")
    await watch.notified("open", "busy")
    await watch.send()
    await watch.accepted()
    pair.user.subscribe(pair.alice)
    alice = await Presentity.expect(pair.edge, pair.alice, U1)
    alice.accept()
    await alice.notify_ok("open", "busy", display_name="Alice")
    await pair.user.wait_presence(pair.alice, "available", show="away", status="Busy")


async def test_session_over_four_connections(lab):
    """The INVITE has the text three times (plain, html, rtf): it is shown once. Each further request comes by another connection."""
    pair = await node_and_edge(lab, LYNC, THEIRS)
    connections = [await pair.edge.dial() for _ in range(4)]
    chat = OutgoingChat(pair.edge, U1, text="Hi")
    await chat.invite(connection=connections[0])
    await chat.accepted()
    for number, connection in enumerate(connections):
        await chat.request("MESSAGE", f"text {number}".encode(), "text/plain; charset=UTF-8", connection=connection)
        await pair.user.wait_message(f"text {number}", pair.alice)
    pair.user.send_message(pair.alice, "and back")
    await chat.expect_text("and back")
    await chat.bye()
    await pair.settled()
    assert pair.user.messages(pair.alice) == [f"text {n}" for n in range(4)], pair.user.messages(pair.alice)


async def test_html_alone(lab):
    """A client that sends HTML only, or HTML beside plain text: the text arrives, without its tags."""
    pair = await node_and_edge(lab, LYNC, THEIRS)
    chat = OutgoingChat(pair.edge, U1)
    await chat.invite(text_format=False)
    await chat.accepted()
    await chat.request("MESSAGE", b"<DIV style=\"font-size:10pt\">fish &amp; chips<BR>at noon</DIV>", "text/html; charset=UTF-8")
    await pair.user.wait_message("fish & chips\nat noon", pair.alice)
    both = (b"--b1\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nplain one\r\n"
            b"--b1\r\nContent-Type: text/html; charset=UTF-8\r\n\r\n<b>rich one</b>\r\n--b1--\r\n")
    await chat.request("MESSAGE", both, 'multipart/alternative; boundary="b1"')
    await pair.user.wait_message("plain one", pair.alice)


async def test_callee_who_takes_half_a_minute(lab):
    """101 and 180, then nothing for longer than any of our timers for a silent peer: the text goes when the callee accepts."""
    pair = await node_and_edge(lab, LYNC, THEIRS)
    pair.user.send_message(pair.alice, "no hurry")
    chat = await IncomingChat.expect(pair.edge, pair.alice, U1)
    chat.progress()
    try:
        given_up = await pair.edge.wait_request("CANCEL", deadline=28)
        raise AssertionError(f"the INVITE was given up: {given_up}")
    except TooLate:
        pass
    await chat.accept()
    await chat.expect_text("no hurry")
    assert not [s for s in pair.user.journal.entries if s["type"] == "error"]


async def test_its_refusals_are_told_in_its_words(lab):
    """504 with ms-diagnostics-public 1027 (our SRV target lies outside our domain): no presence, an error with the reason."""
    pair = await node_and_edge(lab, LYNC, THEIRS)
    reason = ('1027;reason="Cannot route this type of SIP request to or from federated partners";source="sip.fabrikam.example"')
    pair.user.send_message(pair.alice, "hello?")
    seen = 0
    for more in ((), (("Retry-After", "3600"),)):  # asked again once, and given up when that is to take an hour
        chat = await IncomingChat.expect(pair.edge, pair.alice, U1, since=seen)
        seen = pair.edge.journal.mark()
        chat.respond(504, "Server time-out", [("ms-diagnostics-public", reason), *more])
        await chat.expect_request("ACK")
    error = await pair.user.wait_error(pair.alice, "remote-server-timeout")
    assert "Cannot route this type of SIP request" in error["error"]["text"], str(error)


async def test_audio_is_refused_with_488(lab):
    """A call: SDP without m=message, as this generation offers it first."""
    pair = await node_and_edge(lab, LYNC, THEIRS)
    call = OutgoingChat(pair.edge, U1)
    await call.invite(offer().replace("m=message 5060 sip null", "m=audio 5000 RTP/SAVP 114 9 8 0"), text_format=False)
    await call.refused(488)
    await pair.settled()
    assert not pair.user.messages(pair.alice)
