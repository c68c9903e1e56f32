"""`parleyctl trace`: a message or a subscription as a ladder, from the client to the partner and back, over both protocols."""
import json

from tests.acceptance.ocs import ALICE, THEIRS, U1, node_and_edge
from tests.lab.baresip import Baresip
from tests.lab.kamailio import Kamailio
from tests.lab.ocs_chat import IncomingChat, OutgoingChat
from tests.lab.ocs_watch import Watch
from tests.lab.parley import Parley
from tests.lab.prosody import Prosody
from tests.lab.waiting import until
from tests.lab.xmpp_client import XmppClient, befriend


def events(node, *options):
    return json.loads(node.ctl("--json", "trace", "show", *options).stdout)["result"]["events"]


def steps(node, *options):
    """[(way, protocol and what)] of a trace; steps of our own have the way "inside"."""
    return [(event["way"], f"{event['protocol']} {event['what']}".strip()) for event in events(node, *options)]


def in_order(wanted, found):
    """Do the steps of `wanted` come in this order in `found`? Others may stand between."""
    rest = iter(found)
    return all(step in rest for step in wanted)


def assert_ladder(node, wanted, *options):
    found = steps(node, *options)
    assert in_order(wanted, found), f"wanted\n  {wanted}\nfound\n  {found}\n{node.ctl('trace', 'show', *options).stdout}"


def group_of(node, **facts):
    """The number of the message or subscription that has an event with these facts."""
    for event in events(node):
        if all(event["facts"].get(name) == value for name, value in facts.items()):
            return event["group"]
    raise AssertionError(f"nothing with {facts}:\n{node.ctl('trace', 'show').stdout}")


async def settled(client):
    await client.stream["xep_0199"].ping(jid=client.jid.partition("@")[2])


async def test_session_with_a_sip_partner(lab):
    """Our user writes, the partner answers in the session: each way is a ladder; texts only with --bodies."""
    node, edge, user = await node_and_edge(lab)
    node.ctl("trace", "start", U1)
    user.send_message(ALICE, "the hidden text")
    chat = await IncomingChat.expect(edge, ALICE, U1)
    await chat.accept()
    await chat.expect_text("the hidden text")
    await chat.message("the hidden answer")
    await user.wait_message("the hidden answer", ALICE)
    await settled(user)

    out = [("from-user", "XMPP message chat"), ("inside", "allowed"), ("to-partner", "SIP INVITE"), ("from-partner", "SIP 200 INVITE"),
           ("to-partner", "SIP ACK"), ("to-partner", "SIP MESSAGE"), ("from-partner", "SIP 200 MESSAGE")]
    back = [("from-partner", "SIP MESSAGE"), ("inside", "stored"), ("to-user", "XMPP message chat"), ("to-partner", "SIP 200 MESSAGE")]
    await until(lambda: in_order(out, steps(node)), 10, "the whole way out")
    first = next(event for event in events(node) if event["what"] == "message chat")
    assert_ladder(node, out, "--only", str(first["group"]))
    answered = next(event for event in events(node) if event["what"] == "MESSAGE" and event["way"] == "from-partner")
    assert answered["group"] != first["group"], "two messages in one ladder"
    only = steps(node, "--only", str(answered["group"]))
    assert set(back) <= set(only), f"{only}\n{node.ctl('trace', 'show').stdout}"
    # The answer to the peer and the delivery to the client follow the commit, in either order.
    assert in_order(back[:3], only) and in_order([back[1], back[3]], only), only

    text = node.ctl("trace", "show").stdout
    assert "-->" in text and "Call-ID".lower() in text.lower() and U1 in text and ALICE in text
    for words in (text, json.dumps(events(node)), node.ctl("trace", "show", "--bodies").stdout, node.ctl("trace", "show", "--mermaid").stdout):
        assert "hidden text" not in words and "hidden answer" not in words, "a text in a trace without --bodies"


async def test_bodies_when_asked(lab):
    """Texts are there only for what passed while a trace with --bodies was on, and only shown with --bodies."""
    node, edge, user = await node_and_edge(lab)
    node.ctl("trace", "start", U1)
    chat = OutgoingChat(edge, U1)
    await chat.invite()
    await chat.accepted()
    await chat.message("before")
    await user.wait_message("before", ALICE)
    node.ctl("trace", "start", U1, ALICE, "--bodies", "--minutes", "1")
    await chat.message("while it was on")
    await user.wait_message("while it was on", ALICE)
    await settled(user)
    await until(lambda: ("to-user", "XMPP message chat") in steps(node, "2"), 10, "the delivery")
    shown = node.ctl("trace", "show", "2", "--bodies").stdout
    assert "while it was on" in shown and "before" not in shown, shown
    assert "while it was on" not in node.ctl("trace", "show", "2").stdout
    assert "while it was on" not in node.ctl("trace", "show", "1", "--bodies").stdout, "the first trace has no bodies on"
    audit = (node.folder / "audit.log").read_text()
    assert '"trace.start"' in audit and "bodies recorded" in audit and '"trace.show"' in audit, audit
    assert "while it was on" not in audit
    assert "2 of" in node.ctl("trace", "stop", "2", "--forget").stdout
    refused = node.ctl("trace", "show", "2", check=False)
    assert refused.returncode == 4, refused
    # What has passed since the first one was stopped is not in it.
    node.ctl("trace", "stop")
    count = len(events(node, "1"))
    await chat.message("afterwards")
    await user.wait_message("afterwards", ALICE)
    assert len(events(node, "1")) == count


async def test_subscriptions_with_a_sip_partner(lab):
    """SUBSCRIBE and NOTIFY both ways beside the presence stanzas that they become, each subscription with its number."""
    node, edge, user = await node_and_edge(lab)
    node.ctl("trace", "start", THEIRS)
    user.send_presence()
    await settled(user)
    watch = Watch(edge, U1)
    await watch.send()
    await watch.accepted()
    await watch.next_notify()
    await user.wait_presence(ALICE, "subscribe")
    user.allow(ALICE)
    await watch.next_notify()
    theirs = [("from-partner", "SIP SUBSCRIBE"), ("to-user", "XMPP presence subscribe"), ("from-user", "XMPP presence subscribed"),
              ("to-partner", "SIP NOTIFY")]
    await until(lambda: in_order(theirs, steps(node)), 15, "the whole subscription")
    group = next(event["group"] for event in events(node) if event["what"] == "SUBSCRIBE")
    assert_ladder(node, theirs, "--only", str(group))

    user.subscribe("carol@contoso.example")
    await edge.wait_request("SUBSCRIBE", lambda m: "carol@" in m.start_line)
    ours = [("from-user", "XMPP presence subscribe"), ("to-partner", "SIP SUBSCRIBE")]
    carol = next(event["group"] for event in events(node) if event["to"] == "carol@contoso.example")
    assert carol != group
    assert_ladder(node, ours, "--only", str(carol))


async def test_why_a_partner_is_refused(lab):
    """No rule: the request, our answer, and the reason between them; a trace of the partner's domain shows it."""
    node, edge, user = await node_and_edge(lab, allow=False)
    node.ctl("trace", "start", THEIRS)
    chat = OutgoingChat(edge, U1)
    await chat.invite()
    await chat.refused(403)
    assert_ladder(node, [("inside", "SIP link-refused"), ("from-partner", "SIP INVITE"), ("to-partner", "SIP 403 INVITE")])
    assert "is not allowed here" in node.ctl("trace", "show").stdout
    # And what our user writes there, with what the user is told.
    node.ctl("trace", "start", U1)
    user.send_message(ALICE, "is anybody there?")
    await user.wait_error(ALICE)
    assert_ladder(node, [("from-user", "XMPP message chat"), ("inside", "not-allowed"), ("to-user", "XMPP message error")], "--only", "1")


async def test_pager_messages_with_a_sip_server(lab):
    """MESSAGE alone, both ways, with the standard server of the lab."""
    proxy = await Kamailio(lab, "phones.example").start()
    node = await Parley(lab, "parley.example").start()
    node.allow("phones.example", "--via", "sip", "--profile", "simple")
    alice = await XmppClient(lab, node.add_user("alice"), "secret", node.address).start()
    bob = await Baresip(lab, "bob@phones.example", proxy.tcp_port, contacts=("alice@parley.example",)).start()
    node.ctl("trace", "start", alice.jid, "bob@phones.example")
    alice.send_message("bob@phones.example", "to you")
    await bob.wait_message("to you", alice.jid)
    await bob.send_message(alice.jid, "to us")
    await alice.wait_message("to us", "bob@phones.example")
    out = [("from-user", "XMPP message chat"), ("inside", "allowed"), ("to-partner", "SIP MESSAGE"), ("from-partner", "SIP 200 MESSAGE")]
    await until(lambda: in_order(out, steps(node)), 10, "the whole way out")
    assert_ladder(node, out, "--only", str(events(node)[0]["group"]))
    assert_ladder(node, [("from-partner", "SIP MESSAGE"), ("inside", "stored"), ("to-user", "XMPP message")])


async def test_xmpp_partner(lab):
    """With Prosody: stream and proof, a message each way, presence both ways; a number for each message."""
    node = await Parley(lab, "parley.example").start()
    node.allow("partner.example", "--via", "xmpp")
    alice = await XmppClient(lab, node.add_user("alice"), "secret", node.address, resource="ours").start()
    server = await Prosody(lab, "partner.example").start()
    bob = await XmppClient(lab, server.add_user("bob"), "secret", server.address, resource="theirs").start()
    node.ctl("trace", "start", "partner.example")
    await befriend(alice, bob)
    out = alice.send_message(bob.jid, "from us to you")
    await bob.wait_message("from us to you", alice.jid)
    bob.send_message(alice.jid, "from you to us")
    await alice.wait_message("from you to us", bob.jid)

    proven = [("from-user", "XMPP message chat"), ("inside", "allowed"), ("to-partner", "XMPP message chat"), ("inside", "confirmed-by-partner")]
    await until(lambda: in_order(proven, steps(node)), 15, "the partner's proof")
    assert_ladder(node, proven, "--only", str(group_of(node, id=out)))
    assert ("inside", "XMPP link-up") in steps(node) and ("inside", "XMPP link-in") in steps(node)
    back = next(event for event in events(node) if event["way"] == "from-partner" and event["what"] == "message chat")
    only = ("--only", str(back["group"]))
    await until(lambda: ("to-user", "XMPP message chat") in steps(node, *only), 10, "the delivery")
    assert_ladder(node, [("from-partner", "XMPP message chat"), ("to-user", "XMPP message chat")], *only)
    asked = next(event for event in events(node) if event["way"] == "from-user" and event["what"] == "presence subscribe")
    assert_ladder(node, [("from-user", "XMPP presence subscribe"), ("to-partner", "XMPP presence subscribe"),
                         ("from-partner", "XMPP presence subscribed")], "--only", str(asked["group"]))


async def test_between_our_own_users(lab):
    """One node, two users, and nothing of a third."""
    node = await Parley(lab, "parley.example").start()
    clients = {name: await XmppClient(lab, node.add_user(name), "secret", node.address, resource="desk").start() for name in ("alice", "bob", "carol")}
    node.ctl("trace", "start", clients["alice"].jid, clients["bob"].jid)
    clients["alice"].send_message(clients["bob"].jid, "hello")
    await clients["bob"].wait_message("hello", clients["alice"].jid)
    clients["carol"].send_message(clients["bob"].jid, "not to be seen")
    await clients["bob"].wait_message("not to be seen", clients["carol"].jid)
    await until(lambda: ("to-user", "XMPP message chat") in steps(node), 10, "the delivery")
    assert_ladder(node, [("from-user", "XMPP message chat"), ("to-user", "XMPP message chat")])
    assert "carol" not in node.ctl("trace", "show").stdout
