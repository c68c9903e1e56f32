"""OCS scenarios S4 and S5: sessions with INVITE, MESSAGE, INFO and BYE, opened by either side."""
import asyncio
import xml.etree.ElementTree as ElementTree

from tests.acceptance.ocs import ALICE, OURS, U1, login_u1, node_and_edge, nothing_came
from tests.lab.ocs_chat import IncomingChat, OutgoingChat, offer
from tests.lab.ocs_watch import Watch


DISCO_INFO, XHTML_IM, XHTML = "http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/xhtml-im", "http://www.w3.org/1999/xhtml"


def _chat_state(name, sender=ALICE):
    return lambda s: (s.name == "message" and s["from"].bare == sender and
                      s.xml.find(f"{{http://jabber.org/protocol/chatstates}}{name}") is not None)


async def test_whole_session_from_ocs(lab):
    """INVITE with its first text, ACK, MESSAGE, typing, idle, BYE: the text arrives once, typing becomes chat states."""
    node, edge, user = await node_and_edge(lab)
    chat = OutgoingChat(edge, U1, text="Hi")
    await chat.invite()
    await chat.accepted()
    await chat.message("Hi")
    await user.wait_message("Hi", ALICE)
    user.send_message(ALICE, "hello alice")  # goes in the session that is open; shows too that we take chat states
    await chat.expect_text("hello alice")
    await chat.typing()
    await user.journal.wait_for("composing", _chat_state("composing"))
    await chat.typing("idle")
    await user.journal.wait_for("paused", _chat_state("paused"))
    await chat.message("how are you?")
    await user.wait_message("how are you?", ALICE)
    await chat.bye()
    await user.journal.wait_for("gone", _chat_state("gone"))
    assert user.messages(ALICE) == ["Hi", "how are you?"], user.messages(ALICE)
    assert not edge.requests("INVITE"), "a second session beside the open one"


async def test_other_forms_of_the_offer(lab):
    """m=message with the callee's address, and the older m=x-ms-message, which is answered in kind."""
    node, edge, user = await node_and_edge(lab)
    for number, (body, media) in enumerate(((offer(f"sip:{U1}"), "message"), (offer(media="x-ms-message", with_types=False), "x-ms-message"))):
        chat = OutgoingChat(edge, U1, caller=f"alice{number}")
        await chat.invite(body)
        await chat.accepted(media)
        await chat.message(f"form {number}")
        await user.wait_message(f"form {number}")
        await chat.bye()


async def test_html_for_a_client_that_shows_it(lab):
    """text/html: a client that lists XHTML-IM gets the markup beside the text, without what could harm; another the text alone."""
    node, edge, plain = await node_and_edge(lab)
    chat = OutgoingChat(edge, U1)
    await chat.invite()
    await chat.accepted()
    html = "<div onclick='x()'>so <b>bold</b><script>y()</script> of {}<img src='http://spy.example/1.gif'></div>"
    await chat.request("MESSAGE", html.format("you").encode(), "text/html; charset=UTF-8")
    message = await plain.wait_message("so bold of you", ALICE)
    assert message.xml.find(f"{{{XHTML_IM}}}html") is None, message
    await plain.stop()
    user = await login_u1(lab, node, features=(XHTML_IM,))
    await user.journal.wait_for("the question what it can show", lambda s: s.name == "iq" and s["type"] == "get" and
                                s.xml.find(f"{{{DISCO_INFO}}}query") is not None)
    await user.stream["xep_0199"].ping(jid=OURS)  # the answer went before it
    await chat.request("MESSAGE", html.format("me").encode(), "text/html; charset=UTF-8")
    message = await user.wait_message("so bold of me", ALICE)
    body = message.xml.find(f"{{{XHTML_IM}}}html/{{{XHTML}}}body")
    assert body is not None, message
    assert "".join(body.itertext()) == "so bold of me", message
    assert body.find(f".//{{{XHTML}}}strong").text == "bold", message
    assert not any("spy" in ElementTree.tostring(e, "unicode") or "onclick" in e.attrib for e in body.iter()), message


async def test_user_who_is_away(lab):
    """Accepted, stored, and delivered at the next log-in: not refused with 480."""
    node, edge, user = await node_and_edge(lab, login=False)
    chat = OutgoingChat(edge, U1)
    await chat.invite()
    await chat.accepted()
    await chat.message("for when you are back")
    await chat.bye()
    user = await login_u1(lab, node)
    await user.wait_message("for when you are back", ALICE)
    assert user.messages(ALICE) == ["for when you are back"]


async def test_user_who_does_not_exist(lab):
    """404 to the INVITE."""
    node, edge, user = await node_and_edge(lab)
    chat = OutgoingChat(edge, f"nobody@{OURS}")
    await chat.invite()
    await chat.refused(404)


async def test_types_that_we_do_not_take(lab):
    """text/rtf and a file-transfer invitation: 415, the session goes on and the user sees nothing of them."""
    node, edge, user = await node_and_edge(lab)
    chat = OutgoingChat(edge, U1)
    await chat.invite()
    await chat.accepted()
    await chat.request("MESSAGE", rb"{\rtf1 hello}", "text/rtf", expect=415)
    await chat.request("MESSAGE", b"MIME-Version: 1.0\r\nInvitation-Command: INVITE\r\n", "text/x-msmsgsinvite; charset=UTF-8", expect=415)
    await chat.message("plain again")
    await user.wait_message("plain again", ALICE)
    assert user.messages(ALICE) == ["plain again"], user.messages(ALICE)


async def test_message_in_a_dead_session(lab):
    """After BYE: 481, and nothing is delivered."""
    node, edge, user = await node_and_edge(lab)
    chat = OutgoingChat(edge, U1)
    await chat.invite()
    await chat.accepted()
    await chat.bye()
    await chat.message("too late", expect=481)
    await nothing_came_but_gone(user)


async def nothing_came_but_gone(user):
    await user.stream["xep_0199"].ping(jid=OURS)
    assert not user.messages(ALICE), user.messages(ALICE)


async def test_second_invite_replaces_the_first(lab):
    """Both are answered 200; what our user says next goes into the newer one."""
    node, edge, user = await node_and_edge(lab)
    first = OutgoingChat(edge, U1)
    await first.invite()
    await first.accepted()
    second = OutgoingChat(edge, U1)
    await second.invite()
    await second.accepted()
    await second.message("in the second")
    await user.wait_message("in the second", ALICE)
    user.send_message(ALICE, "which one?")
    await second.expect_text("which one?")


async def test_cancel(lab):
    """CANCEL right behind the INVITE: 200 to it and 487 to the INVITE, or the INVITE had been accepted already."""
    node, edge, user = await node_and_edge(lab)
    connection = await edge.dial()
    chat = OutgoingChat(edge, U1)
    await chat.invite(connection=connection)
    chat.cancel(connection)
    cancelled = await edge.wait_response(chat.call_id, chat.cseq, "CANCEL")
    assert cancelled.status in (200, 481), cancelled.start_line
    answer = await chat.answer()
    if answer.status == 200:
        await chat.accepted()
        await chat.bye()
    else:
        assert answer.status == 487, answer.start_line
        await chat.refused(487)


async def test_long_and_foreign_text(lab):
    """Text of 6 kB and characters of four bytes, both ways."""
    node, edge, user = await node_and_edge(lab)
    chat = OutgoingChat(edge, U1)
    await chat.invite()
    await chat.accepted()
    for text in ("x" * 6000, "日本語 grüße 𝄞 <&>\"'", "two\r\nlines".replace("\r\n", "\n")):
        await chat.message(text)
        await user.wait_message(text, ALICE)
        user.send_message(ALICE, text)
        await chat.expect_text(text)


async def test_our_user_opens_a_session(lab):
    """S5: INVITE without ms-text-format, 100, 101, 180, a wait, 200, ACK, MESSAGE; later messages in the same session."""
    node, edge, user = await node_and_edge(lab)
    user.send_message(ALICE, "may I ask you something?")
    chat = await IncomingChat.expect(edge, ALICE, U1)
    chat.progress()
    await user.stream["xep_0199"].ping(jid=OURS)
    assert not chat.edge.requests("MESSAGE"), "the text was sent before the session stood"
    await chat.accept()
    await chat.expect_text("may I ask you something?")
    user.send_message(ALICE, "it is about lunch")
    await chat.expect_text("it is about lunch")
    await chat.message("go ahead")
    await user.wait_message("go ahead", ALICE)
    assert len(edge.requests("INVITE")) == 1
    await chat.bye()
    mark = edge.journal.mark()
    user.send_message(ALICE, "one more thing")
    another = await IncomingChat.expect(edge, ALICE, U1, since=mark)
    await another.accept()
    await another.expect_text("one more thing")


async def test_answers_that_refuse_us(lab):
    """Each final answer to our INVITE becomes an error to the sender, with the condition of RFC 7247."""
    node, edge, user = await node_and_edge(lab)
    for number, (code, reason, headers, conditions) in enumerate((
        (480, "Temporarily Unavailable", (), ("recipient-unavailable",)),
        (486, "Busy Here", (), ("recipient-unavailable",)),
        (404, "Not Found", (), ("item-not-found", "remote-server-not-found")),
        (606, "Not Acceptable", (("Warning", '309 sip.contoso.example "blocked content"'),), ("not-acceptable",)),
        (488, "Not Acceptable Here", (), ("not-acceptable",)),
    )):
        callee = f"user{number}@contoso.example"
        user.send_message(callee, "are you there?")
        chat = await IncomingChat.expect(edge, callee, U1)
        chat.respond(code, reason, headers)
        await chat.expect_request("ACK")
        error = await user.wait_error(callee)
        assert error["error"]["condition"] in conditions, f"{code}: {error}"


async def test_session_that_the_peer_has_lost(lab):
    """MESSAGE answered 481: a new INVITE, and the same text once."""
    await _lost_session(lab, 481, "Call Leg/Transaction Does Not Exist")


async def test_session_whose_message_timed_out_at_the_peer(lab):
    """MESSAGE answered 408: the same."""
    await _lost_session(lab, 408, "Request Timeout")


async def _lost_session(lab, code, reason):
    node, edge, user = await node_and_edge(lab)
    user.send_message(ALICE, "first")
    chat = await IncomingChat.expect(edge, ALICE, U1)
    await chat.accept()
    await chat.expect_text("first")
    mark = edge.journal.mark()
    user.send_message(ALICE, "second")
    await chat.expect_text("second", since=mark, answer=(code, reason))
    again = await IncomingChat.expect(edge, ALICE, U1, since=mark)
    await again.accept()
    await again.expect_text("second")
    user.send_message(ALICE, "third")
    await again.expect_text("third")
    assert len([m for m in edge.requests("MESSAGE", mark) if m.call_id == again.call_id]) == 2


async def test_bye_that_crosses_our_message(lab):
    """The peer ends the session while our MESSAGE is under way: the text goes into a new one."""
    node, edge, user = await node_and_edge(lab)
    user.send_message(ALICE, "first")
    chat = await IncomingChat.expect(edge, ALICE, U1)
    await chat.accept()
    await chat.expect_text("first")
    mark = edge.journal.mark()
    user.send_message(ALICE, "crossing")
    crossing = await chat.expect_text("crossing", since=mark, answer=None)
    await chat.bye()
    edge.respond(crossing, 481, "Call Leg/Transaction Does Not Exist")
    again = await IncomingChat.expect(edge, ALICE, U1, since=mark)
    await again.accept()
    await again.expect_text("crossing")


async def test_both_sides_invite_at_once(lab):
    """Glare: both dialogs stand, and each text arrives once."""
    node, edge, user = await node_and_edge(lab)
    user.send_message(ALICE, "ours")
    incoming = await IncomingChat.expect(edge, ALICE, U1)
    outgoing = OutgoingChat(edge, U1)
    await outgoing.invite()
    await outgoing.accepted()
    await incoming.accept()
    await outgoing.message("theirs")
    await user.wait_message("theirs", ALICE)
    found = await edge.wait_request("MESSAGE", lambda m: m.body == b"ours")
    edge.respond(found, 200, "OK")
    await user.stream["xep_0199"].ping(jid=OURS)
    assert len([m for m in edge.requests("MESSAGE") if m.body == b"ours"]) == 1
    assert user.messages(ALICE) == ["theirs"]


async def test_group_chat_is_refused(lab):
    """S6: an invitation to a conference, and an INVITE of three that requires multiparty: 488 and 420; audio: 488."""
    node, edge, user = await node_and_edge(lab)
    conference = OutgoingChat(edge, U1)
    await conference.invite('<Conferencing version="2.0"><focus-uri>sip:alice@contoso.example;gruu;opaque=app:conf:focus:id:X</focus-uri>'
                            '<subject/><im available="true"><first-im/></im></Conferencing>', content_type="application/ms-conf-invite+xml",
                            text_format=False)
    await conference.refused(488)
    three = OutgoingChat(edge, U1)
    await three.invite(headers=[("Require", "com.microsoft.rtc-multiparty"), ("EndPoints", f"<sip:{ALICE}>, <sip:{U1}>, <sip:third@contoso.example>")])
    answer = await three.refused(420)
    assert "com.microsoft.rtc-multiparty" in answer.get("Unsupported"), answer.get("Unsupported")
    audio = OutgoingChat(edge, U1)
    await audio.invite("v=0\r\no=- 0 0 IN IP4 10.0.0.1\r\ns=session\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n")
    await audio.refused(488)
    await nothing_came(user)


async def test_refer_leaves_the_session_alone(lab):
    """S6 (c): REFER in a session: 603 or 405, and the two go on."""
    node, edge, user = await node_and_edge(lab)
    chat = OutgoingChat(edge, U1)
    await chat.invite()
    await chat.accepted()
    sent = await chat.send("REFER", headers=[("Refer-To", "<sip:third@contoso.example>"), ("Referred-By", f"<sip:{ALICE}>")])
    answer = await edge.wait_response(chat.call_id, sent.cseq, "REFER")
    assert answer.status in (603, 405), answer.start_line
    await chat.message("just the two of us")
    await user.wait_message("just the two of us", ALICE)


async def test_message_waits_for_a_slow_callee(lab):
    """S5: the callee's client takes ten seconds to accept; the text is not lost and the sender gets no error."""
    node, edge, user = await node_and_edge(lab)
    user.send_message(ALICE, "take your time")
    chat = await IncomingChat.expect(edge, ALICE, U1)
    chat.progress()
    watch = Watch(edge, U1)  # a stretch of other traffic, instead of a wait
    await watch.send()
    await watch.accepted()
    await watch.next_notify()
    await chat.accept()
    await chat.expect_text("take your time")
    assert not [s for s in user.journal.entries if s["type"] == "error"]


async def test_session_ids_after_a_restart(lab):
    """kill -9 with a session open: the peer's next MESSAGE is either taken or answered 481 with a new session possible."""
    node, edge, user = await node_and_edge(lab)
    chat = OutgoingChat(edge, U1)
    await chat.invite()
    await chat.accepted()
    await chat.message("before")
    await user.wait_message("before", ALICE)
    await node.restart(kill=True)
    user = await login_u1(lab, node)
    sent = await chat.send("MESSAGE", b"after", "text/plain; charset=UTF-8")
    answer = await edge.wait_response(chat.call_id, sent.cseq, "MESSAGE")
    if answer.status != 200:
        assert answer.status == 481, answer.start_line
        chat = OutgoingChat(edge, U1)
        await chat.invite()
        await chat.accepted()
        await chat.message("after")
    await user.wait_message("after", ALICE)
    assert user.messages(ALICE).count("after") == 1, user.messages(ALICE)  # "before" may come again: nothing had proved it


async def test_peer_that_never_answers_message(lab):
    """A known defect of the oldest servers: after our timer the text is sent in a new session, or the sender is told."""
    node, edge, user = await node_and_edge(lab)
    user.send_message(ALICE, "hello?")
    chat = await IncomingChat.expect(edge, ALICE, U1)
    await chat.accept()
    await chat.expect_text("hello?", answer=None)
    mark = edge.journal.mark()
    told = asyncio.ensure_future(user.wait_error(ALICE, deadline=45))
    retried = asyncio.ensure_future(edge.wait_request("INVITE", since=mark, deadline=45))
    done, left = await asyncio.wait([told, retried], return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    assert all(task.exception() is None for task in done), "the text is lost and nobody was told"


async def test_idle_session_ends(lab):
    """INVITE, and then no MESSAGE: after the idle time of our configuration we say BYE."""
    node, edge, user = await node_and_edge(lab, settings={("sip", "session_idle"): '"10s"'})
    chat = OutgoingChat(edge, U1)
    await chat.invite()
    await chat.accepted()
    bye = await chat.expect_request("BYE", deadline=30)
    edge.respond(bye, 200, "OK")


async def test_notice_of_what_cannot_be(lab):
    """A conference, three end points, REFER, a call and a file: refused; one notice of each kind from our own server, in two languages."""
    node, edge, user = await node_and_edge(lab)
    chat = OutgoingChat(edge, U1)
    await chat.invite()
    await chat.accepted()

    async def notice(word, since):
        found = await user.journal.wait_for(f"a notice of {word}", lambda s: s.name == "message" and s["from"] == OURS and
                                            word in s["body"], since)
        languages = [body.get("{http://www.w3.org/XML/1998/namespace}lang") for body in found.xml.iter("{jabber:client}body")]
        assert languages == [None, "ja"], languages
        assert ALICE in found["body"], found["body"]

    mark = user.mark()
    await chat.request("REFER", headers=[("Refer-To", "<sip:third@contoso.example>"), ("Referred-By", f"<sip:{ALICE}>")], expect=405)
    await notice("others together", mark)
    three = OutgoingChat(edge, U1)
    await three.invite(headers=[("TriggeredInvite", "TRUE"),
                                ("EndPoints", f"<sip:{ALICE}>, <sip:{U1}>, <sip:third@contoso.example>")])
    answer = await three.refused(420)
    assert "com.microsoft.rtc-multiparty" in answer.get("Unsupported"), answer.get("Unsupported")
    mark = user.mark()
    audio = OutgoingChat(edge, U1)
    await audio.invite("v=0\r\no=- 0 0 IN IP4 10.0.0.1\r\ns=session\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n")
    await audio.refused(488)
    await notice("call", mark)
    await chat.request("MESSAGE", b"MIME-Version: 1.0\r\nInvitation-Command: INVITE\r\n", "text/x-msmsgsinvite; charset=UTF-8", expect=415)
    await notice("file", mark)
    await chat.message("and still the two of us")
    await user.wait_message("and still the two of us", ALICE)
    assert len(user.messages(OURS)) == 3, user.messages(OURS)


async def test_first_text_of_a_refused_invite(lab):
    """The text in an INVITE that is refused is not shown; the same text in the next session is, once."""
    node, edge, user = await node_and_edge(lab)
    refused = OutgoingChat(edge, U1, text="Hi")
    await refused.invite(headers=[("Require", "com.microsoft.rtc-multiparty")])
    await refused.refused(420)
    chat = OutgoingChat(edge, U1, text="Hi")
    await chat.invite()
    await chat.accepted()
    await chat.message("Hi")
    await user.wait_message("Hi", ALICE)
    await chat.message("and then")
    await user.wait_message("and then", ALICE)
    assert user.messages(ALICE) == ["Hi", "and then"], user.messages(ALICE)


async def test_receipt_for_what_the_partner_took(lab):
    """A client that asks for a receipt (XEP-0184) gets it when the partner's client has answered 200, and not before."""
    node, edge, user = await node_and_edge(lab)
    message = user.stream.make_message(mto=ALICE, mbody="did you get it?", mtype="chat")
    message["id"] = "wants-a-receipt"
    message.xml.append(ElementTree.Element("{urn:xmpp:receipts}request"))
    message.send()
    chat = await IncomingChat.expect(edge, ALICE, U1)
    await chat.accept()
    found = await chat.expect_text("did you get it?", answer=None)
    await user.stream["xep_0199"].ping(jid=OURS)
    received = "{urn:xmpp:receipts}received"
    assert not [s for s in user.journal.entries if s.xml.find(received) is not None]
    edge.respond(found, 200, "OK")
    receipt = await user.journal.wait_for("a receipt", lambda s: s.xml.find(received) is not None)
    assert receipt.xml.find(received).get("id") == "wants-a-receipt" and receipt["from"] == ALICE, receipt
