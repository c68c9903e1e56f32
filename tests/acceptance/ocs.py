"""What the OCS tests share: a node with user u1, an edge of contoso.example, and the partner's settings."""
from tests.lab.edge import Edge
from tests.lab.parley import Parley
from tests.lab.xmpp_client import XmppClient

OURS, THEIRS = "cup.example", "contoso.example"
U1, ALICE = f"u1@{OURS}", f"alice@{THEIRS}"


async def node_and_edge(lab, allow=True, login=True, profile="ocs", settings=None, **edge_options):
    """Returns (node, edge, client of u1 or None)."""
    node = await Parley(lab, OURS, settings).start()
    edge = await Edge(lab, OURS, node.sip_tls_port, domain=THEIRS, **edge_options).start()
    if allow:
        node.allow(THEIRS, "--via", "sip", "--profile", profile)
    node.add_user("u1")
    user = await login_u1(lab, node) if login else None
    return node, edge, user


async def login_u1(lab, node, **options):
    return await XmppClient(lab, U1, "secret", node.address, **options).start()


async def nothing_came(user):
    """The server has done all that it was asked before this, and the user got nothing from the partner."""
    await user.stream["xep_0199"].ping(jid=OURS)
    assert not user.presences(ALICE), f"the user heard of it: {user.presences(ALICE)}"
    assert not user.messages(ALICE), f"the user heard of it: {user.messages(ALICE)}"
