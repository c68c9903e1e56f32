"""Every line of tests/data/presence-tables.txt that is about a SIP partner, on both wires: a partner's documents at our clients, and
our clients' presence at the partner's edge. One node, an edge of each kind, a client of each kind."""
import asyncio

from tests.lab import presence_tables
from tests.lab.edge import Edge
from tests.lab.ocs_watch import Presentity, Watch
from tests.lab.parley import Parley
from tests.lab.pidf import Presence
from tests.lab.products import AOL, LYNC, OCS, SIMPLE
from tests.lab.xmpp_client import XmppClient

OURS = "cup.example"
KINDS = ("third-party", "native")


async def _node(lab):
    """A node with edges of all kinds and a client of each kind: (edges by profile, clients by kind)."""
    node = await Parley(lab, OURS).start()
    edges = {}
    for product in (OCS, LYNC, AOL, SIMPLE):
        edge = Edge(lab, OURS, node.sip_tls_port, domain=f"{product.profile}.example", product=product)
        edges[product.profile] = await edge.start()
        node.allow(edge.domain, "--via", "sip", "--profile", product.profile, "--trusted-by-partner")
    clients = {}
    for kind in KINDS:
        jid = node.add_user(kind)
        clients[kind] = await XmppClient(lab, jid, "secret", node.address, native=kind == "native").start()
    return edges, clients


async def test_what_our_clients_show_of_a_partners_users(lab):
    """The partner's document for each state, with and without a text of the contact's own, at both kinds of client."""
    edges, clients = await _node(lab)
    checked = await asyncio.gather(*(_shown_here(edge, clients) for edge in edges.values()))
    assert sum(checked) == sum(len(presence_tables.lines(profile)) for profile in edges) == 46, checked


async def _shown_here(edge, clients):
    contact = f"alice@{edge.domain}"
    seen = {}
    for kind, client in clients.items():
        client.subscribe(contact)
        seen[kind] = await Presentity.expect(edge, contact, client.jid)
        seen[kind].accept(3600)
        await seen[kind].notify_state("Offline")
        await client.wait_presence(contact, "subscribed")
    checked = 0
    for state in dict.fromkeys(line.state for line in presence_tables.lines(edge.product.profile)):
        before = "Away" if state == "Available" else "Available"  # so that each step is a change
        for kind, client in clients.items():
            (line,) = [line for line in presence_tables.lines(edge.product.profile, kind) if line.state == state]
            for own in (None, "Back at 5"):
                await _becomes(client, seen[kind], contact, before)
                shown, text = await _becomes(client, seen[kind], contact, state, own)
                wanted = line.added if own is None or line.shown == "Offline" else own
                assert (shown, text) == (line.shown, wanted), f"{line} with {own}: shown as {shown} with {text!r}"
            checked += 1
    return checked


async def _becomes(client, presentity, contact, state, own=None):
    """What the client shows once the contact's server has said this."""
    mark = client.mark()
    await presentity.notify_state(state, own)
    presence = await client.journal.wait_for(
        f"a presence of {contact}, who is {state}", lambda s: s.name == "presence" and s["from"].bare == contact, mark)
    assert presence.xml.find("{urn:parley:presence:0}added-status") is None, f"our own mark has left us: {presence}"
    return client.state_shown(presence)


async def test_what_a_partner_shows_of_our_users(lab):
    """Each state of a client, with a text and without: every partner's edge gets the document that its users see as the table says."""
    edges, clients = await _node(lab)
    watches = {}
    for kind, client in clients.items():
        for profile, edge in edges.items():
            watches[kind, profile] = await _watch(edge, client)
    checked = 0
    for kind, client in clients.items():
        for state in ("Available", "Busy", "Idle", "Away", "Extended Away", "Do Not Disturb", "Offline"):
            lines = {p: [line for line in presence_tables.lines(kind, p) if line.state == state] for p in edges}
            if not any(lines.values()):
                continue
            for own in ("Back at 5", None):  # in this order each step is seen by its text, or by its end
                client.set_state(state, own)
                for profile, edge in edges.items():
                    shown = await _seen_at(watches[kind, profile], own, state == "Offline")
                    for line in lines[profile]:
                        assert shown == line.shown, f"{line}: shown as {shown}"
                        checked += own is None or state == "Offline"
                if state == "Offline":
                    break
            client.set_state("Available")
    assert checked == sum(len(presence_tables.lines(viewer=profile)) for profile in edges) == 44, checked


async def _watch(edge, client):
    watch = Watch(edge, client.jid)
    await watch.send()
    await watch.accepted()
    await client.wait_presence(watch.watcher, "subscribe")
    client.allow(watch.watcher)
    await watch.notified("open")
    return watch


async def _seen_at(watch, own, offline):
    """The state that the edge's users see, once a notification has this text; nothing is said of who is offline."""
    while True:
        presence = Presence((await watch.next_notify()).body)
        if presence.notes == ([own] if own and not offline else []) and (presence.basic == "closed") == offline:
            return watch.edge.product.shows(presence)
