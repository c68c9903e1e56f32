"""Users of one node with ordinary clients: log-in, rosters, presence, messages, offline messages, restart."""
from tests.lab.go_sendxmpp import GoSendXmpp
from tests.lab.parley import Parley
from tests.lab.profanity import Profanity
from tests.lab.xmpp_client import LoginFailed, XmppClient, befriend


async def _node(lab, *names):
    node = await Parley(lab, "chat.example").start()
    return node, *[node.add_user(name) for name in names]


async def _login(lab, node, jid, **options):
    return await XmppClient(lab, jid, "secret", node.address, **options).start()


async def test_two_users_chat_and_see_each_other(lab):
    """Subscription both ways, presence changes, messages both ways, and the end of a subscription."""
    node, alice_jid, bob_jid = await _node(lab, "alice", "bob")
    alice, bob = await _login(lab, node, alice_jid), await _login(lab, node, bob_jid)
    await befriend(alice, bob)
    assert await alice.roster() == {bob_jid: "both"}
    assert await bob.roster() == {alice_jid: "both"}
    alice.send_message(bob_jid, "hello bob")
    message = await bob.wait_message("hello bob", alice_jid)
    assert str(message["from"]) == alice.full_jid
    bob.send_message(alice.full_jid, "hello alice")
    await alice.wait_message("hello alice", bob_jid)
    alice.send_presence(show="dnd", status="deep in thought")
    await bob.wait_presence(alice_jid, "available", show="dnd", status="deep in thought")
    mark = bob.mark()
    await alice.stop()
    await bob.wait_presence(alice_jid, "unavailable", since=mark)

    alice = await _login(lab, node, alice_jid)
    await alice.wait_presence(bob_jid, "available")  # the probe at log-in
    mark = alice.mark()
    bob.refuse(alice_jid)
    await alice.wait_presence(bob_jid, "unsubscribed", since=mark)
    assert (await alice.roster())[bob_jid] == "from"


async def test_a_denied_request_is_told_yes_and_shows_nobody(lab):
    """A no is polite (docs/policy.md): the one who asked hears yes, and sees the other offline, until that one thinks better of it."""
    node, alice_jid, bob_jid = await _node(lab, "alice", "bob")
    alice, bob = await _login(lab, node, alice_jid), await _login(lab, node, bob_jid)
    alice.subscribe(bob_jid)
    await bob.wait_presence(alice_jid, "subscribe")
    bob.refuse(alice_jid)
    await alice.wait_presence(bob_jid, "subscribed")
    assert (await alice.roster())[bob_jid] == "to"
    assert alice_jid not in await bob.roster()
    bob.send_presence(show="dnd")
    await bob.stream["xep_0199"].ping(jid="chat.example")
    await alice.stop()
    alice = await _login(lab, node, alice_jid)
    await alice.wait_presence(bob_jid, "unavailable")
    assert [p["type"] for p in alice.presences(bob_jid)] == ["unavailable"]
    bob.allow(alice_jid)
    await alice.wait_presence(bob_jid, "available", show="dnd")


async def test_go_sendxmpp(lab):
    """go-sendxmpp, which shares no code with slixmpp, sends and receives."""
    node, alice_jid, bob_jid = await _node(lab, "alice", "bob")
    alice = await _login(lab, node, alice_jid)
    other = GoSendXmpp(lab, bob_jid, "secret", node.c2s_port)
    await other.send(alice_jid, "from another client")
    await alice.wait_message("from another client", bob_jid)
    await other.listen()
    alice.send_message(bob_jid, "to another client")
    await other.wait_message("to another client", alice_jid)


async def test_profanity(lab):
    """profanity on its terminal: log-in, presence of a contact, messages."""
    node, alice_jid, carol_jid = await _node(lab, "alice", "carol")
    alice = await _login(lab, node, alice_jid)
    carol = await Profanity(lab, carol_jid, "secret", node.c2s_port).start()
    carol.type(f"/sub request {alice_jid}")
    await alice.wait_presence(carol_jid, "subscribe")
    alice.allow(carol_jid)
    alice.send_presence(show="away", status="out to lunch")
    await carol.wait_screen(r"Away \(\d+\)[^\n]*\n[^\n]*alice@chat.example")
    carol.send_message(alice_jid, "typed in a terminal")
    await alice.wait_message("typed in a terminal", carol_jid)
    alice.send_message(carol_jid, "read off a screen")
    await carol.wait_screen("read off a screen")


async def test_direct_tls_and_mechanisms(lab):
    """Log-in on the port for direct TLS, and by each SCRAM that the client knows."""
    node, alice_jid = await _node(lab, "alice")
    direct = XmppClient(lab, alice_jid, "secret", ("127.0.0.1", node.c2s_tls_port), direct_tls=True, resource="direct")
    await direct.start()
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"):
        client = await _login(lab, node, alice_jid, mechanism=mechanism, resource=mechanism)
        assert client.full_jid == f"{alice_jid}/{mechanism}"


async def test_slixmpp_as_it_is_packaged(lab):
    """It fails at each SCRAM where channel binding is offered, and must be let try until PLAIN."""
    node, alice_jid = await _node(lab, "alice")
    await _login(lab, node, alice_jid, as_packaged=True)


async def test_wrong_password(lab):
    """A wrong password and an unknown user are refused alike, and a right one works after that."""
    node, alice_jid = await _node(lab, "alice")
    for jid, password in ((alice_jid, "wrong"), ("nobody@chat.example", "secret")):
        try:
            await XmppClient(lab, jid, password, node.address).start()
        except LoginFailed:
            continue
        raise AssertionError(f"{jid} logged in with {password!r}")
    await _login(lab, node, alice_jid)


async def test_offline_messages(lab):
    """What was sent to a user who is away comes at the next log-in, in order, with its time, once."""
    node, alice_jid, bob_jid = await _node(lab, "alice", "bob")
    alice = await _login(lab, node, alice_jid)
    bodies = [f"while you were away {number}" for number in range(5)]
    for body in bodies:
        alice.send_message(bob_jid, body)
    await alice.stream["xep_0199"].ping(jid="chat.example")  # the server has read all five
    bob = await _login(lab, node, bob_jid)
    last = await bob.wait_message(bodies[-1])
    assert bob.messages(alice_jid) == bodies, bob.messages(alice_jid)
    assert last.xml.find("{urn:xmpp:delay}delay") is not None, f"no time on {last}"
    # A client without stream management proves by its answer to a ping behind the messages that it has them.
    since = bob.journal.entries.index(last)
    await bob.journal.wait_for("a ping behind the messages", lambda s: s.name == "iq" and s.xml.find("{urn:xmpp:ping}ping") is not None and
                               s["type"] == "get", since)
    await bob.stream["xep_0199"].ping(jid="chat.example")
    await bob.stop()
    again = await _login(lab, node, bob_jid)
    alice.send_message(bob_jid, "now you are here")
    await again.wait_message("now you are here")
    assert again.messages(alice_jid) == ["now you are here"], again.messages(alice_jid)


async def test_unknown_local_user(lab):
    """A message to a user that does not exist comes back as an error, for presence nothing leaks."""
    node, alice_jid = await _node(lab, "alice")
    alice = await _login(lab, node, alice_jid)
    alice.send_message("nobody@chat.example", "is anybody there")
    await alice.wait_error("nobody@chat.example", "service-unavailable")


async def test_carbons_and_priorities(lab):
    """A second resource sees both sides of a conversation; a bare-JID message goes where the user is."""
    node, alice_jid, bob_jid = await _node(lab, "alice", "bob")
    desk = await _login(lab, node, alice_jid, resource="desk", plugins=["xep_0280"])
    phone = await _login(lab, node, alice_jid, resource="phone", plugins=["xep_0280"])
    bob = await _login(lab, node, bob_jid)
    await phone.stream["xep_0280"].enable()
    desk.send_message(bob_jid, "sent from my desk")
    await bob.wait_message("sent from my desk", alice_jid)
    await phone.journal.wait_for("a carbon of what the desk sent", lambda s: s.name == "message" and s.xml.find(
        ".//{urn:xmpp:carbons:2}sent") is not None and "sent from my desk" in str(s))
    bob.send_message(desk.full_jid, "to your desk")
    await desk.wait_message("to your desk")
    await phone.journal.wait_for("a carbon of what the desk got", lambda s: s.name == "message" and s.xml.find(
        ".//{urn:xmpp:carbons:2}received") is not None and "to your desk" in str(s))


async def test_services(lab):
    """Discovery, ping, version, time and vcard-temp of the server and its users."""
    node, alice_jid, bob_jid = await _node(lab, "alice", "bob")
    alice = await _login(lab, node, alice_jid, plugins=["xep_0054", "xep_0092", "xep_0202"])
    bob = await _login(lab, node, bob_jid, plugins=["xep_0054"])
    info = await alice.stream["xep_0030"].get_info(jid="chat.example")
    features = set(info["disco_info"]["features"])
    for feature in ("urn:xmpp:ping", "jabber:iq:version", "urn:xmpp:time", "vcard-temp", "urn:xmpp:carbons:2",
                    "http://jabber.org/protocol/disco#info"):
        assert feature in features, f"{feature} is not among {sorted(features)}"
    await alice.stream["xep_0199"].ping(jid="chat.example")
    version = await alice.stream["xep_0092"].get_version("chat.example")
    assert version["software_version"]["name"].lower() == "parley"
    card = alice.stream["xep_0054"].make_vcard()
    card["FN"] = "Alice of the Chat"
    await alice.stream["xep_0054"].publish_vcard(card)
    seen = await bob.stream["xep_0054"].get_vcard(alice_jid)
    assert seen["vcard_temp"]["FN"] == "Alice of the Chat"


async def test_restart_keeps_what_was_said(lab):
    """After kill -9: accounts, rosters and offline messages are there."""
    node, alice_jid, bob_jid = await _node(lab, "alice", "bob")
    alice, bob = await _login(lab, node, alice_jid), await _login(lab, node, bob_jid)
    await befriend(alice, bob)
    await bob.stop()
    alice.send_message(bob_jid, "kept on disk")
    await alice.stream["xep_0199"].ping(jid="chat.example")
    await node.restart(kill=True)
    bob = await _login(lab, node, bob_jid)
    await bob.wait_message("kept on disk", alice_jid)
    assert await bob.roster() == {alice_jid: "both"}


async def test_lost_network_loses_no_message(lab):
    """With stream management: the client's network is gone, and what is sent then comes when it is back."""
    node, alice_jid, bob_jid = await _node(lab, "alice", "bob")
    alice = await _login(lab, node, alice_jid)
    bob = await _login(lab, node, bob_jid, resource="phone", plugins=["xep_0198"])
    bob.drop()
    alice.send_message(bob_jid, "are you in the tunnel?")
    await alice.stream["xep_0199"].ping(jid="chat.example")
    back = await _login(lab, node, bob_jid, resource="phone", plugins=["xep_0198"])
    await back.wait_message("are you in the tunnel?", alice_jid)
