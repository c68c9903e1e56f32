"""A link that looks open and is not: noticed in time, and nothing on it is lost or doubled."""
import dataclasses
import re
import time

from tests.lab.parley import Parley
from tests.lab.waiting import until
from tests.lab.wire import Wire
from tests.lab.xmpp_client import XmppClient
from tests.lab.xmpp_peer import STANDARD, XmppPeer
from tests.lab.xmpp_stream import SERVER

OURS = "parley.example"
THEIRS = "partner.example"
ALICE = f"alice@{THEIRS}"
PATIENCE = 3  # seconds that a partner may take to answer
NAMES = "{urn:parley:federation:0}name"
WITH_NAMES = "<names xmlns='urn:parley:federation:0'/>"


async def _node(lab, domain=OURS, **options):
    return await Parley(lab, domain, {("limits", "s2s_answer"): f'"{PATIENCE}s"'}, **options).start()


async def _pair(lab, product):
    node = await _node(lab)
    peer = await XmppPeer(lab, THEIRS, OURS, node.s2s_port, product).start()
    node.allow(THEIRS, "--via", "xmpp")
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    return node, peer, user


def queued(node, domain=THEIRS):
    return int(re.search(r"waiting to be sent: (\d+)", node.ctl("federation", "show", domain, check=False).stdout).group(1))


def _texts(peer, since=0):
    return [(s.findtext(SERVER + "body"), s.find(NAMES).get("id")) for s in peer.arrived.entries[since:] if s.tag == SERVER + "message"]


async def _given_up(node, peer, user, go_silent, comes_again):
    """One message is proven; then nobody answers. What is sent from then on goes by the next stream, once and in order."""
    user.send_message(ALICE, "proven")
    await peer.wait_message("proven")
    await until(lambda: queued(node) == 0, 10, "it was proven")
    first = peer.incoming[-1]
    go_silent(first)
    begin, mark = time.monotonic(), peer.arrived.mark()
    wanted = [f"text {number}" for number in range(5)]
    for text in wanted:
        user.send_message(ALICE, text)
    if comes_again:
        await peer.wait_message(wanted[-1], mark)
        assert queued(node) == len(wanted), "what nobody has confirmed is kept"
        old = _texts(peer, mark)
        assert [text for text, _ in old] == wanted
        mark = peer.arrived.mark()
    peer.product = dataclasses.replace(peer.product, management=peer.product.management and "acks")
    await peer.wait_message(wanted[-1], mark, deadline=30)
    took = time.monotonic() - begin
    assert PATIENCE <= took < PATIENCE + 12, f"the link was given up after {took:.1f} s"
    assert len(peer.incoming) == 2 and peer.incoming[-1] is not first
    new = _texts(peer, mark)
    assert [text for text, _ in new] == wanted, "in their order, once"
    assert not comes_again or new == old, "a message has the same name each time"
    await until(lambda: queued(node) == 0, 10, "all were proven")
    assert user.messages(ALICE) == [], "nothing came back"


async def test_a_peer_that_reads_nothing_any_more(lab):
    """The connection is open and nobody reads it."""
    node, peer, user = await _pair(lab, dataclasses.replace(STANDARD, management="acks", features=WITH_NAMES))
    await _given_up(node, peer, user, lambda stream: stream.go_deaf(), comes_again=False)


async def test_a_peer_without_stream_management_that_reads_nothing_any_more(lab):
    """The same, where a ping is the proof."""
    node, peer, user = await _pair(lab, dataclasses.replace(STANDARD, features=WITH_NAMES))
    await _given_up(node, peer, user, lambda stream: stream.go_deaf(), comes_again=False)


async def test_a_peer_that_stops_answering(lab):
    """It reads all and confirms nothing: everything comes again under its old name."""
    product = dataclasses.replace(STANDARD, management="acks", features=WITH_NAMES)
    node, peer, user = await _pair(lab, product)

    def fall_silent(stream):
        stream.management = "silent"

    await _given_up(node, peer, user, fall_silent, comes_again=True)


async def test_a_peer_that_stops_answering_pings(lab):
    """The same without stream management."""
    node, peer, user = await _pair(lab, dataclasses.replace(STANDARD, features=WITH_NAMES))

    def fall_silent(stream):
        stream.mute = True

    await _given_up(node, peer, user, fall_silent, comes_again=True)


async def test_presence_alone_finds_it_too(lab):
    """Presence is proven by nothing; a peer that was sent some and says nothing is asked, and given up."""
    node, peer, user = await _pair(lab, dataclasses.replace(STANDARD, management="acks"))
    user.send_message(ALICE, "proven")
    await peer.wait_message("proven")
    await until(lambda: queued(node) == 0, 10, "it was proven")
    peer.incoming[-1].go_deaf()
    user.send_presence(to=ALICE, status="at lunch")
    await until(lambda: "connected since" not in node.ctl("federation", "show", THEIRS, check=False).stdout, PATIENCE * 2 + 12, "the stream was ended")
    user.send_message(ALICE, "by the next one")
    await peer.wait_message("by the next one")


async def test_a_partner_that_is_silent_for_long_is_sent_a_space(lab):
    """On a stream that it has opened nothing is owed to it: the space makes TCP find out whether its host is still there."""
    node = await Parley(lab, OURS, {("limits", "s2s_answer"): '"1s"'}).start()
    peer = await XmppPeer(lab, THEIRS, OURS, node.s2s_port).start()
    node.allow(THEIRS, "--via", "xmpp")
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    await peer.message(ALICE, user.jid, "before it")
    stream = await peer.out()
    begin = time.monotonic()
    await until(lambda: stream.spaces, 20, "a space")
    assert time.monotonic() - begin > 8 and not stream.ended.is_set()
    await peer.message(ALICE, user.jid, "after it")
    await user.wait_message("after it", ALICE)
    assert await peer.out() is stream


async def test_two_parleys_and_a_network_that_swallows(lab):
    """All packets vanish, or only those that come back: each message reaches its user once, in order."""
    ours = await _node(lab)
    theirs = await _node(lab, THEIRS, publish_direct=False)
    wire = await Wire(lab, theirs.s2s_port).start()
    lab.dns.remove(f"_xmpp-server._tcp.{THEIRS}")
    lab.publish_xmpp(THEIRS, wire.port)
    ours.allow(THEIRS, "--profile", "parley", "--via", "xmpp", "--no-direct-tls")
    theirs.allow(OURS, "--profile", "parley", "--via", "xmpp", "--no-direct-tls")
    bob = await XmppClient(lab, ours.add_user("bob"), "secret", ours.address).start()
    alice = await XmppClient(lab, theirs.add_user("alice"), "secret", theirs.address).start()
    wanted = []
    for number, there in enumerate((True, False)):
        text = f"proven {number}"
        bob.send_message(alice.jid, text)
        await alice.wait_message(text, bob.jid)
        await until(lambda: queued(ours) == 0, 10, "it was proven")
        wire.silence(there=there)
        texts = [f"{number}: {i}" for i in range(5)]
        for i in texts:
            bob.send_message(alice.jid, i)
        await alice.wait_message(texts[-1], bob.jid, deadline=PATIENCE + 20)
        await until(lambda: queued(ours) == 0, PATIENCE + 20, "all were proven")
        wanted += [text, *texts]
    assert alice.messages(bob.jid) == wanted
    assert bob.messages(alice.jid) == []
