"""Every line of tables 9 to 12 of tests/data/presence-tables.txt, over real streams: what Sametime's and WebEx's users look like at our
clients, and our clients' users at partners of each kind. One node, a peer of each kind, a client of each kind."""
import asyncio
import dataclasses

from tests.lab import presence_tables
from tests.lab.parley import Parley
from tests.lab.xmpp_client import BUSY, IDLE, SHOWS, XmppClient
from tests.lab.xmpp_peer import SAMETIME, STANDARD, WEBEX, XmppPeer
from tests.lab.xmpp_stream import SERVER

OURS = "cup.example"
KINDS = ("third-party", "native")
MEETING = "In a meeting"


async def _node(lab, *products):
    """A node with peers of these kinds and a client of each kind: (peers by profile, clients by kind)."""
    node = await Parley(lab, OURS).start()
    peers = {}
    for product in products:
        peer = await XmppPeer(lab, f"{product.profile}.example", OURS, node.s2s_port, product).start()
        node.allow(peer.domain, "--profile", product.profile)
        peers[product.profile] = peer
    clients = {}
    for kind in KINDS:
        jid = node.add_user(kind)
        clients[kind] = await XmppClient(lab, jid, "secret", node.address, native=kind == "native").start()
    return peers, clients


async def test_what_our_clients_show_of_a_partners_users(lab):
    """Tables 9 and 10: each state as the partner's server says it, with a text of the contact's own and without."""
    peers, clients = await _node(lab, SAMETIME, WEBEX)
    checked = await asyncio.gather(*(_shown_here(peer, clients) for peer in peers.values()))
    assert sum(checked) == sum(len(presence_tables.lines(profile)) for profile in peers) == 20, checked


async def _shown_here(peer, clients):
    contact = f"alice@{peer.domain}"
    for client in clients.values():
        client.subscribe(contact)
        await peer.wait_presence(client.jid, "subscribe")
        await peer.presence(contact, client.jid, "subscribed")
        await client.wait_presence(contact, "subscribed")
    checked = 0
    for kind, client in clients.items():
        for line in presence_tables.lines(peer.product.profile, kind):
            state, _, what = line.state.partition(" (")
            for own in [MEETING] if what else [None, "Back at 5"]:
                show = {"Available": None, "Offline": None}.get(state, SHOWS.get(state))
                mark = client.mark()
                await peer.presence(f"{contact}/desk", client.jid, "unavailable" if state == "Offline" else None, show, own)
                presence = await client.wait_presence(contact, since=mark)
                assert presence.xml.find("{urn:parley:presence:0}in-meeting") is None, f"our own mark has left us: {presence}"
                wanted = own or ("" if line.added == "own" else line.added)
                shown = client.state_shown(presence)
                assert shown == (line.shown, wanted), f"{line} with {own}: shown as {shown}"
            checked += 1
    return checked


async def test_what_a_partner_shows_of_our_users(lab):
    """Tables 11 and 12: each state of a client, with a text and without, as the partner's clients read it."""
    parley = dataclasses.replace(STANDARD, profile="parley")
    peers, clients = await _node(lab, STANDARD, SAMETIME, WEBEX, parley)
    viewers = {"federated-native": ("xmpp", "parley"), "federated-third-party": ("xmpp", "parley"), "webex": ("webex",), "sametime": ("sametime",)}
    for client in clients.values():
        for peer in peers.values():
            await _watch(peer, client)
    checked = set()
    for kind, client in clients.items():
        for state in dict.fromkeys(line.state for viewer in viewers for line in presence_tables.lines(kind, viewer)):
            for own in (None,) if state == "Offline" else (None, "Back at 5"):
                marks = {profile: peer.arrived.mark() for profile, peer in peers.items()}
                if state == "Away (Idle)":  # by the text alone, as old clients do, or by the element beside a text
                    client.set_state("Idle", own) if own else client.set_state("Away", "Idle")
                else:
                    client.set_state(state, own)
                for viewer, profiles in viewers.items():
                    (line,) = [line for line in presence_tables.lines(kind, viewer) if line.state == state]
                    for profile in profiles:
                        stanza = await peers[profile].wait_presence(client.jid, since=marks[profile])
                        _check(line, own, profile, stanza)
                    checked.add(line)
    assert len(checked) == sum(len(presence_tables.lines(viewer=viewer)) for viewer in viewers) == 44, len(checked)


async def _watch(peer, client):
    watcher = f"bob@{peer.domain}"
    await peer.presence(watcher, client.jid, "subscribe")
    await client.wait_presence(watcher, "subscribe")
    client.allow(watcher)
    await peer.wait_presence(client.jid, "available")


def _check(line, own, profile, stanza):
    shown, added = _read(line.viewer, stanza, own)
    # "Idle" is said with a text for those who do not know its element: table 11 names the state, table 12 the text.
    same = (shown, added) == (line.shown, line.added) or (
        (line.shown, line.added) == ("Away", "Idle") and shown == "Idle" and (own or stanza.findtext(SERVER + "status") == "Idle"))
    assert same, f"{line} at {profile} with {own}: {shown!r}, {added!r}"
    marked = stanza.find("{urn:parley:presence:0}added-status") is not None
    assert not marked or profile == "parley", f"our own mark has left us: {stanza}"
    if own and line.shown != "Offline":
        assert stanza.findtext(SERVER + "status") == own, "a text of the user's own always travels"


def _read(viewer, stanza, own):
    """The state that such a client shows, and the text that is not the user's own."""
    text = stanza.findtext(SERVER + "status") or ""
    if stanza.get("type") == "unavailable":
        return "Offline", ""
    assert stanza.get("type") is None
    show = stanza.findtext(SERVER + "show") or ""
    state = {"": "Available", "away": "Away", "xa": "Extended Away", "dnd": "Do Not Disturb"}[show]
    if viewer == "federated-native" and state == "Extended Away":
        state = "Away"
    if state == "Away":
        if viewer == "federated-native" and stanza.find(BUSY) is not None:
            state = "Busy"
        elif stanza.find(IDLE) is not None or text == "Idle":
            state = "Idle"
    if viewer in ("webex", "sametime"):
        assert stanza.find(BUSY) is None, "these have never heard of it"
    return state, "" if text == own or state == "Idle" and text == "Idle" else text
