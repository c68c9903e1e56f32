"""Streams between servers that break and go on (XEP-0198 5): what had not arrived is sent again, once; when it is refused, as ever."""
import asyncio
import dataclasses
import re

from tests.lab.parley import Parley
from tests.lab.prosody import Prosody
from tests.lab.waiting import until
from tests.lab.wire import Wire
from tests.lab.xmpp_client import XmppClient, befriend
from tests.lab.xmpp_peer import SM, STANDARD, XmppPeer
from tests.lab.xmpp_stream import SERVER, element

OURS = "parley.example"
THEIRS = "partner.example"
ALICE = f"alice@{THEIRS}"
RESUMES = dataclasses.replace(STANDARD, management="resumes")


async def _pair(lab, product=RESUMES, *allow, settings=None):
    node = await Parley(lab, OURS, settings).start()
    peer = await XmppPeer(lab, THEIRS, OURS, node.s2s_port, product).start()
    node.allow(THEIRS, "--via", "xmpp", *allow)
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    return node, peer, user


def _queued(node, domain=THEIRS):
    shown = node.ctl("federation", "show", domain, check=False).stdout
    return int(re.search(r"waiting to be sent: (\d+)", shown).group(1))


def _told(peer, since=0):
    """What arrived, in words: the body of a message, the status of a presence."""
    return [s.findtext(SERVER + "body") or s.findtext(SERVER + "status") for s in peer.arrived.entries[since:] if s.tag != SERVER + "iq"]


async def _broken(peer, user, number_that_count):
    """Five stanzas are written; the peer has read all, and counts only some of them as handled before the connection breaks."""
    mark = peer.arrived.mark()
    user.send_message(ALICE, "first")
    await peer.wait_message("first", mark)
    stream = peer.incoming[-1]
    await until(lambda: stream.journal.all(lambda i: i.tag == SM + "r"), 10, "it was asked about")
    stream.management = "silent"
    for number in range(5):
        if number % 2:
            user.send_presence(to=ALICE, status=f"presence {number}")
        else:
            user.send_message(ALICE, f"message {number}")
    await peer.wait_message("message 4", mark)
    mark = peer.arrived.mark()
    stream.taken = 1 + number_that_count
    stream.abort()
    return mark


async def test_what_had_not_arrived_is_sent_again_once(lab):
    """Messages and presence alike, in their order; the count goes on where it was."""
    node, peer, user = await _pair(lab)
    mark = await _broken(peer, user, 2)
    await peer.wait_message("message 4", mark)
    assert _told(peer, mark) == ["message 2", "presence 3", "message 4"]
    await until(lambda: _queued(node) == 0, 10, "all were confirmed")
    assert len(peer.incoming) == 2
    (resume,) = peer.incoming[1].journal.all(lambda i: i.tag == SM + "resume")
    assert resume.get("previd") == peer.incoming[0].ident and resume.get("h") is None, "nothing came on that stream"
    # And once more, on the stream that was resumed.
    mark = await _broken(peer, user, 6 + 4)
    await peer.wait_message("message 4", mark)
    assert _told(peer, mark) == ["message 4"]
    await until(lambda: _queued(node) == 0, 10, "all were confirmed")
    assert user.messages(ALICE) == []


async def test_everything_had_arrived(lab):
    """Nothing is sent again; without a message to wait for, the next one shows it."""
    node, peer, user = await _pair(lab)
    mark = await _broken(peer, user, 5)
    await until(lambda: _queued(node) == 0, 10, "the answer has confirmed all")
    user.send_message(ALICE, "the next one")
    await peer.wait_message("the next one")
    assert _told(peer, mark) == ["the next one"]


async def test_a_refused_resumption(lab):
    """The partner knows nothing of the stream: messages go again, presence does not, and the new stream can be resumed."""
    node, peer, user = await _pair(lab)
    user.send_message(ALICE, "zero")
    await peer.wait_message("zero")
    peer.sessions.clear()
    mark = await _broken(peer, user, 2)
    await peer.wait_message("message 4", mark)
    assert _told(peer, mark) == ["message 0", "message 2", "message 4"]
    await until(lambda: _queued(node) == 0, 10, "all were confirmed")
    mark = await _broken(peer, user, 3 + 4)
    await peer.wait_message("message 4", mark)
    assert _told(peer, mark) == ["message 4"]


async def test_a_stream_that_was_ended_is_not_resumed(lab):
    """The partner ends it in order; and after our window nothing is asked for either."""
    node, peer, user = await _pair(lab, settings={("limits", "s2s_resume"): '"1s"'})
    user.send_message(ALICE, "first")
    await peer.wait_message("first")
    await until(lambda: _queued(node) == 0, 10, "it was confirmed")
    await peer.incoming[-1].close()
    user.send_message(ALICE, "second")
    await peer.wait_message("second")
    await until(lambda: _queued(node) == 0, 10, "it was confirmed")
    peer.incoming[-1].abort()
    await asyncio.sleep(1.2)
    user.send_message(ALICE, "third")
    await peer.wait_message("third")
    assert [len(s.journal.all(lambda i: i.tag == SM + "resume")) for s in peer.incoming] == [0, 0, 0]
    assert _told(peer) == ["first", "second", "third"]


async def test_a_partner_that_lies_about_it(lab):
    """An h that was never sent ends the stream; so does the id of another one; a partner that says nothing is given up. Nothing is lost."""
    node, peer, user = await _pair(lab, settings={("limits", "s2s_answer"): '"2s"'})
    original = peer._manage

    for number, answer in enumerate(("<resumed xmlns='urn:xmpp:sm:3' previd='{id}' h='4711'/>",
                                     "<resumed xmlns='urn:xmpp:sm:3' previd='another' h='1'/>",
                                     "<resumed xmlns='urn:xmpp:sm:3' previd='{id}'/>", "")):
        user.send_message(ALICE, f"before {number}")
        await peer.wait_message(f"before {number}")
        await until(lambda: _queued(node) == 0, 15, "it was confirmed")
        last = peer.incoming[-1]
        last.management = "silent"

        def manage(stream, item):
            if item.tag == SM + "resume":
                return stream.send(answer.format(id=item.get("previd")))
            original(stream, item)

        peer._manage = manage
        user.send_message(ALICE, f"kept {number}")
        await peer.wait_message(f"kept {number}")
        mark = peer.arrived.mark()
        last.abort()
        await peer.wait_message(f"kept {number}", mark, deadline=25)
        await until(lambda: _queued(node) == 0, 15, "it was confirmed")
        peer._manage = original


async def _enabled(peer):
    stream = await peer.connect()
    stream.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    answer = await stream.journal.wait_for("<enabled/>", lambda i: i.tag == SM + "enabled")
    return stream, answer


async def _resume(peer, previd, h=0):
    stream = await peer.connect()
    stream.send(element("resume", xmlns="urn:xmpp:sm:3", previd=previd, h=h))
    answer = await stream.journal.wait_for("an answer", lambda i: i.tag.startswith(SM))
    return stream, answer


def _text(user, body):
    return element("message", element("body", body), from_=ALICE, to=user.jid, type="chat")


async def test_a_partner_resumes_its_stream(lab):
    """h says what is on disk; the old stream may still look open; each id is good for its pair of domains, while it lasts."""
    node, peer, user = await _pair(lab)
    stream, enabled = await _enabled(peer)
    assert enabled.get("resume") == "true" and int(enabled.get("max")) == 60 and len(enabled.get("id")) >= 32
    previd = enabled.get("id")
    for number in range(3):
        stream.send(_text(user, f"text {number}"))
    await user.wait_message("text 2", ALICE)
    stream.abort()
    stream, resumed = await _resume(peer, previd)
    assert (resumed.tag, resumed.get("previd"), resumed.get("h")) == (SM + "resumed", previd, "3"), resumed.attrib
    stream.send(_text(user, "text 3"))
    await user.wait_message("text 3", ALICE)
    # The same again, while that one is open.
    other, resumed = await _resume(peer, previd)
    assert (resumed.tag, resumed.get("h")) == (SM + "resumed", "4")
    await peer.wait_ended(stream)
    other.send(_text(user, "text 4") + "<r xmlns='urn:xmpp:sm:3'/>")
    answer = await other.journal.wait_for("<a/>", lambda i: i.tag == SM + "a")
    assert answer.get("h") == "5"
    # Not by anybody else, not twice on one stream, not after an orderly end.
    thief = await XmppPeer(lab, "evil.example", OURS, node.s2s_port, RESUMES).start()
    node.allow("evil.example", "--via", "xmpp")
    _, refused = await _resume(thief, previd)
    assert refused.tag == SM + "failed" and refused[0].tag.endswith("item-not-found")
    other.send(element("resume", xmlns="urn:xmpp:sm:3", previd=previd, h=0))
    refused = await other.journal.wait_for("<failed/>", lambda i: i.tag == SM + "failed")
    assert refused[0].tag.endswith("unexpected-request")
    await other.close()
    stream, refused = await _resume(peer, previd)
    assert refused.tag == SM + "failed"
    stream.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    await stream.journal.wait_for("<enabled/>", lambda i: i.tag == SM + "enabled")
    assert user.messages(ALICE) == [f"text {number}" for number in range(5)]


async def test_too_many_broken_streams(lab):
    """Of one pair of domains four are kept; the rest is forgotten at once, and so is each when its time is over."""
    node, peer, user = await _pair(lab, settings={("limits", "s2s_resume"): '"3s"'})
    ids = []
    for _ in range(6):
        stream, enabled = await _enabled(peer)
        ids.append(enabled.get("id"))
        stream.abort()
    await until(lambda: "connected since" not in node.ctl("federation", "show", THEIRS, check=False).stdout, 10, "all are seen to be broken")
    stream, answer = await _resume(peer, ids[-1])
    assert answer.tag == SM + "failed"
    stream.abort()
    stream, answer = await _resume(peer, ids[0])
    assert answer.tag == SM + "resumed"
    await asyncio.sleep(3.2)
    _, answer = await _resume(peer, ids[1])
    assert answer.tag == SM + "failed"


async def test_a_stream_that_goes_both_ways_is_resumed(lab):
    """One stream of ours and one of theirs, with stanzas of both sides on it (XEP-0288): each side's count goes on."""
    node, peer, user = await _pair(lab, dataclasses.replace(RESUMES, bidi=True))
    user.send_message(ALICE, "open it")
    await peer.wait_message("open it")
    stream = peer.incoming[-1]
    await until(lambda: _queued(node) == 0, 10, "it was confirmed")
    stream.send(_text(user, "to us 1") + _text(user, "to us 2"))
    await user.wait_message("to us 2", ALICE)
    stream.abort()  # there is nothing of ours to send, and the partner may have something
    await until(lambda: len(peer.incoming) == 2, 15, "we have come back")
    resume = await peer.incoming[1].journal.wait_for("<resume/>", lambda i: i.tag == SM + "resume")
    assert resume.get("h") == "2"
    peer.incoming[1].send(_text(user, "to us 3"))
    await user.wait_message("to us 3", ALICE)
    user.send_message(ALICE, "to you")
    await peer.wait_message("to you")
    await until(lambda: _queued(node) == 0, 10, "it was confirmed")
    # Theirs.
    await peer.incoming[1].close()
    stream, enabled = await _enabled(peer)
    assert stream.both_ways
    user.send_message(ALICE, "on theirs")
    await peer.wait_message("on theirs")
    await until(lambda: _queued(node) == 0, 10, "it was confirmed")
    stream.management = "silent"
    user.send_message(ALICE, "counted")
    user.send_presence(to=ALICE, status="not counted")
    await peer.wait_presence(user.jid)
    mark, opened = peer.arrived.mark(), len(peer.incoming)
    stream.abort()
    stream, resumed = await _resume(peer, enabled.get("id"), h=2)
    assert resumed.tag == SM + "resumed" and resumed.get("h") == "0"
    await peer.wait_presence(user.jid, since=mark)
    user.send_message(ALICE, "after it")
    await peer.wait_message("after it", mark)
    assert _told(peer, mark) == ["not counted", "after it"], _told(peer, mark)
    assert len(peer.incoming) == opened, "no stream of ours was needed"


async def test_a_partner_that_does_not_come_back(lab):
    """Its stream, which we used, breaks and is not resumed: after a few seconds we open one, and messages go again."""
    node, peer, user = await _pair(lab, dataclasses.replace(RESUMES, bidi=True))
    stream, _ = await _enabled(peer)
    user.send_message(ALICE, "confirmed")
    await peer.wait_message("confirmed")
    await until(lambda: _queued(node) == 0, 10, "it was confirmed")
    stream.management = "silent"
    user.send_message(ALICE, "not confirmed")
    await peer.wait_message("not confirmed")
    mark = peer.arrived.mark()
    stream.abort()
    await peer.wait_message("not confirmed", mark, deadline=20)
    assert len(peer.incoming) == 1


async def _two_parleys(lab, *allow):
    ours = await Parley(lab, OURS, {("limits", "s2s_answer"): '"2s"'}, publish_direct=False).start()
    theirs = await Parley(lab, THEIRS, {("limits", "s2s_answer"): '"2s"'}, publish_direct=False).start()
    wires = []
    for node in (ours, theirs):
        wires.append(await Wire(lab, node.s2s_port).start())
        lab.dns.remove(f"_xmpp-server._tcp.{node.domain}")
        lab.publish_xmpp(node.domain, wires[-1].port)
    ours.allow(THEIRS, "--profile", "parley", "--via", "xmpp", *allow)
    theirs.allow(OURS, "--profile", "parley", "--via", "xmpp", *allow)
    bob = await XmppClient(lab, ours.add_user("bob"), "secret", ours.address).start()
    alice = await XmppClient(lab, theirs.add_user("alice"), "secret", theirs.address).start()
    await befriend(bob, alice)
    return ours, theirs, wires, bob, alice


async def _lose_nothing(lab, bidi):
    _, _, wires, bob, alice = await _two_parleys(lab, bidi)
    for turn in range(4):
        for sender, receiver in ((bob, alice), (alice, bob)):
            text, mark = f"{turn} of {sender.jid}", receiver.mark()
            for wire in wires:
                wire.silence(there=turn != 1, back=turn != 2)
            sender.send_presence(status=text)
            sender.send_message(receiver.jid, text)
            if turn < 3:  # in the last turn nobody cuts it: it is given up
                await asyncio.sleep(0.2)
                for wire in wires:
                    wire.cut()
            await receiver.wait_presence(sender.jid, "available", status=text, since=mark, deadline=30)
            await receiver.wait_message(text, sender.jid, deadline=30)
    for user, other in ((bob, alice), (alice, bob)):
        assert user.messages(other.jid) == [f"{turn} of {other.jid}" for turn in range(4)]
        seen = [p["status"] for p in user.presences(other.jid) if " of " in p["status"]]
        assert seen == [f"{turn} of {other.jid}" for turn in range(4)], seen


async def test_two_parleys_on_one_stream_lose_nothing(lab):
    """What is swallowed and then cut off, or given up, comes after it, presence too, and once."""
    await _lose_nothing(lab, "--bidi")


async def test_two_parleys_on_two_streams_lose_nothing(lab):
    """The same with a stream each way."""
    await _lose_nothing(lab, "--no-bidi")


async def test_prosody_with_stream_management(lab):
    """Its mod_smacks acknowledges between servers and resumes nothing: streams that break are made anew."""
    server = await Prosody(lab, THEIRS, modules=["smacks"]).start()
    bob = await XmppClient(lab, server.add_user("bob"), "secret", server.address).start()
    node = await Parley(lab, OURS).start()
    wire = await Wire(lab, server.s2s_port).start()
    for kind in ("_xmpp-server", "_xmpps-server"):
        lab.dns.remove(f"{kind}._tcp.{THEIRS}")
    lab.publish_xmpp(THEIRS, wire.port)
    node.allow(THEIRS, "--via", "xmpp")
    alice = await XmppClient(lab, node.add_user("alice"), "secret", node.address).start()
    for turn in range(3):
        alice.send_message(bob.jid, f"text {turn}")
        await bob.wait_message(f"text {turn}", alice.jid)
        await until(lambda: _queued(node) == 0, 15, "it was confirmed")
        wire.cut()
    assert wire.opened == 3 and bob.messages(alice.jid) == ["text 0", "text 1", "text 2"]
