"""What the tests of simulated partners share: a node with user u1, and an edge of the given product with its user alice."""
from tests.lab.edge import Edge
from tests.lab.parley import Parley
from tests.lab.xmpp_client import XmppClient

OURS = "cup.example"
U1 = f"u1@{OURS}"


class Pair:
    """`node`, `edge` and `user` (the client of u1); `alice` is the address of the partner's user."""

    def __init__(self, lab, node, edge, user):
        self.lab, self.node, self.edge, self.user = lab, node, edge, user
        self.alice = f"alice@{edge.domain}"

    async def settled(self):
        """The server has done all that it was asked before this."""
        await self.user.stream["xep_0199"].ping(jid=OURS)


async def node_and_edge(lab, product, domain, options=(), settings=None, **edge_options):
    node = await Parley(lab, OURS, settings).start()
    edge = await Edge(lab, OURS, node.sip_tls_port, domain=domain, product=product, **edge_options).start()
    node.allow(domain, "--via", "sip", "--profile", product.profile, *options)
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    return Pair(lab, node, edge, user)
