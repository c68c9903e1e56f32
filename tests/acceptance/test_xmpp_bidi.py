"""Stanzas both ways on one stream between servers (XEP-0288): who may, who asks, what is counted, and what a break leaves."""
import asyncio
import dataclasses
import re

from tests.lab.parley import Parley
from tests.lab.prosody import Prosody
from tests.lab.waiting import until
from tests.lab.wire import Wire
from tests.lab.xmpp_client import XmppClient, befriend
from tests.lab.xmpp_peer import SM, STANDARD, XmppPeer
from tests.lab.xmpp_stream import DIALBACK, SASL, SERVER, Closed, element

OURS = "parley.example"
THEIRS = "partner.example"
ALICE = f"alice@{THEIRS}"
BIDI = dataclasses.replace(STANDARD, bidi=True)
WITH_NAMES = "<names xmlns='urn:parley:federation:0'/>"
FEATURE = "{urn:xmpp:features:bidi}bidi"


async def _pair(lab, product=BIDI, *allow, domain=THEIRS, **options):
    node = await Parley(lab, OURS).start()
    peer = await XmppPeer(lab, domain, OURS, node.s2s_port, product, **options).start()
    node.allow(domain, "--via", "xmpp", *allow)
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    return node, peer, user


def _queued(node, domain=THEIRS):
    return int(re.search(r"waiting to be sent: (\d+)", _shown(node, domain)).group(1))


def _shown(node, domain=THEIRS):
    return node.ctl("federation", "show", domain, check=False).stdout


def _links(node, domain=THEIRS):
    """How the open streams go: a list of "->", "<-" and "<->"."""
    return re.findall(r"\S+ (->|<-|<->) \S+ +connected since", _shown(node, domain))


def _message(to, body, sender=ALICE):
    return element("message", element("body", body), from_=sender, to=to, type="chat")


async def test_on_a_stream_of_ours(lab):
    """We ask for it before EXTERNAL; the partner then needs no stream of its own, and what it sends is counted apart from what we send."""
    node, peer, user = await _pair(lab, dataclasses.replace(BIDI, management="acks", features=WITH_NAMES))
    user.send_message(ALICE, "to you")
    await peer.wait_message("to you")
    (stream,) = peer.incoming
    assert stream.both_ways and stream.takes_names
    for number in range(3):
        stream.send(_message(user.jid, f"to us {number}"))
    await user.wait_message("to us 2", ALICE)
    stream.send(element("iq", "<ping xmlns='urn:xmpp:ping'/>", from_=THEIRS, to=OURS, id="alive", type="get"))
    await peer.arrived.wait_for("the answer to a ping, on the same stream", lambda s: s.get("id") == "alive" and s.get("type") == "result")
    mark = stream.journal.mark()
    stream.send("<r xmlns='urn:xmpp:sm:3'/>")
    answer = await stream.journal.wait_for("<a/>", lambda i: i.tag == SM + "a", mark)
    assert answer.get("h") == "4", "three messages and a ping"
    user.send_message(ALICE, "and again")
    await peer.wait_message("and again")
    await until(lambda: _queued(node) == 0, 10, "all of ours were confirmed")
    assert stream.taken == 3, "two messages and the answer to the ping"
    assert len(peer.incoming) == 1 and _links(node) == ["<->"]


async def test_on_a_stream_of_theirs(lab):
    """The partner speaks first: what we have for it goes back on that stream, is proven there, and no other is opened."""
    node, peer, user = await _pair(lab)
    await peer.message(ALICE, user.jid, "to us")
    await user.wait_message("to us", ALICE)
    for number in range(3):
        user.send_message(ALICE, f"to you {number}")
        await peer.wait_message(f"to you {number}")
    user.send_presence(to=ALICE, status="here")
    await peer.wait_presence(user.jid)
    await until(lambda: _queued(node) == 0, 10, "all were proven by a ping")
    assert peer.incoming == [] and _links(node) == ["<->"]
    # With stream management on it, from where it is enabled.
    stream = await peer.out()
    stream.send("<enable xmlns='urn:xmpp:sm:3'/>")
    await stream.journal.wait_for("<enabled/>", lambda i: i.tag == SM + "enabled")
    user.send_message(ALICE, "counted")
    await peer.wait_message("counted")
    await stream.journal.wait_for("<r/>", lambda i: i.tag == SM + "r")
    await until(lambda: _queued(node) == 0, 10, "it was confirmed")
    assert stream.taken == 1
    # Its end takes nothing with it: the next stream is ours.
    stream.management = "silent"
    user.send_message(ALICE, "not confirmed")
    await peer.wait_message("not confirmed")
    mark = peer.arrived.mark()
    stream.abort()
    user.send_message(ALICE, "after it")
    await peer.wait_message("after it", mark)
    texts = [s.findtext(SERVER + "body") for s in peer.arrived.entries[mark:] if s.tag == SERVER + "message"]
    assert texts == ["not confirmed", "after it"] and len(peer.incoming) == 1


async def _proven_by_dialback(peer, stream):
    """The answer to our key is the next thing that comes: no stanza came before it."""
    stream.send(element("db:result", peer.key(OURS, peer.domain, stream.header["id"]), from_=peer.domain, to=OURS))
    answer = await stream.expect(DIALBACK + "result")
    assert answer.get("type") == "valid"


async def test_only_after_authentication_and_only_for_its_domains(lab):
    """Nothing of ours goes by a stream that was not proven by EXTERNAL, nor by one for another domain than it was proven for."""
    node, evil, user = await _pair(lab, BIDI, "--dialback", domain="evil.example")
    victim = await XmppPeer(lab, "victim.example", OURS, node.s2s_port).start()
    node.allow("victim.example", "--via", "xmpp")
    # Asked for, and then not authenticated at all.
    stream = await evil._dial("evil.example", OURS)
    assert stream.features.find(FEATURE) is not None
    stream.send("<bidi xmlns='urn:xmpp:bidi'/>")
    user.send_message("v@victim.example", "to victim")
    await victim.wait_message("to victim")
    user.send_message("e@evil.example", "to evil")
    await evil.wait_message("to evil")
    # Asked for, then proven by dialback: such a stream goes one way, as ever.
    await _proven_by_dialback(evil, stream)
    for sent in evil.incoming:
        sent.abort()
    user.send_message("e@evil.example", "by our own")
    await evil.wait_message("by our own")
    await _proven_by_dialback(evil, stream)
    stream.abort()
    # After EXTERNAL a header with another name, and answers of dialback that nobody has asked for.
    stream = await evil._dial("evil.example", OURS)
    stream.send("<bidi xmlns='urn:xmpp:bidi'/>" + element("auth", "=", mechanism="EXTERNAL", xmlns="urn:ietf:params:xml:ns:xmpp-sasl"))
    await stream.expect(SASL + "success")
    stream.restart()
    await evil._open(stream, "victim.example", OURS)
    stream.send(element("db:result", from_="victim.example", to=OURS, type="valid"))
    stream.send(element("db:verify", from_="victim.example", to=OURS, id="x", type="valid"))
    victim.incoming[-1].abort()
    user.send_message("v@victim.example", "again to victim")
    await victim.wait_message("again to victim")
    stream.send(_message(user.jid, "I am victim", "v@victim.example"))
    try:
        while True:
            item = await stream.next()
            assert not item.tag.startswith(SERVER), "a stanza for victim went to evil"
    except Closed:
        assert stream.error == "invalid-from"
    assert user.messages("v@victim.example") == []


async def test_what_comes_on_a_stream_of_ours_is_of_its_domain(lab):
    """Another sender or receiver ends the stream; where both ways were not asked for, nothing that comes counts."""
    node, peer, user = await _pair(lab)
    for sender, to, error in (("v@victim.example", user.jid, "invalid-from"), (f"u2@{OURS}", user.jid, "invalid-from"),
                              (ALICE, "x@elsewhere.example", "host-unknown"), (ALICE, None, "improper-addressing")):
        mark = peer.arrived.mark()
        user.send_message(ALICE, "open one")
        await peer.wait_message("open one", mark)
        stream = peer.incoming[-1]
        stream.send(element("message", "<body>not mine</body>", from_=sender, to=to))
        await peer.wait_ended(stream)
        assert stream.error == error, f"{sender} to {to}: {stream.error}"
    node.allow(THEIRS, "--via", "xmpp", "--no-bidi")
    user.send_message(ALICE, "one way")
    await peer.wait_message("one way")
    stream = peer.incoming[-1]
    assert not stream.both_ways
    stream.send(_message(user.jid, "out of turn"))
    await peer.message(ALICE, user.jid, "in turn")
    await user.wait_message("in turn", ALICE)
    assert user.messages(ALICE) == ["in turn"] and user.messages("v@victim.example") == []
    assert (await peer._dial(THEIRS, OURS)).features.find(FEATURE) is None, "it is not offered either"


async def test_the_rule_and_the_kind_decide(lab):
    """On for standard partners, off for the old products; a rule that takes it back ends the streams that it made."""
    node, peer, user = await _pair(lab)
    await peer.message(ALICE, user.jid, "to us")
    user.send_message(ALICE, "to you")
    await peer.wait_message("to you")
    stream = await peer.out()
    assert peer.incoming == [] and stream.both_ways
    node.allow(THEIRS, "--via", "xmpp", "--no-bidi")
    user.send_message(ALICE, "by our own")
    await peer.wait_message("by our own")
    await peer.wait_ended(stream)
    assert [s.both_ways for s in peer.incoming] == [False]
    for profile, more, both in (("cup", [], False), ("webex", [], False), ("cup", ["--bidi"], True)):
        domain = f"{profile}{len(more)}.example"
        node.allow(domain, "--profile", profile, *more)
        other = await XmppPeer(lab, domain, OURS, node.s2s_port, BIDI).start()
        user.send_message(f"alice@{domain}", "to you")
        await other.wait_message("to you")
        assert [s.both_ways for s in other.incoming] == [both], domain
    assert "a stream each way" in node.ctl("federation", "list").stdout


async def test_prosody_both_ways(lab):
    """One stream, whoever has opened it: Prosody's mod_s2s_bidi, and with stream management on top."""
    for speaks_first, modules in (("theirs", ["s2s_bidi"]), ("ours", ["s2s_bidi"]), ("theirs", ["s2s_bidi", "smacks"]), ("ours", ["s2s_bidi", "smacks"])):
        number = f"{speaks_first[0]}{len(modules)}"
        server = await Prosody(lab, f"{number}.example", modules=modules).start()
        bob = await XmppClient(lab, server.add_user("bob"), "secret", server.address).start()
        node = await Parley(lab, f"our-{number}.example").start()
        node.allow(server.domain, "--via", "xmpp")
        alice = await XmppClient(lab, node.add_user("alice"), "secret", node.address).start()
        first, second = (bob, alice) if speaks_first == "theirs" else (alice, bob)
        await befriend(first, second)
        for number in range(5):
            for sender, receiver in ((first, second), (second, first)):
                sender.send_message(receiver.jid, f"{number} from {sender.jid}")
                await receiver.wait_message(f"{number} from {sender.jid}", sender.jid)
        await until(lambda: _queued(node, server.domain) == 0, 15, "all were proven")
        assert _links(node, server.domain) == ["<->"], _shown(node, server.domain)
        for user in (first, second):
            other = second if user is first else first
            assert user.messages(other.jid) == [f"{n} from {other.jid}" for n in range(5)]


async def test_two_parleys_on_one_connection(lab):
    """Two nodes that both want it have one connection; it breaks again and again while both sides write, and nothing is lost or doubled."""
    ours = await Parley(lab, OURS, publish_direct=False).start()
    theirs = await Parley(lab, THEIRS, publish_direct=False).start()
    wires = []
    for node in (ours, theirs):
        wires.append(await Wire(lab, node.s2s_port).start())
        lab.dns.remove(f"_xmpp-server._tcp.{node.domain}")
        lab.publish_xmpp(node.domain, wires[-1].port)
    ours.allow(THEIRS, "--profile", "parley", "--via", "xmpp")
    theirs.allow(OURS, "--profile", "parley", "--via", "xmpp")
    bob = await XmppClient(lab, ours.add_user("bob"), "secret", ours.address).start()
    alice = await XmppClient(lab, theirs.add_user("alice"), "secret", theirs.address).start()
    bob.send_message(alice.jid, "hello")
    await alice.wait_message("hello", bob.jid)
    alice.send_message(bob.jid, "hello")
    await bob.wait_message("hello", alice.jid)
    assert sum(wire.opened for wire in wires) == 1 and _links(ours) == _links(theirs, OURS) == ["<->"]
    wanted = ["hello"]
    for turn in range(6):
        for number in range(40):
            wanted.append(f"{turn}.{number}")
            bob.send_message(alice.jid, wanted[-1])
            alice.send_message(bob.jid, wanted[-1])
            if number % 10 == 9:
                await asyncio.sleep(0.02)  # time for some of it to be on its way
            for wire in wires:
                if number == 15 and turn >= 3:  # what is written from here on is swallowed, one way or both
                    wire.silence(there=turn != 3, back=turn != 4)
                if number == 30:
                    wire.cut()
        await alice.wait_message(wanted[-1], bob.jid, deadline=30)
        await bob.wait_message(wanted[-1], alice.jid, deadline=30)
    await until(lambda: _queued(ours) == _queued(theirs, OURS) == 0, 20, "all were proven")
    assert alice.messages(bob.jid) == wanted
    assert bob.messages(alice.jid) == wanted


async def test_both_have_much_to_say(lab):
    """More than the network holds is on its way in both directions of one connection: neither waits for the other, and all arrives."""
    settings = {("limits", "s2s_queue_bytes"): '"64MiB"', ("limits", "outbound_soft"): '"64KiB"'}
    ours = await Parley(lab, OURS, settings).start()
    theirs = await Parley(lab, THEIRS, settings).start()
    ours.allow(THEIRS, "--profile", "parley", "--via", "xmpp")
    theirs.allow(OURS, "--profile", "parley", "--via", "xmpp")
    bob = await XmppClient(lab, ours.add_user("bob"), "secret", ours.address).start()
    alice = await XmppClient(lab, theirs.add_user("alice"), "secret", theirs.address).start()
    bob.send_message(alice.jid, "hello")
    await alice.wait_message("hello", bob.jid)
    much = [f"{number} " + "x" * 100_000 for number in range(80)]  # less than what is kept for a user
    for text in much:
        bob.send_message(alice.jid, text)
        alice.send_message(bob.jid, text)
    await alice.wait_message(much[-1], bob.jid, deadline=60)
    await bob.wait_message(much[-1], alice.jid, deadline=60)
    await until(lambda: _queued(ours) == _queued(theirs, OURS) == 0, 20, "all were proven")
    assert alice.messages(bob.jid) == ["hello", *much]
    assert bob.messages(alice.jid) == much
    assert _links(ours) == ["<->"]
