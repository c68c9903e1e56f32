"""Federation over XMPP with Prosody and with ejabberd: presence, messages, offline, unknown users, TLS and dialback."""
from tests.lab.ejabberd import Ejabberd
from tests.lab.parley import Parley
from tests.lab.prosody import Prosody
from tests.lab.xmpp_client import XmppClient, befriend

OURS = "parley.example"
THEIRS = "partner.example"


async def _parley(lab, *allow):
    """A node with alice; `allow` are the options of `federation allow`, none: the partner is not allowed."""
    node = await Parley(lab, OURS).start()
    if allow:
        node.allow(THEIRS, *allow)
    alice = await XmppClient(lab, node.add_user("alice"), "secret", node.address, resource="ours").start()
    return node, alice


async def _prosody(lab, federation="certificate", **options):
    server = await Prosody(lab, THEIRS, federation, **options).start()
    bob = await XmppClient(lab, server.add_user("bob"), "secret", server.address, resource="theirs").start()
    return server, bob


async def _ejabberd(lab, federation="certificate"):
    server = await Ejabberd(lab, THEIRS, federation, users=[("bob", "secret")]).start()
    bob = await XmppClient(lab, f"bob@{THEIRS}", "secret", server.address, resource="theirs").start()
    return server, bob


async def _all_of_it(alice, bob):
    """Subscriptions, presence and messages both ways, and errors for users that do not exist."""
    await befriend(alice, bob)
    assert await alice.roster() == {bob.jid: "both"}
    assert await bob.roster() == {alice.jid: "both"}
    alice.send_message(bob.jid, "from us to you")
    await bob.wait_message("from us to you", alice.jid)
    bob.send_message(alice.jid, "from you to us: ü € 𝄞")
    await alice.wait_message("from you to us: ü € 𝄞", bob.jid)
    alice.send_presence(show="away", status="at lunch")
    await bob.wait_presence(alice.jid, "available", show="away", status="at lunch")
    bob.send_presence(show="dnd", status="writing")
    await alice.wait_presence(bob.jid, "available", show="dnd", status="writing")
    alice.send_message(f"nobody@{THEIRS}", "who is there?")
    await alice.wait_error(f"nobody@{THEIRS}", "service-unavailable")
    bob.send_message(f"nobody@{OURS}", "who is there?")
    await bob.wait_error(f"nobody@{OURS}", "service-unavailable")


async def _offline(lab, node, server, alice, bob):
    """Each side keeps what the other's user sends while its own is away; presence says so."""
    mark = bob.mark()
    await alice.stop()
    await bob.wait_presence(alice.jid, "unavailable", since=mark)
    bob.send_message(alice.jid, "read this later")
    again = XmppClient(lab, alice.jid, "secret", node.address, resource="again")
    # Nothing tells when it has arrived but its arrival: whether stored first or not, it has to come.
    await again.start()
    await again.wait_message("read this later", bob.jid)
    await again.wait_presence(bob.jid, "available")
    mark = again.mark()
    await bob.stop()
    await again.wait_presence(bob.jid, "unavailable", since=mark)
    again.send_message(bob.jid, "and you this")
    back = await XmppClient(lab, bob.jid, "secret", server.address, resource="back").start()
    await back.wait_message("and you this", again.jid)


async def test_prosody_with_certificates(lab):
    """TLS and SASL EXTERNAL both ways."""
    server, bob = await _prosody(lab)
    node, alice = await _parley(lab, "--via", "xmpp", "--tls", "required")
    await _all_of_it(alice, bob)
    await _offline(lab, node, server, alice, bob)


async def test_prosody_speaks_first(lab):
    """The same, with the first connection opened by the partner."""
    server, bob = await _prosody(lab)
    node, alice = await _parley(lab, "--via", "xmpp")
    await befriend(bob, alice)
    bob.send_message(alice.jid, "good morning")
    await alice.wait_message("good morning", bob.jid)
    alice.send_message(bob.jid, "good morning to you")
    await bob.wait_message("good morning to you", alice.jid)


async def test_prosody_with_dialback_over_tls(lab):
    """Certificates that prove nothing; dialback, where the domain's settings allow it, does."""
    server, bob = await _prosody(lab, "dialback")
    node, alice = await _parley(lab, "--via", "xmpp", "--tls", "required", "--dialback", "--untrusted-certificate")
    await _all_of_it(alice, bob)


async def test_prosody_without_tls(lab):
    """Dialback alone, in plain, as GoogleTalk had it: TLS is off for this domain."""
    server, bob = await _prosody(lab, "plain")
    node, alice = await _parley(lab, "--via", "xmpp", "--tls", "off", "--plain-dialback")
    await _all_of_it(alice, bob)


async def test_prosody_with_optional_tls(lab):
    """A partner without TLS where TLS is optional: plain with dialback."""
    server, bob = await _prosody(lab, "plain")
    node, alice = await _parley(lab, "--via", "xmpp", "--tls", "optional", "--dialback", "--plain-dialback")
    await befriend(alice, bob)
    alice.send_message(bob.jid, "in the clear")
    await bob.wait_message("in the clear", alice.jid)


async def test_tls_required_but_partner_has_none(lab):
    """Messages come back as errors on both sides, and neither arrives."""
    server, bob = await _prosody(lab, "plain")
    node, alice = await _parley(lab, "--via", "xmpp", "--tls", "required", "--dialback")
    alice.send_message(bob.jid, "only over TLS")
    await alice.wait_error(bob.jid, deadline=40)
    bob.send_message(alice.jid, "only over TLS too")
    await bob.wait_error(alice.jid, deadline=40)
    assert not alice.messages(bob.jid) and not bob.messages(alice.jid)


async def test_certificate_of_another_domain(lab):
    """A partner that shows a certificate of another name, where dialback is not allowed: refused on both sides."""
    wrong = lab.ca.issue("somebody-else.example")
    server, bob = await _prosody(lab, "dialback", certificate=wrong)
    node, alice = await _parley(lab, "--via", "xmpp", "--tls", "required")
    alice.send_message(bob.jid, "are you who you say")
    await alice.wait_error(bob.jid, deadline=40)
    bob.send_message(alice.jid, "I am who I say")
    await bob.wait_error(alice.jid, deadline=40)
    assert not alice.messages(bob.jid) and not bob.messages(alice.jid)


async def test_domain_that_is_denied(lab):
    """What comes from a denied domain is refused and reaches no user; what goes there comes back."""
    server, bob = await _prosody(lab)
    node, alice = await _parley(lab)
    node.ctl("federation", "deny", THEIRS)
    bob.subscribe(alice.jid)
    bob.send_message(alice.jid, "let me in")
    await bob.wait_error(alice.jid, deadline=40)
    alice.send_message(bob.jid, "come in")
    await alice.wait_error(bob.jid, deadline=40)
    assert not alice.presences(bob.jid) or all(p["type"] == "error" for p in alice.presences(bob.jid))
    assert not alice.messages(bob.jid) and not bob.messages(alice.jid)


async def test_partner_does_not_exist(lab):
    """A domain without records: remote-server-not-found, and soon."""
    node, alice = await _parley(lab, "--via", "xmpp")
    alice.send_message(f"bob@{THEIRS}", "hello?")
    await alice.wait_error(f"bob@{THEIRS}", "remote-server-not-found", deadline=20)


async def test_next_srv_target_when_the_first_is_dead(lab):
    """Two records, the preferred one leads nowhere: the second is used."""
    server, bob = await _prosody(lab)
    for name in (f"_xmpp-server._tcp.{THEIRS}", f"_xmpps-server._tcp.{THEIRS}"):
        lab.dns.remove(name)
    lab.dns.a(f"dead.{THEIRS}", "127.0.0.1")
    lab.dns.srv(f"_xmpp-server._tcp.{THEIRS}", lab.ports.take(), f"dead.{THEIRS}", priority=1)
    lab.dns.srv(f"_xmpp-server._tcp.{THEIRS}", server.s2s_port, f"xmpp.{THEIRS}", priority=2)
    node, alice = await _parley(lab, "--via", "xmpp")
    alice.send_message(bob.jid, "by the second door")
    await bob.wait_message("by the second door", alice.jid, deadline=30)


async def test_ejabberd_with_certificates(lab):
    """TLS and SASL EXTERNAL both ways."""
    server, bob = await _ejabberd(lab)
    node, alice = await _parley(lab, "--via", "xmpp", "--tls", "required")
    await _all_of_it(alice, bob)
    await _offline(lab, node, server, alice, bob)


async def test_ejabberd_with_dialback(lab):
    """No TLS, dialback both ways."""
    server, bob = await _ejabberd(lab, "plain")
    node, alice = await _parley(lab, "--via", "xmpp", "--tls", "off", "--plain-dialback")
    await _all_of_it(alice, bob)


async def test_restart_with_a_partner(lab):
    """After a restart of our node both sides go on: presence is asked anew, messages flow."""
    server, bob = await _prosody(lab)
    node, alice = await _parley(lab, "--via", "xmpp")
    await befriend(alice, bob)
    await node.restart(kill=True)
    mark = bob.mark()
    again = await XmppClient(lab, alice.jid, "secret", node.address, resource="after").start()
    await again.wait_presence(bob.jid, "available", deadline=30)
    await bob.wait_presence(alice.jid, "available", since=mark, deadline=30)
    bob.send_message(alice.jid, "still there?")
    await again.wait_message("still there?", bob.jid, deadline=30)


async def test_two_local_domains(lab):
    """One node serves two domains: their users chat with each other and both with the partner."""
    server, bob = await _prosody(lab)
    node = await Parley(lab, OURS, more_domains=["second.example"]).start()
    node.allow(THEIRS, "--via", "xmpp")
    alice = await XmppClient(lab, node.add_user("alice"), "secret", node.address).start()
    anna = await XmppClient(lab, node.add_user("anna", domain="second.example"), "secret", node.address).start()
    alice.send_message(anna.jid, "across our domains")
    await anna.wait_message("across our domains", alice.jid)
    for user in (alice, anna):
        user.send_message(bob.jid, f"from {user.jid}")
        await bob.wait_message(f"from {user.jid}", user.jid)
        bob.send_message(user.jid, f"to {user.jid}")
        await user.wait_message(f"to {user.jid}", bob.jid)
