"""`federation allow DOMAIN` without --via: DNS says whether a partner is reached over XMPP or SIP."""
from tests.acceptance.ocs import ALICE, OURS, THEIRS, U1, login_u1, nothing_came
from tests.lab.edge import Edge
from tests.lab.ocs_watch import Watch
from tests.lab.parley import Parley
from tests.lab.prosody import Prosody
from tests.lab.xmpp_client import XmppClient, befriend


async def _node(lab):
    node = await Parley(lab, OURS).start()
    node.add_user("u1")
    return node, await login_u1(lab, node)


async def test_a_sip_partner(lab):
    """Only _sipfederationtls is published: the message leaves as an INVITE of the Microsoft kind, and the edge may ask us."""
    node, user = await _node(lab)
    edge = await Edge(lab, OURS, node.sip_tls_port, domain=THEIRS).start()
    node.allow(THEIRS)
    user.send_message(ALICE, "over what?")
    await edge.wait_request("INVITE")
    watch = Watch(edge, U1)
    await watch.send()
    await watch.accepted()
    await user.wait_presence(ALICE, "subscribe")


async def test_the_sip_partner_speaks_first(lab):
    """The rule is undecided while DNS is silent; the edge's request waits for the answer and is then taken."""
    node, user = await _node(lab)
    edge = await Edge(lab, OURS, node.sip_tls_port, domain=THEIRS).start()
    name = f"_xmpp-server._tcp.{THEIRS}"
    lab.dns.be_silent(name)
    node.allow(THEIRS)
    watch = Watch(edge, U1)
    await watch.send()
    lab.dns.speak(name)
    await watch.accepted()
    await user.wait_presence(ALICE, "subscribe")


async def test_an_xmpp_partner(lab):
    """Only _xmpp-server is published: both directions over XMPP."""
    server = await Prosody(lab, THEIRS).start()
    bob = await XmppClient(lab, server.add_user("alice"), "secret", server.address).start()
    node, user = await _node(lab)
    node.allow(THEIRS)
    await befriend(bob, user)
    user.send_message(ALICE, "from us")
    await bob.wait_message("from us", U1)
    bob.send_message(U1, "from them")
    await user.wait_message("from them", ALICE)


async def test_both_is_xmpp(lab):
    """A domain that publishes both is an XMPP domain; its SIP edge is told 403 and no user hears of it."""
    server = await Prosody(lab, THEIRS).start()
    bob = await XmppClient(lab, server.add_user("alice"), "secret", server.address).start()
    node, user = await _node(lab)
    edge = await Edge(lab, OURS, node.sip_tls_port, domain=THEIRS).start()
    node.allow(THEIRS)
    user.send_message(ALICE, "which way?")
    await bob.wait_message("which way?", U1)
    watch = Watch(edge, U1)
    await watch.send()
    answer = await watch.answer()
    assert answer.status == 403, answer.start_line
    await nothing_came(user)
    assert "is reached over XMPP here" in node.process.log(), "the log says why"


async def test_neither_is_a_sentence(lab):
    """A domain without any record: the sender is told in words, and told nothing stale once there is one."""
    node, user = await _node(lab)
    node.allow(THEIRS)
    user.send_message(ALICE, "anybody there?")
    error = await user.wait_error(ALICE, "remote-server-not-found")
    assert "publishes neither an XMPP server" in str(error), error


async def test_the_records_change(lab):
    """SIP at first, XMPP once DNS says so: the decision is made anew when the records' time to live is over."""
    node, user = await _node(lab)
    edge = await Edge(lab, OURS, node.sip_tls_port, domain=THEIRS).start()
    node.allow(THEIRS)
    user.send_message(ALICE, "one")
    await edge.wait_request("INVITE")
    server = await Prosody(lab, THEIRS).start()
    lab.dns.remove(f"_sipfederationtls._tcp.{THEIRS}")
    bob = await XmppClient(lab, server.add_user("alice"), "secret", server.address).start()
    await node.process.wait_line(f"{THEIRS} is reached over XMPP", deadline=30)
    user.send_message(ALICE, "two")
    await bob.wait_message("two", U1)
