"""What keeps a stream between servers whole: stream management, ports of the other kind, refused certificates, rules that change."""
import asyncio
import dataclasses
import re

from tests.lab.parley import Parley
from tests.lab.waiting import until
from tests.lab.xmpp_client import XmppClient
from tests.lab.xmpp_peer import SM, STANDARD, Product, XmppPeer
from tests.lab.xmpp_stream import DIALBACK, SASL, SERVER, STREAM, XmppStream, element

OURS = "parley.example"
THEIRS = "partner.example"
ALICE = f"alice@{THEIRS}"


async def _pair(lab, product=STANDARD, *allow, **options):
    node = await Parley(lab, OURS).start()
    peer = await XmppPeer(lab, THEIRS, OURS, node.s2s_port, product, **options).start()
    node.allow(THEIRS, "--via", "xmpp", *allow)
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    return node, peer, user


def _queued(node):
    shown = node.ctl("federation", "show", THEIRS, check=False).stdout
    return int(re.search(rf"queue +{THEIRS} .*?: (\d+)|queue +{THEIRS} .*?(\d+)", shown).group(1))


async def test_messages_are_confirmed_by_stream_management(lab):
    """With a partner that has XEP-0198 there is no ping: <r/> and <a/> say what has arrived."""
    node, peer, user = await _pair(lab, dataclasses.replace(STANDARD, management="acks"))
    for number in range(10):
        user.send_message(ALICE, f"text {number}")
    await peer.wait_message("text 9")
    await until(lambda: _queued(node) == 0, 15, "all were confirmed")
    assert peer.arrived.all(lambda s: s.tag == SERVER + "iq") == [], "a ping was sent all the same"


async def test_a_message_survives_a_broken_link(lab):
    """What was written and not confirmed goes again on the next stream, in its order."""
    node, peer, user = await _pair(lab, dataclasses.replace(STANDARD, management="silent"))
    user.send_message(ALICE, "one")
    user.send_message(ALICE, "two")
    await peer.wait_message("two")
    mark = peer.arrived.mark()
    peer.product = dataclasses.replace(STANDARD, management="acks")
    peer.incoming[-1].abort()
    await peer.wait_message("one", since=mark)
    await peer.wait_message("two", since=mark)
    await until(lambda: _queued(node) == 0, 15, "both were confirmed")


async def test_stream_management_that_fails(lab):
    """<failed/>: the ping takes its place. An h beyond what was sent ends the stream, and nothing is lost."""
    node, peer, user = await _pair(lab, dataclasses.replace(STANDARD, management="fails"))
    user.send_message(ALICE, "by ping")
    await peer.arrived.wait_for("a ping", lambda s: s.find("{urn:xmpp:ping}ping") is not None)
    await until(lambda: _queued(node) == 0, 15, "it was confirmed")
    peer.product = dataclasses.replace(STANDARD, management="lies")
    peer.incoming[-1].abort()
    user.send_message(ALICE, "to a liar")
    await peer.wait_message("to a liar")
    liar = peer.incoming[-1]
    peer.product = dataclasses.replace(STANDARD, management="acks")
    await peer.wait_ended(liar)
    await until(lambda: _queued(node) == 0, 15, "it was confirmed by the next stream")


async def test_we_confirm_what_is_on_disk(lab):
    """A partner enables XEP-0198 towards us: our h counts stanzas of every kind, once all before are settled."""
    node, peer, user = await _pair(lab)
    stream = await peer.out()
    assert stream.features.find(SM + "sm") is not None
    stream.send("<enable xmlns='urn:xmpp:sm:3'/>")
    await stream.journal.wait_for("<enabled/>", lambda i: i.tag == SM + "enabled")
    for number in range(3):
        await peer.message(ALICE, user.jid, f"text {number}", f"m{number}")
    await peer.presence(ALICE, user.jid)
    await peer.send(element("iq", "<query xmlns='jabber:iq:version'/>", from_=THEIRS, to=OURS, id="v", type="get"))
    stream.send("<r xmlns='urn:xmpp:sm:3'/>")
    answer = await stream.journal.wait_for("<a/>", lambda i: i.tag == SM + "a")
    assert answer.get("h") == "5", answer.attrib
    await user.wait_message("text 2", ALICE)


async def test_a_resent_message_is_delivered_once(lab):
    """A parley that misses our confirmation sends again on its next stream, under the old name: the user gets the message once."""
    node, peer, user = await _pair(lab, STANDARD, "--profile", "parley")
    for text in ("once", "once", "after it"):
        name = element("name", xmlns="urn:parley:federation:0", id="after" if text == "after it" else "the-same")
        await peer.send(element("message", element("body", text) + name, from_=ALICE, to=user.jid, type="chat", id="m1"))
        await user.wait_message(text, ALICE)
        (await peer.out()).abort()
    assert user.messages(ALICE) == ["once", "after it"]


async def test_a_record_that_points_at_the_wrong_kind_of_port(lab):
    """_xmpps-server leads to a port for STARTTLS, and _xmpp-server to one where TLS comes first: both are used as they are."""
    for direct in (False, True):
        domain = f"{'direct' if direct else 'plain'}.example"
        node = await Parley(lab, f"{'a' if direct else 'b'}.example").start()
        peer = await XmppPeer(lab, domain, node.domain, node.s2s_port, direct_tls=direct, publish=False).start()
        lab.publish_xmpp(domain, *((peer.port, None, None) if direct else (None, None, peer.port)))
        node.allow(domain, "--via", "xmpp")
        user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
        user.send_message(f"alice@{domain}", "by the wrong door")
        await peer.wait_message("by the wrong door", deadline=30)


async def test_tls_off_is_off_on_the_port_where_it_comes_first(lab):
    """With `--tls off` a stream inside TLS is refused once its header says who it is, or its dialback does, and the reason is named."""
    node, peer, user = await _pair(lab, dataclasses.replace(STANDARD, tls="off"), "--tls", "off", "--plain-dialback")
    stream = XmppStream(*await asyncio.open_connection("127.0.0.1", node.s2s_tls_port, ssl=peer.client_context(), server_hostname=OURS), "direct")
    stream.send_header(from_=THEIRS, to=OURS, version="1.0")
    await stream.expect_header()
    await stream.expect(f"{{{STREAM}}}error")
    assert stream.error == "policy-violation" and "TLS is switched off" in stream.error_text, stream.error_text
    nameless = XmppStream(*await asyncio.open_connection("127.0.0.1", node.s2s_tls_port, ssl=peer.client_context(), server_hostname=OURS), "nameless")
    nameless.send_header()
    await nameless.expect_header()
    nameless.send(element("db:result", "a key", from_=THEIRS, to=OURS))
    answer = await nameless.expect(DIALBACK + "result")
    assert answer.get("type") == "error" and "TLS is switched off" in "".join(answer.itertext())
    nameless.abort()
    await peer.message(ALICE, user.jid, "in plain")
    await user.wait_message("in plain", ALICE)


class _Slammer(XmppPeer):
    """Refuses every certificate and ends the stream with it, as ejabberd does."""

    async def _serve(self, stream):
        original = stream.next

        async def next_item(deadline=15):
            item = await original(deadline)
            if item != "header" and item.tag == SASL + "auth":
                stream.send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure></stream:stream>")
                self.slammed = getattr(self, "slammed", 0) + 1
                stream.abort()
            return item

        stream.next = next_item
        await super()._serve(stream)


async def test_a_refused_certificate_leaves_dialback(lab):
    """EXTERNAL first, then dialback by policy, on a second connection where the first was ended; the true reason when both fail."""
    node = await Parley(lab, OURS).start()
    peer = await _Slammer(lab, THEIRS, OURS, node.s2s_port).start()
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    node.allow(THEIRS, "--via", "xmpp")
    user.send_message(ALICE, "by certificate only")
    error = await user.wait_error(ALICE, deadline=30)
    assert "does not accept our certificate" in error.xml.findtext(".//{urn:ietf:params:xml:ns:xmpp-stanzas}text"), error
    node.allow(THEIRS, "--via", "xmpp", "--dialback")
    slammed = peer.slammed
    user.send_message(ALICE, "or by dialback")
    await peer.wait_message("or by dialback")
    assert peer.slammed == slammed + 1, "EXTERNAL comes first"


async def test_a_rule_that_changes_ends_the_streams_of_the_old_one(lab):
    """Dialback is taken back: the streams that it proved end with the next stanza, in both directions."""
    product = Product(external=False)
    node, peer, user = await _pair(lab, product, "--dialback", certificate=lab.ca.issue("other.example"))
    user.send_message(ALICE, "to you")
    await peer.wait_message("to you")
    await peer.message(ALICE, user.jid, "to us")
    await user.wait_message("to us", ALICE)
    node.allow(THEIRS, "--via", "xmpp")
    out = await peer.out()
    await peer.message(ALICE, user.jid, "too late")
    await peer.wait_ended(out)
    assert out.error == "policy-violation"
    user.send_message(ALICE, "too late as well")
    await user.wait_error(ALICE, deadline=30)
    assert user.messages(ALICE) == ["to us"]


async def test_compression_is_never_offered(lab):
    """No feature of XEP-0138, before and after authentication; who asks for it all the same is refused."""
    node, peer, user = await _pair(lab)
    stream = await peer._dial(THEIRS, OURS)
    assert "compress" not in str([child.tag for child in stream.features])
    stream.abort()
    stream = await peer.out()
    assert "compress" not in str([child.tag for child in stream.features])
    stream.send("<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>")
    await peer.wait_ended(stream)
    assert stream.error == "unsupported-stanza-type"


async def test_first_target_is_slow_and_one_is_dead(lab):
    """Of three records one leads nowhere and one to a server that says nothing: the third gets the message."""
    node, peer, user = await _pair(lab, publish=False)
    silent = await asyncio.start_server(lambda reader, writer: asyncio.sleep(3600), "127.0.0.1", port := lab.ports.take())
    for priority, target in enumerate((lab.ports.take(), port, peer.port), 1):
        lab.dns.a(f"h{priority}.{THEIRS}", "127.0.0.1")
        lab.dns.srv(f"_xmpp-server._tcp.{THEIRS}", target, f"h{priority}.{THEIRS}", priority=priority)
    user.send_message(ALICE, "by the third door")
    await peer.wait_message("by the third door", deadline=40)
    silent.close()
    assert STREAM
