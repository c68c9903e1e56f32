"""TLS by the settings of both sides: every line of tests/data/tls-matrix.txt over real streams, then Prosody, ejabberd and a second parley."""
import asyncio

from tests.lab import tls_matrix
from tests.lab.ejabberd import Ejabberd
from tests.lab.parley import Parley
from tests.lab.prosody import Prosody
from tests.lab.waiting import TooLate, until
from tests.lab.xmpp_client import XmppClient
from tests.lab.xmpp_peer import Product, Refused, XmppPeer
from tests.lab.xmpp_stream import Closed

OURS = "parley.example"
THEIRS = {"off": Product(tls="off", external=False), "optional": Product(tls="optional"), "required": Product(tls="required"),
          "trusted": Product(tls="required", dialback=False, demands_certificate=True)}


async def test_every_line(lab):
    """One node, a peer a line: a message each way, and what the stream that carried it was proven by."""
    node = await Parley(lab, OURS).start()
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    turns = asyncio.Semaphore(6)

    async def one(number, line):
        async with turns:
            domain = f"r{number}.example"
            certificate = lab.ca.issue("somebody-else.example") if line.certificate == "bad" else None
            peer = await XmppPeer(lab, domain, OURS, node.s2s_port, THEIRS[line.theirs], certificate,
                                  direct_tls=line.port == "direct").start()
            await asyncio.to_thread(node.allow, domain, "--via", "xmpp", *tls_matrix.SETTINGS[line.ours])
            found = line._replace(to_them=await _to_them(peer, user), to_us=await _to_us(peer, user, node, line.port == "direct"))
            return None if found == line else f"{line}\n  is {found}"

    wrong = await asyncio.gather(*(one(number, line) for number, line in enumerate(tls_matrix.lines())))
    assert not any(wrong), "\n".join(filter(None, wrong))


def _proof(stream, external):
    return f"{'plain' if stream.certificate is None else 'TLS'}, {'EXTERNAL' if external else 'dialback'}"


async def _to_them(peer, user):
    if await peer.receives_from(user) is not None:
        return "refused"
    (stream,) = [stream for stream in peer.incoming if stream.proven]
    return _proof(stream, hasattr(stream, "authzid"))


async def _to_us(peer, user, node, direct):
    try:
        peer._out = await peer.connect(port=node.s2s_tls_port if direct else None, direct_tls=direct)
    except (Refused, Closed):
        return "refused"
    await peer.message(f"alice@{peer.domain}", user.jid, "to us")
    await user.wait_message("to us", f"alice@{peer.domain}")
    return _proof(peer._out, peer._out.proof == "EXTERNAL")


async def test_the_docs_have_the_table(lab):
    """docs/partners/xmpp.md shows what the other tests of this module have checked."""
    assert tls_matrix.of_the_docs() == tls_matrix.table(), "python3 -m tests.lab.tls_matrix writes it anew"


async def _by_every_setting(node, domain, alice, bob, works, works_in=None):
    """The same two servers, our rule changed under the streams: a message each way arrives, or comes back. `works_in`: by which
    settings those from them do, where it is not the same."""
    works_in = works_in or works
    # What works comes first: a server that was refused tries again only after a while.
    for setting, options in sorted(tls_matrix.SETTINGS.items(), key=lambda item: (item[0] not in works_in, item[0] not in works)):
        node.allow(domain, "--via", "xmpp", *options)
        if setting not in works_in:  # what they had open ends within seconds
            await until(lambda: " <- " not in node.ctl("federation", "show", domain, check=False).stdout, 15, "their streams ended")
        for sender, receiver in ((alice, bob), (bob, alice)):
            mark, text = sender.mark(), f"{setting} from {sender.jid}"
            sender.send_message(receiver.jid, text)
            if setting in (works if sender is alice else works_in):
                await receiver.wait_message(text, sender.jid, deadline=60)
            else:
                await sender.wait_error(receiver.jid, since=mark, deadline=60)
                assert text not in receiver.messages(sender.jid)


async def _node(lab):
    node = await Parley(lab, OURS, publish_direct=False).start()
    return node, await XmppClient(lab, node.add_user("alice"), "secret", node.address).start()


async def _prosody(lab, mode, *works):
    node, alice = await _node(lab)
    server = await Prosody(lab, f"{mode}.example", mode).start()
    bob = await XmppClient(lab, server.add_user("bob"), "secret", server.address).start()
    await _by_every_setting(node, server.domain, alice, bob, *works)


async def test_prosody_with_certificates_by_every_setting(lab):
    """Prosody demands TLS and EXTERNAL."""
    await _prosody(lab, "certificate", ("optional", "required", "trusted"))


async def test_prosody_with_dialback_by_every_setting(lab):
    """Prosody demands TLS and takes dialback alone; its own certificate is good."""
    await _prosody(lab, "dialback", ("optional", "required"), ("optional", "required", "trusted"))


async def test_prosody_without_tls_by_every_setting(lab):
    """Prosody knows no TLS between servers."""
    await _prosody(lab, "plain", ("off", "optional"))


async def _ejabberd(lab, mode, works):
    node, alice = await _node(lab)
    server = await Ejabberd(lab, f"{mode}.example", mode, users=[("bob", "secret")]).start()
    bob = await XmppClient(lab, f"bob@{server.domain}", "secret", server.address).start()
    await _by_every_setting(node, server.domain, alice, bob, works)


async def test_ejabberd_with_certificates_by_every_setting(lab):
    """ejabberd demands TLS; a certificate proves, or dialback."""
    await _ejabberd(lab, "certificate", ("optional", "required", "trusted"))


async def test_ejabberd_without_tls_by_every_setting(lab):
    """ejabberd knows no TLS between servers."""
    await _ejabberd(lab, "plain", ("off", "optional"))


async def test_two_parleys_by_every_setting(lab):
    """Four domains a node, each with one of the settings towards all domains of the other: sixteen pairs."""
    names = list(tls_matrix.SETTINGS)
    nodes = {}
    for side in ("a", "b"):
        domains = [f"{name}.{side}.example" for name in names]
        nodes[side] = await Parley(lab, domains[0], more_domains=domains[1:], publish_direct=False).start()
    clients = {}
    for side, other in (("a", "b"), ("b", "a")):
        for name in names:
            # The rule is about the other side's domain: the one called by this setting gets it.
            nodes[side].allow(f"{name}.{other}.example", "--via", "xmpp", *tls_matrix.SETTINGS[name])
            jid = nodes[side].add_user("user", domain=f"{name}.{side}.example")
            clients[side, name] = await XmppClient(lab, jid, "secret", nodes[side].address).start()
    wrong = []

    async def pair(mine, yours):
        # a's setting towards yours.b is "yours", b's towards mine.a is "mine".
        works = not ({mine, yours} & {"required", "trusted"} and "off" in (mine, yours))
        for sender, receiver in ((clients["a", mine], clients["b", yours]), (clients["b", yours], clients["a", mine])):
            text = f"from {sender.jid} to {receiver.jid}"
            sender.send_message(receiver.jid, text)
            try:
                await (receiver.wait_message(text, deadline=40) if works else sender.wait_error(receiver.jid, deadline=40))
            except TooLate as late:
                wrong.append(f"{sender.jid} to {receiver.jid}, works: {works}: {str(late).splitlines()[0]}")

    await asyncio.gather(*(pair(mine, yours) for mine in names for yours in names))
    assert not wrong, "\n".join(wrong)
