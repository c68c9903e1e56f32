"""Certificates of every kind between servers, as proof of the partner where nothing else is: accepted or refused, in both directions."""
import asyncio
import collections

from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.lab.ca import CLIENT, SERVER, CertificateAuthority
from tests.lab.parley import Parley
from tests.lab.waiting import all_right
from tests.lab.xmpp_client import XmppClient
from tests.lab.xmpp_peer import STANDARD, XmppPeer, reason

OURS = "parley.example"
Case = collections.namedtuple("Case", "what domain to_them to_us make", defaults=[None])


def _cases(lab):
    """to_them, to_us: whether a message passes; make(domain) issues the certificate."""
    issue, other = lab.ca.issue, CertificateAuthority(lab.folder / "other-ca", "a CA that nobody trusts")
    middle = CertificateAuthority(lab.folder / "middle-ca", "an intermediate CA", parent=lab.ca)
    stranger = CertificateAuthority(lab.folder / "stranger-ca", "an intermediate CA", parent=other)
    good = [
        Case("good", "a1.example", True, True, lambda d: issue(d)),
        Case("usage of a server alone", "a2.example", True, True, lambda d: issue(d, usages=(SERVER,))),
        Case("no usage at all", "a3.example", True, True, lambda d: issue(d, usages=())),
        Case("usage of a client alone: a server must not show it", "a4.example", False, True, lambda d: issue(d, usages=(CLIENT,))),
        Case("wildcard for one label", "a5.wild.example", True, True, lambda d: issue("*.wild.example")),
        Case("among other names", "a6.example", True, True, lambda d: issue("x.example", d, "y.example")),
        Case("an intermediate that is shown", "a7.example", True, True, lambda d: middle.issue(d, with_issuer=True)),
        Case("IDN", "bücher.example", True, True, lambda d: issue("xn--bcher-kva.example")),
        Case("a common name of somebody else beside the right name", "a8.example", True, True, lambda d: issue(d, common_name="z.example")),
    ]
    bad = [
        Case("another name", "b1.example", False, False, lambda d: issue("c1.example")),
        Case("name of the parent", "sub.b2.example", False, False, lambda d: issue("b2.example")),
        Case("name of a subdomain", "b3.example", False, False, lambda d: issue("sub.b3.example")),
        Case("expired", "b4.example", False, False, lambda d: issue(d, days=-2)),
        Case("not valid yet", "b5.example", False, False, lambda d: issue(d, starts=5)),
        Case("usage for signing code", "b6.example", False, False, lambda d: issue(d, usages=(ExtendedKeyUsageOID.CODE_SIGNING,))),
        Case("usage for mail", "b7.example", False, False, lambda d: issue(d, usages=(ExtendedKeyUsageOID.EMAIL_PROTECTION,))),
        Case("a CA that nobody trusts", "b8.example", False, False, lambda d: other.issue(d)),
        Case("an intermediate that is not shown", "b9.example", False, False, lambda d: middle.issue(d)),
        Case("an intermediate of a CA that nobody trusts", "b10.example", False, False, lambda d: stranger.issue(d, with_issuer=True)),
        Case("a certificate that plays the CA", "b11.example", False, False, lambda d: _issued_by_leaf(lab, d)),
        Case("wildcard for two labels", "a.b12.example", False, False, lambda d: issue("*.example")),
        Case("wildcard for the name itself", "b13.example", False, False, lambda d: issue("*.b13.example")),
        Case("wildcard inside a label", "b14.example", False, False, lambda d: issue("b1*.example")),
        Case("wildcard for everything", "b15.example", False, False, lambda d: issue("*")),
        Case("NUL in the name", "b16.example", False, False, lambda d: issue("b16.example\0.evil.example")),
        Case("common name alone", "b17.example", False, False, lambda d: issue(common_name=d)),
        Case("an address", "b18.example", False, False, lambda d: issue("127.0.0.1")),
        Case("IDN of another", "bücher2.example", False, False, lambda d: issue("xn--bcher-kva.example")),
    ]
    return good + bad


def _issued_by_leaf(lab, domain):
    leaf = CertificateAuthority(lab.folder / "leaf-ca", "no CA", parent=lab.ca, is_ca=False)
    return leaf.issue(domain, with_issuer=True)


async def test_every_kind_of_certificate(lab):
    """TLS required with a trusted certificate; each peer shows its own, and offers and tries EXTERNAL alone."""
    node = await Parley(lab, OURS).start()
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()

    async def one(case):
        wire = case.domain.encode("idna").decode()
        peer = XmppPeer(lab, case.domain, OURS, node.s2s_port, STANDARD, case.make(case.domain), publish=False)
        await peer.start()
        lab.publish_xmpp(wire, peer.port)
        await asyncio.to_thread(node.allow, case.domain, "--via", "xmpp")
        found = await _to_them(peer, user), await peer.gets_in(user)
        return None if found == (case.to_them, case.to_us) else f"{case.what} ({case.domain}): to them, to us {found}"

    await all_right(one(case) for case in _cases(lab))


async def test_further_names_of_a_rule(lab):
    """--tls-name: a partner whose server is another's, and shows that one's certificate. The name counts for this partner
    alone, needs a trusted CA as any other, and stops counting with the rule."""
    other = CertificateAuthority(lab.folder / "other-ca", "a CA that nobody trusts")
    issue = lab.ca.issue
    cases = [
        Case("the further name", "a.example", True, True, lambda d: issue("hosting.example")),
        Case("a wildcard for another further name", "b.example", True, True, lambda d: issue("*.hosting.example")),
        Case("the domain itself, still", "c.example", True, True, lambda d: issue(d)),
        Case("a third name", "d.example", False, False, lambda d: issue("other.hosting.example")),
        Case("the further name, by a CA that nobody trusts", "e.example", False, False, lambda d: other.issue("hosting.example")),
    ]
    node = await Parley(lab, OURS).start()
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    peers = {}

    async def one(case, *rule, to_them, to_us):
        if case.domain not in peers:
            peers[case.domain] = await XmppPeer(lab, case.domain, OURS, node.s2s_port, STANDARD, case.make(case.domain)).start()
        peer = peers[case.domain]
        await asyncio.to_thread(node.allow, case.domain, "--via", "xmpp", *rule)
        found = await _to_them(peer, user, f"by the rule {rule}"), await peer.gets_in(user)
        return None if found == (to_them, to_us) else f"{case.what} ({case.domain}, {rule}): to them, to us {found}"

    rule = ("--tls-name", "hosting.example", "--tls-name", "edge.hosting.example")
    await all_right(one(case, *rule, to_them=case.to_them, to_us=case.to_us) for case in cases)
    # The rule without the name: what was proven by it is over, and proves nothing anew.
    before = await peers[cases[0].domain].connect()
    await all_right([one(cases[0], to_them=False, to_us=False)])
    await peers[cases[0].domain].wait_ended(before)


async def _to_them(peer, user, body="to you"):
    error = await peer.receives_from(user, body)
    if error is not None:
        print(f"{peer.domain}: {reason(error)}")  # for who reads why
    return error is None
