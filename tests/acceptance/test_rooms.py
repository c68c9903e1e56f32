"""Rooms (XEP-0045): with real clients, with people of an OCS partner, and with those of an XMPP partner."""
import asyncio

import slixmpp

from tests.acceptance.ocs import ALICE, OURS, U1, node_and_edge
from tests.lab.ocs_chat import IncomingChat, OutgoingChat
from tests.lab.parley import Parley
from tests.lab.prosody import Prosody
from tests.lab.xmpp_client import XmppClient

ROOM = f"tea@conference.{OURS}"
ADDRESS = f"room+tea@{OURS}"  # of the room, as a SIP partner sees it


async def _join(client, room=ROOM, nick=None, **options):
    """Returns what the room sent: own presence, subject, the others, the history."""
    nick = nick or client.jid.partition("@")[0]
    mine, subject, others, history = await client.stream["xep_0045"].join_muc_wait(slixmpp.JID(room), nick, timeout=20, **options)
    return mine, subject, [p for p in others if p["from"].resource != nick], history


async def _client(lab, node, jid, **options):
    return await XmppClient(lab, jid, "secret", node.address, plugins=("xep_0045", "xep_0198", "xep_0249"), **options).start()


def _say(client, text, room=ROOM):
    client.send_message(room, text, kind="groupchat")


async def _hear(client, text, nick, room=ROOM, since=0):
    found = await client.wait_message(text, room, since=since, kind="groupchat")
    assert found["from"].resource == nick, f"{nick} said {text!r}, not {found['from'].resource}"


async def _seen(client, nick, kind, since=0, room=ROOM, deadline=20):
    return await client.journal.wait_for(
        f"{nick} {kind}", lambda s: s.name == "presence" and str(s["from"]) == f"{room}/{nick}" and
        s.xml.get("type", "available") == kind, since, deadline)


async def test_room_with_two_clients(lab):
    """Discovery, joining, history, subject, a private word, settings, a kick, a ban, destruction, with slixmpp's own XEP-0045."""
    node = await Parley(lab, OURS).start()
    for name in ("u1", "u2"):
        node.add_user(name)
    u1, u2 = await _client(lab, node, U1), await _client(lab, node, f"u2@{OURS}")
    items = await u1.stream["xep_0030"].get_items(jid=OURS)
    assert f"conference.{OURS}" in {item[0] for item in items["disco_items"]["items"]}
    info = await u1.stream["xep_0030"].get_info(jid=f"conference.{OURS}")
    assert "http://jabber.org/protocol/muc" in info["disco_info"]["features"]
    mine, *_ = await _join(u1)
    assert mine["muc"]["affiliation"] == "owner" and {110, 201} <= mine["muc"]["status_codes"], mine
    muc = u1.stream["xep_0045"]
    form = await muc.get_room_config(slixmpp.JID(ROOM))
    form["type"] = "submit"
    form["values"] = {**form["values"], "muc#roomconfig_roomname": "Tea room", "muc#roomconfig_changesubject": False}
    await muc.set_room_config(slixmpp.JID(ROOM), form)
    _say(u1, "before you came")
    await _hear(u1, "before you came", "u1")
    _, subject, others, history = await _join(u2, maxstanzas=10)
    assert [str(p["from"]) for p in others] == [f"{ROOM}/u1"], others
    assert [m["body"] for m in history] == ["before you came"], history
    _say(u2, "hello ü 𝄞")
    await _hear(u1, "hello ü 𝄞", "u2")
    u2.stream["xep_0045"].set_subject(slixmpp.JID(ROOM), "Mine")
    await u2.wait_error(ROOM, "forbidden")
    muc.set_subject(slixmpp.JID(ROOM), "Tea at four")
    await u2.journal.wait_for("subject", lambda s: s.name == "message" and s["subject"] == "Tea at four")
    u1.send_message(f"{ROOM}/u2", "only for you")
    await u2.wait_message("only for you", ROOM, kind="chat")
    assert "only for you" not in u1.messages(ROOM)
    mark = u2.mark()
    await muc.set_role(slixmpp.JID(ROOM), "u2", "none", reason="noise")
    gone = await _seen(u2, "u2", "unavailable", mark)
    assert {307, 110} <= gone["muc"]["status_codes"], gone
    # Its own way of waiting for a join gives up the second time.
    mark = u2.mark()
    u2.stream["xep_0045"].join_muc(slixmpp.JID(ROOM), "u2")
    back = await _seen(u2, "u2", "available", mark)
    assert 110 in back["muc"]["status_codes"], back
    await muc.set_affiliation(slixmpp.JID(ROOM), "outcast", jid=slixmpp.JID(f"u2@{OURS}"))
    await _seen(u2, "u2", "unavailable", mark)
    mark = u2.mark()
    u2.stream["xep_0045"].join_muc(slixmpp.JID(ROOM), "u2")
    await u2.wait_error(ROOM, "forbidden", mark)
    assert await muc.get_affiliation_list(slixmpp.JID(ROOM), "outcast") == [slixmpp.JID(f"u2@{OURS}")]
    await muc.destroy(slixmpp.JID(ROOM), "No more tea")
    items = await u1.stream["xep_0030"].get_items(jid=f"conference.{OURS}")
    assert not items["disco_items"]["items"], items


async def _with_alice(lab):
    """A room with u1 and, by a session of its own, Alice of the OCS partner: (node, edge, u1, her end of the session)."""
    node, edge, _ = await node_and_edge(lab, login=False)
    u1 = await _client(lab, node, U1)
    await _join(u1)
    u1.stream["xep_0045"].invite(slixmpp.JID(ROOM), slixmpp.JID(ALICE), reason="we need you")
    chat = await IncomingChat.expect(edge, ALICE, ADDRESS)
    chat.progress()
    await chat.accept()
    greeting = await chat.expect_request("MESSAGE")
    assert "u1 has invited you" in greeting.body.decode() and "u1: we need you" in greeting.body.decode(), greeting.body
    edge.respond(greeting, 200, "OK")
    await _seen(u1, "alice", "available")
    return node, edge, u1, chat


async def test_ocs_contact_in_a_room(lab):
    """Invited, she hears who says what, is heard, and leaves by closing her window; writing again brings her back."""
    node, edge, u1, chat = await _with_alice(lab)
    node.add_user("u2")
    u2 = await _client(lab, node, f"u2@{OURS}")
    await _join(u2)
    _say(u1, "hello")
    await chat.expect_text("u1: hello")
    _say(u2, "hello too")
    await chat.expect_text("u2: hello too")
    await chat.message("hello both")
    for client in (u1, u2):
        await _hear(client, "hello both", "alice")
    mark = u1.mark()
    await chat.bye()
    await _seen(u1, "alice", "unavailable", mark)
    seen = edge.journal.mark()
    _say(u1, "she is gone")
    await _hear(u1, "she is gone", "u1")
    again = OutgoingChat(edge, ADDRESS)
    await again.invite()
    await again.accepted()
    await again.message("back")
    await _hear(u1, "back", "alice")
    assert not [m for m in edge.requests("MESSAGE", seen) if b"she is gone" in m.body], "she had left"
    _say(u1, "welcome")
    await again.expect_text("u1: welcome")
    await again.message("/leave")
    await again.expect_text("You have left the room. Write again to come back.")
    bye = await again.expect_request("BYE")
    edge.respond(bye, 200, "OK")
    assert u1.messages(ROOM).count("hello both") == 1


async def test_session_of_a_room_that_breaks(lab):
    """Her client has forgotten the session: the same text comes once, in a new one."""
    node, edge, u1, chat = await _with_alice(lab)
    since = edge.journal.mark()
    _say(u1, "are you there?")
    await chat.expect_text("u1: are you there?", answer=(481, "Call Leg/Transaction Does Not Exist"))
    new = await IncomingChat.expect(edge, ALICE, ADDRESS, since=since)
    await new.accept()
    await new.expect_text("u1: are you there?")
    await new.message("now I am")
    await _hear(u1, "now I am", "alice")


async def test_restart_with_a_contact_in_a_room(lab):
    """kill -9: she is still in the room and in the same session; what was answered 200 is in the history."""
    node, edge, u1, chat = await _with_alice(lab)
    await chat.message("before the crash")
    await _hear(u1, "before the crash", "alice")
    await node.restart(kill=True)
    await chat.message("after the crash")
    u1 = await _client(lab, node, U1, resource="again")
    _, _, others, history = await _join(u1, maxstanzas=10)
    assert [p["from"].resource for p in others] == ["alice"], others
    assert [m["body"] for m in history] == ["before the crash", "after the crash"], history
    _say(u1, "back again")
    await chat.expect_text("u1: back again")


async def test_room_with_somebody_of_an_xmpp_partner(lab):
    """A user of a Prosody server is invited, joins over the streams of the room's own domain, and is heard."""
    theirs = "partner.example"
    node = await Parley(lab, OURS).start()
    lab.publish_xmpp(f"conference.{OURS}", node.s2s_port, direct_tls_port=node.s2s_tls_port, host=f"xmpp.{OURS}")
    node.allow(theirs, "--via", "xmpp")
    node.add_user("u1")
    server = await Prosody(lab, theirs, "certificate").start()
    bob = await XmppClient(lab, server.add_user("bob"), "secret", server.address, plugins=("xep_0045", "xep_0249")).start()
    u1 = await _client(lab, node, U1)
    await _join(u1)
    u1.stream["xep_0045"].invite(slixmpp.JID(ROOM), slixmpp.JID(bob.jid))
    await bob.journal.wait_for("an invitation", lambda s: s.name == "message" and s["from"].bare == ROOM)
    await _join(bob)
    await _seen(u1, "bob", "available")
    _say(bob, "good morrow")
    await _hear(u1, "good morrow", "bob")
    _say(u1, "good night")
    await _hear(bob, "good night", "u1")
    mark = u1.mark()
    await bob.stop()
    await _seen(u1, "bob", "unavailable", mark)
    await asyncio.wait_for(u1.stream["xep_0199"].ping(jid=OURS), 10)
