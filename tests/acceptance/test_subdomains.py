"""Domains that lie inside each other: we inside the partner's, the partner inside ours, both inside one parent, which may be nobody's.
Each domain has its own rule, its own certificate and its own users; nothing follows from a parent's."""
from tests.lab.edge import Edge
from tests.lab.ocs_chat import IncomingChat, OutgoingChat
from tests.lab.ocs_watch import Presentity, Watch
from tests.lab.parley import Parley
from tests.lab.products import OCS, SIMPLE
from tests.lab.xmpp_client import XmppClient


async def _node(lab, domain, **options):
    node = await Parley(lab, domain, **options).start()
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    return node, user


async def _both_ways(lab, node, user, theirs, product=OCS, ours=None):
    """Presence and a text each way with a user of this partner; returns its edge."""
    ours = ours or node.domain
    edge = await Edge(lab, ours, node.sip_tls_port, domain=theirs, product=product).start()
    node.allow(theirs, "--via", "sip", "--profile", product.profile)
    alice = f"alice@{theirs}"
    user.subscribe(alice)
    seen = await Presentity.expect(edge, alice, user.jid)
    seen.accept(3600)
    await seen.notify_state("Away")
    await user.wait_presence(alice, "available", show="away")
    watch = Watch(edge, user.jid)
    await watch.send()
    await watch.accepted()
    await user.wait_presence(alice, "subscribe")
    user.allow(alice)
    await watch.notified("open")
    if product.sessions:
        chat = OutgoingChat(edge, user.jid)
        await chat.invite()
        await chat.accepted()
        await chat.message(f"from {theirs}")
        await user.wait_message(f"from {theirs}", alice)
        user.send_message(alice, f"to {theirs}")
        await chat.expect_text(f"to {theirs}")
    return edge


async def _is_refused(edge, user, sender, connection=None, code=403):
    """A subscription and a session of this sender are refused, and the user hears nothing."""
    mark = user.mark()
    watch = Watch(edge, user.jid)
    watch.watcher = sender
    await watch.send(connection=connection)
    answer = await watch.answer()
    assert answer.status == code, f"{sender}: {answer.start_line}"
    await user.stream["xep_0199"].ping(jid=user.jid.partition("@")[2])
    assert not user.presences(sender, mark)


async def test_we_are_inside_the_partners_domain(lab):
    """Ours is chat.contoso.example, the partner's contoso.example: its users are foreign though our name ends in theirs."""
    node, user = await _node(lab, "chat.contoso.example")
    edge = await _both_ways(lab, node, user, "contoso.example")
    await _is_refused(edge, user, "alice@sales.contoso.example")  # a sibling of ours, and inside theirs: nobody's rule
    await _is_refused(edge, user, "alice@example")


async def test_the_partner_is_inside_our_domain(lab):
    """Ours is cup.example, the partner's sales.cup.example: its users are no users of ours, and those of no other such domain are let in."""
    node, user = await _node(lab, "cup.example")
    edge = await _both_ways(lab, node, user, "sales.cup.example")
    deeper = await _both_ways(lab, node, user, "east.sales.cup.example", product=SIMPLE)
    await _is_refused(edge, user, "bob@west.sales.cup.example")
    await _is_refused(edge, user, "bob@east.sales.cup.example")  # allowed, but not by the certificate of the one above it
    await _is_refused(deeper, user, "bob@sales.cup.example")
    await _is_refused(edge, user, "bob@cup.example")  # nobody outside speaks for us


async def test_both_are_inside_one_parent(lab):
    """a.corp.example and b.corp.example: the parent has no rule and no server, and a certificate for all of it proves nothing."""
    node, user = await _node(lab, "a.corp.example")
    edge = await _both_ways(lab, node, user, "b.corp.example")
    await _is_refused(edge, user, "alice@corp.example")
    await _is_refused(edge, user, "alice@c.corp.example")
    wildcard = await edge.dial(certificate=lab.ca.issue("*.corp.example"))
    await _is_refused(edge, user, "alice@b.corp.example", connection=wildcard)
    parent = await edge.dial(certificate=lab.ca.issue("sip.corp.example", "corp.example"))
    await _is_refused(edge, user, "alice@b.corp.example", connection=parent)
    user.send_message("alice@corp.example", "anybody there?")
    await user.wait_error("alice@corp.example", "not-allowed")


async def test_two_of_our_own_with_a_partner_between(lab):
    """Ours are corp.example and lab.cup.corp.example, the partner's cup.corp.example lies between: each goes where the longest name says."""
    node, user = await _node(lab, "corp.example", more_domains=["lab.cup.corp.example"])
    second = await XmppClient(lab, node.add_user("u2", domain="lab.cup.corp.example"), "secret", node.address).start()
    edge = await _both_ways(lab, node, user, "cup.corp.example")
    chat = OutgoingChat(edge, second.jid)
    edge.partner = "lab.cup.corp.example"  # whose host our Contact has to name, and our certificate
    connection = await edge.dial()
    edge.check_partner_certificate(connection)
    await chat.invite(connection=connection)
    await chat.accepted()
    await chat.message("to the inner one")
    await second.wait_message("to the inner one", "alice@cup.corp.example")
    mark = edge.journal.mark()
    second.send_message("carol@cup.corp.example", "from the inner one")
    incoming = await IncomingChat.expect(edge, "carol@cup.corp.example", second.jid, since=mark)
    await incoming.accept()
    await incoming.expect_text("from the inner one")
    second.send_message(user.jid, "between ourselves")
    await user.wait_message("between ourselves", second.jid)
    user.send_message("nobody@x.lab.cup.corp.example", "?")
    await user.wait_error("nobody@x.lab.cup.corp.example")
