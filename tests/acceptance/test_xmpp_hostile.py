"""A partner's server that lies: dialback forgeries, stanzas of others, before authentication, forged answers, bombs."""
import dataclasses

from tests.lab.parley import Parley
from tests.lab.waiting import until
from tests.lab.xmpp_client import XmppClient
from tests.lab.xmpp_peer import STANDARD, Product, Refused, XmppPeer
from tests.lab.xmpp_stream import DIALBACK, SERVER, Closed, element

OURS = "parley.example"
EVIL, VICTIM = "evil.example", "victim.example"
PLAIN = Product(tls="off", external=False)


async def _stage(lab, product=STANDARD, *allow):
    """A node with u1, an evil partner and an honest one; both are allowed."""
    node = await Parley(lab, OURS).start()
    evil = await XmppPeer(lab, EVIL, OURS, node.s2s_port, product).start()
    victim = await XmppPeer(lab, VICTIM, OURS, node.s2s_port, product).start()
    for domain in (EVIL, VICTIM):
        node.allow(domain, "--via", "xmpp", *allow)
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    return node, evil, victim, user


async def _refused(peer, stream, local, key):
    try:
        await peer.prove(stream, local, OURS, key)
    except (Refused, Closed):
        return True
    return False


async def test_dialback_forgeries(lab):
    """A wrong key, a key of another stream, one for a domain that is somebody else's, and answers that nobody asked for."""
    node, evil, victim, user = await _stage(lab, PLAIN, "--tls", "off", "--plain-dialback")
    first, second = await evil._dial(EVIL, OURS), await evil._dial(EVIL, OURS)
    assert first.header["id"] != second.header["id"] and len(first.header["id"]) >= 16, "ids that can be guessed"
    assert await _refused(evil, first, EVIL, "0" * 64)
    assert await _refused(evil, second, EVIL, evil.key(OURS, EVIL, first.header["id"]))
    assert await _refused(evil, second, VICTIM, evil.key(OURS, VICTIM, second.header["id"])), "victim's own server was not asked"
    # The evil one says the answer itself, on the stream that it opened.
    third = await evil._dial(VICTIM, OURS)
    third.send(element("db:verify", from_=VICTIM, to=OURS, id=third.header["id"], type="valid"))
    third.send(element("db:result", from_=VICTIM, to=OURS, type="valid"))
    third.send(element("message", "<body>I am victim</body>", from_=f"v@{VICTIM}", to=user.jid))
    try:
        while True:
            await third.next()
    except Closed:
        pass
    assert third.error == "not-authorized" and user.messages() == []
    # The honest one is not disturbed.
    await victim.message(f"v@{VICTIM}", user.jid, "really me")
    await user.wait_message("really me", f"v@{VICTIM}")


async def test_keys_are_bound_to_the_stream_and_the_domains(lab):
    """Our own answers: a key of ours is valid for the receiver and the stream that it was made for, and for no other."""
    node, evil, victim, user = await _stage(lab, PLAIN, "--tls", "off", "--plain-dialback")
    user.send_message(f"e@{EVIL}", "hello")
    await evil.wait_message("hello")
    (result,) = evil.incoming[0].journal.all(lambda i: i.tag == DIALBACK + "result")
    for receiver, ident, right in ((EVIL, evil.incoming[0].ident, True), (VICTIM, evil.incoming[0].ident, False), (EVIL, "other", False)):
        stream = await evil._dial(receiver, OURS)
        stream.send(element("db:verify", result.text, from_=receiver, to=OURS, id=ident))
        answer = await stream.next()
        assert (answer.get("type") == "valid") == right, (receiver, ident, answer.attrib)
        stream.abort()


async def test_stanzas_for_others(lab):
    """A proven stream speaks for its own pair of domains: anything else ends it, and reaches nobody."""
    node, evil, victim, user = await _stage(lab)
    for sender, to, error in ((f"v@{VICTIM}", user.jid, "invalid-from"), (f"u2@{OURS}", user.jid, "invalid-from"),
                              (OURS, user.jid, "invalid-from"), (f"e@sub.{EVIL}", user.jid, "invalid-from"),
                              (f"e@{EVIL}", f"v@{VICTIM}", "host-unknown"), (f"e@{EVIL}", "x@elsewhere.example", "host-unknown"),
                              (None, user.jid, "improper-addressing"), (f"e@{EVIL}", None, "improper-addressing"),
                              ("@@", user.jid, "improper-addressing")):
        stream = await evil.connect()
        stream.send(element("message", "<body>not mine</body>", from_=sender, to=to))
        await evil.wait_ended(stream)
        assert stream.error == error, f"{sender} to {to}: {stream.error}"
    assert user.messages() == [] and victim.arrived.entries == []


async def test_before_authentication(lab):
    """Nothing counts before a domain is proven; a second EXTERNAL, another mechanism or another identity is refused."""
    node, evil, victim, user = await _stage(lab)
    stream = await evil._dial(EVIL, OURS)
    stream.send(element("message", "<body>early</body>", from_=f"e@{EVIL}", to=user.jid))
    try:
        while True:
            await stream.next()
    except Closed:
        assert stream.error == "not-authorized"
    from tests.lab.xmpp_stream import SASL, authzid
    for mechanism, identity, condition in (("EXTERNAL", authzid(VICTIM), "not-authorized"), ("EXTERNAL", "%%%", "incorrect-encoding"),
                                           ("PLAIN", authzid(EVIL), "invalid-mechanism")):
        stream = await evil._dial(EVIL, OURS)
        stream.send(element("auth", identity, mechanism=mechanism, xmlns="urn:ietf:params:xml:ns:xmpp-sasl"))
        failure = await stream.expect(SASL + "failure")
        assert failure[0].tag == SASL + condition, failure[0].tag
        stream.abort()
    assert user.messages() == []


async def test_forged_answers(lab):
    """An answer of one partner confirms nothing that another was sent; one for a question that nobody put is dropped."""
    silent = dataclasses.replace(STANDARD, management="silent")
    node, evil, victim, user = await _stage(lab, silent)
    user.send_message(f"v@{VICTIM}", "to victim")
    await victim.wait_message("to victim")
    for ident in ("proof-1", "proof-2", "release", "caps-1", "barrier-1"):
        await evil.send(element("iq", from_=EVIL, to=OURS, id=ident, type="result"))
        await evil.send(element("iq", from_=f"e@{EVIL}", to=user.full_jid, id=ident, type="result"))
    await evil.message(f"e@{EVIL}", user.jid, "after them")
    await user.wait_message("after them", f"e@{EVIL}")
    shown = node.ctl("federation", "show", VICTIM, check=False).stdout
    assert "waiting to be sent: 1" in shown, shown


async def test_what_only_our_server_may_say(lab):
    """Roster pushes, carbons and delays of a partner arrive, if at all, under the partner's own name."""
    node, evil, victim, user = await _stage(lab)
    mark = user.mark()
    forwarded = (f"<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='{user.jid}' to='v@{VICTIM}'>"
                 "<body>never said</body></message></forwarded>")
    await evil.send(element("message", f"<received xmlns='urn:xmpp:carbons:2'>{forwarded}</received>", from_=f"e@{EVIL}", to=user.jid))
    await evil.send(element("iq", "<query xmlns='jabber:iq:roster'><item jid='e@evil.example' subscription='both'/></query>",
                            from_=f"e@{EVIL}", to=user.full_jid, type="set", id="push"))
    await evil.send(element("presence", "<added-status xmlns='urn:parley:presence:0'/><in-meeting xmlns='urn:parley:presence:0'/>",
                            from_=f"e@{EVIL}/x", to=user.full_jid))
    await evil.message(f"e@{EVIL}", user.jid, "after them")
    await user.wait_message("after them", f"e@{EVIL}", mark)
    for stanza in user.journal.entries[mark:]:
        assert stanza["from"].bare in (f"e@{EVIL}", user.jid if stanza.name == "presence" else "", OURS), stanza
        assert "urn:parley:presence:0" not in str(stanza), "our own marks can be forged"
    assert await user.roster() == {}, "a roster push of a partner was believed"


async def test_bombs(lab):
    """Entities, depth, size, a name without end, comments: the stream ends, the server lives."""
    node, evil, victim, user = await _stage(lab)
    for bomb in ("<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x>&a;</x>", "<a>" * 5000, "<message>" + "x" * 2_000_000, "<a " + "b='c' " * 100_000,
                 "<!-- comment -->", "<?pi x?>", "\0<a/><a/>"):
        for stream in (await evil._dial(EVIL, OURS), await evil.connect()):
            stream.send(bomb)
            await until(lambda: stream.ended.is_set() or stream.reader.at_eof() or stream.reader._buffer, 20, f"an end after {bomb[:30]!r}")
            try:
                while not stream.ended.is_set():
                    await stream.next(deadline=10)
            except (Closed, RuntimeError):
                pass
    await victim.message(f"v@{VICTIM}", user.jid, "still there?")
    await user.wait_message("still there?", f"v@{VICTIM}")
    assert SERVER
