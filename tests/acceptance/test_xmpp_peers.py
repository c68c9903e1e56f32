"""Simulated XMPP partners of every kind: GoogleTalk, Sametime, WebEx Connect, Cisco Unified Presence, driven over real streams."""
import time
from xml.etree import ElementTree

from tests.lab.parley import Parley
from tests.lab.xmpp_client import XmppClient
from tests.lab.xmpp_peer import CUP, GOOGLE, SAMETIME, WEBEX, Product, XmppPeer

OURS = "cup.example"
U1 = f"u1@{OURS}"


async def _pair(lab, product, domain, *allow, settings=None, **options):
    """A node with u1, and a peer of that product whose user is alice."""
    node = await Parley(lab, OURS, settings).start()
    peer = await XmppPeer(lab, domain, OURS, node.s2s_port, product, **options).start()
    for name in peer.domains:
        node.allow(name, "--profile", product.profile, *allow)
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    return node, peer, user


async def _both_ways(peer, user, alice=None):
    alice = alice or f"alice@{peer.domain}"
    user.send_message(alice, "to you")
    await peer.wait_message("to you")
    await peer.message(alice, user.jid, "to us")
    await user.wait_message("to us", alice)


async def test_googletalk_has_dialback_alone(lab):
    """X1: no version, no features, no names in the headers; our offer of TLS is ignored; dialback both ways in plain."""
    node, peer, user = await _pair(lab, GOOGLE, "gmail.example")
    await _both_ways(peer, user)
    assert peer.incoming[-1].certificate is None


async def test_googletalk_with_features_that_offer_nothing(lab):
    """X1: version 1.0 and features without starttls and dialback lead to dialback all the same."""
    product = Product("googletalk", names_in_header=False, tls="off", external=False)
    node, peer, user = await _pair(lab, product, "gmail.example")
    await _both_ways(peer, user)


async def test_googletalk_announces_features_and_sends_none(lab):
    """Version 1.0 and silence: after three seconds dialback is tried without them."""
    product = Product("googletalk", names_in_header=False, tls="off", external=False, silent_header=True)
    node, peer, user = await _pair(lab, product, "gmail.example")
    begin = time.monotonic()
    user.send_message("alice@gmail.example", "to you")
    await peer.wait_message("to you")
    assert time.monotonic() - begin < 8, "its patience is three seconds"
    assert peer.incoming[-1].proven == {(OURS, "gmail.example")}


async def test_googletalk_with_tls(lab):
    """TLS where it is offered: the domain's certificate is nobody's, dialback inside TLS proves it."""
    product = Product("googletalk", names_in_header=False, tls="optional", external=False)
    wrong = lab.ca.issue("somebody.example")
    node, peer, user = await _pair(lab, product, "gmail.example", certificate=wrong)
    await _both_ways(peer, user)
    assert peer.incoming[-1].certificate is not None


async def test_googletalk_carries_several_domains_on_one_stream(lab):
    """X2: gmail.example and a hosted domain are verified on the same stream; a third that is not verified is refused."""
    node, peer, user = await _pair(lab, GOOGLE, "gmail.example", hosted=["hosted.example"])
    stream = await peer.out()
    await peer.prove_more("hosted.example")
    for sender in ("alice@gmail.example", "carol@hosted.example"):
        await peer.message(sender, U1, f"from {sender}")
        await user.wait_message(f"from {sender}", sender)
    await peer.message("eve@third.example", U1, "from nowhere")
    await peer.wait_ended(stream)
    assert stream.error == "invalid-from" and user.messages("eve@third.example") == []


async def test_googletalk_asks_on_a_second_connection(lab):
    """X3: the question about our key comes on a connection of its own, before that one has proven anything."""
    node, peer, user = await _pair(lab, GOOGLE, "gmail.example")
    user.send_message("alice@gmail.example", "hello")
    await peer.wait_message("hello")
    assert len(peer.incoming) == 1 and peer.incoming[0].proven == {(OURS, "gmail.example")}


async def test_googletalk_says_nothing(lab):
    """X4, X5: a message that is dropped and a request that is never answered cost us nothing: the next message flows."""
    node, peer, user = await _pair(lab, GOOGLE, "gmail.example")
    user.subscribe("alice@gmail.example")
    await peer.wait_presence(U1, "subscribe")
    user.send_message("alice@gmail.example", "into the void")
    await peer.wait_message("into the void")
    user.send_message("alice@gmail.example", "and again")
    await peer.wait_message("and again")
    assert (await user.roster())["alice@gmail.example"] == "none"


async def test_googletalk_where_tls_is_required(lab):
    """X6: a clean policy-violation inwards, an error to the sender outwards, and no loop of attempts."""
    node, peer, user = await _pair(lab, GOOGLE, "gmail.example", "--tls", "required")
    user.send_message("alice@gmail.example", "only over TLS")
    error = await user.wait_error("alice@gmail.example", deadline=30)
    assert "TLS" in error.xml.findtext(".//{urn:ietf:params:xml:ns:xmpp-stanzas}text"), error
    attempts = len(peer.incoming)
    refused = await peer.is_refused()
    assert refused.get("type") == "error" and refused.find(".//{urn:ietf:params:xml:ns:xmpp-stanzas}policy-violation") is not None
    assert len(peer.incoming) == attempts <= 2, "the link went on trying"


async def test_sametime_with_and_without_tls(lab):
    """M3: TLS optional, certificate optional."""
    node, peer, user = await _pair(lab, SAMETIME, "sametime.example", certificate=lab.ca.issue("other.example"))
    await _both_ways(peer, user)
    assert peer.incoming[-1].certificate is not None
    peer.product = Product("sametime", tls="off", external=False)
    node.ctl("federation", "allow", "plain.example", "--profile", "sametime")
    other = await XmppPeer(lab, "plain.example", OURS, node.s2s_port, peer.product).start()
    await _both_ways(other, user)
    assert other.incoming[-1].certificate is None


async def test_sametime_tries_one_record_only(lab):
    """M1: `dns plan` proposes one record, whose name has every node's address."""
    node, peer, user = await _pair(lab, SAMETIME, "sametime.example")
    plan = node.ctl("dns", "plan", check=False).stdout
    assert "sametime.example (IBM Sametime" in plan and "publish one _xmpp-server._tcp.cup.example" in plan, plan


async def test_webex_is_not_asked_for_a_certificate(lab):
    """W1: STARTTLS with the certificate of a shared host, dialback for the domain; we ask for no client certificate."""
    shared = lab.ca.issue("shared.webex.example")
    node, peer, user = await _pair(lab, WEBEX, "acme.example", certificate=shared)
    await _both_ways(peer, user)
    asked = await peer.is_asked_for_certificate()
    assert not asked, "a client certificate was asked of it"
    node.allow("acme.example", "--profile", "webex", "--ask-certificate")
    assert await peer.is_asked_for_certificate()


async def test_webex_rooms(lab):
    """W2: an invitation by our user into a room arrives there; nothing is sent to our user by itself."""
    node, peer, user = await _pair(lab, WEBEX, "acme.example")
    message = user.stream.make_message(mto="alice@acme.example")
    message.append(_invitation())
    message.send()
    await peer.arrived.wait_for("an invitation", lambda s: s.find("{jabber:x:conference}x") is not None)


def _invitation():
    return ElementTree.Element("{jabber:x:conference}x", jid="room@conference.cup.example")


async def test_cup_with_external_and_authzid(lab):
    """C1: TLS required both ways, EXTERNAL with an authorization identity, a client certificate demanded of us."""
    node, peer, user = await _pair(lab, CUP, "contoso.example")
    await _both_ways(peer, user)
    assert peer._out.proof == "EXTERNAL"
    assert peer.incoming[-1].authzid and peer.incoming[-1].certificate


async def test_cup_with_a_certificate_that_does_not_fit(lab):
    """C2: falls back to dialback where the rule allows it, is refused where it does not."""
    wrong = lab.ca.issue("other.example")
    product = Product("cup", tls="optional", authzid=True)
    node, peer, user = await _pair(lab, product, "contoso.example", "--tls", "optional", "--dialback", certificate=wrong)
    await _both_ways(peer, user)
    assert peer._out.proof == "dialback"
    node.allow("contoso.example", "--profile", "cup")
    user.send_message("alice@contoso.example", "with a good certificate only")
    error = await user.wait_error("alice@contoso.example", deadline=30)
    assert "other.example" in error.xml.findtext(".//{urn:ietf:params:xml:ns:xmpp-stanzas}text"), error
    assert (await peer.is_refused()).get("type") == "error"


async def test_cup_with_a_dead_record(lab):
    """C3: two equal records, one dead: everything arrives by the other."""
    node, peer, user = await _pair(lab, CUP, "contoso.example")
    lab.dns.a("dead.contoso.example", "127.0.0.1")
    lab.dns.srv("_xmpp-server._tcp.contoso.example", lab.ports.take(), "dead.contoso.example")
    await _both_ways(peer, user)


async def test_cup_on_the_deny_list(lab):
    """C4: policy-violation, and the user hears nothing."""
    node, peer, user = await _pair(lab, CUP, "contoso.example")
    node.ctl("federation", "deny", "contoso.example")
    mark = user.mark()
    assert "policy-violation" in await peer.reason_of_refusal()
    assert user.presences("alice@contoso.example", mark) == []


async def test_cup_of_the_subdomains(lab):
    """C5: the partner is our parent domain, or a sibling: each has its own rule and its own streams."""
    node, peer, user = await _pair(lab, CUP, "example")
    sibling = await XmppPeer(lab, "cup2.example", OURS, node.s2s_port, CUP).start()
    node.allow("cup2.example", "--profile", "cup")
    await _both_ways(peer, user)
    await _both_ways(sibling, user)
    assert peer.arrived.all(lambda s: "cup2" in s.get("to")) == []


async def test_cup_release_7_is_refused(lab):
    """A8: when the administrator says it, at once; when the partner's software says it, from then on, with the reason."""
    node, peer, user = await _pair(lab, CUP, "contoso.example")
    said = node.ctl("federation", "allow", "contoso.example", "--profile", "cup", "--release", "7.0(4)", check=False)
    assert said.returncode == 4 and "release 7.0(4) is not supported" in said.stderr + said.stdout, said
    peer.software = ("Cisco Unified Presence", "7.0.8")
    user.send_message("alice@contoso.example", "which release are you?")
    error = await user.wait_error("alice@contoso.example", deadline=30)
    assert "7.0.8" in error.xml.findtext(".//{urn:ietf:params:xml:ns:xmpp-stanzas}text"), error
