"""Certificates of XMPP partners proven by a document of their web server (POSH, RFC 7711), in both directions."""
import asyncio
import collections
import json

from tests.lab.ca import CertificateAuthority
from tests.lab.parley import Parley
from tests.lab.signed_dns import SignedDns, tlsa
from tests.lab.waiting import all_right
from tests.lab.web_server import WebServer, posh_document
from tests.lab.xmpp_client import XmppClient
from tests.lab.xmpp_peer import STANDARD, XmppPeer, reason

OURS = "parley.example"
PATH = "/.well-known/posh/xmpp-server.json"
ON = {("federation", "posh"): "true"}
# publish(web, domain, certificate) puts something onto the domain's web server; passes: in both directions; why: part of the reason.
Case = collections.namedtuple("Case", "what domain publish passes why make", defaults=("", None))


def _cases(lab):
    stranger = lab.ca.self_signed("stranger.example")

    def document(**options):
        return lambda web, domain, certificate: web.posh(domain, posh_document(certificate.chain, **options))

    def of_another(web, domain, _):
        web.posh(domain, posh_document(stranger.chain))

    def by_reference(web, domain, certificate):
        web.answer("hosting.example", f"/{domain}.json", posh_document(certificate.chain))
        web.posh(domain, json.dumps({"url": f"https://hosting.example/{domain}.json", "expires": 86400}))

    def by_two_references(web, domain, certificate):
        web.answer("hosting.example", f"/{domain}.json", json.dumps({"url": f"https://hosting.example/{domain}-2.json", "expires": 86400}))
        web.answer("hosting.example", f"/{domain}-2.json", posh_document(certificate.chain))
        web.posh(domain, json.dumps({"url": f"https://hosting.example/{domain}.json", "expires": 86400}))

    def by_redirect(web, domain, certificate):
        web.answer("hosting.example", f"/{domain}.json", posh_document(certificate.chain))
        web.answer(domain, PATH, "", "302 Found", [f"Location: https://hosting.example/{domain}.json"])

    def to_plain_http(web, domain, certificate):
        web.answer(domain, PATH, "", "302 Found", [f"Location: http://hosting.example/{domain}.json"])

    def silent(web, domain, _):
        web.answers[domain, PATH] = None

    return [
        Case("a document", "a1.example", document(), True),
        Case("SHA-512 alone", "a2.example", document(digests=("sha-512",)), True),
        Case("a reference", "a3.example", by_reference, True),
        Case("a redirect", "a4.example", by_redirect, True),
        Case("the certificate of a hoster, which names another", "a5.example", document(), True, "",
             lambda: lab.ca.issue("hosting.example")),
        Case("no document", "b1.example", lambda *_: None, False, "no POSH document"),
        Case("of another certificate", "b2.example", of_another, False, "fingerprint of another certificate"),
        Case("a reference to a reference", "b3.example", by_two_references, False, "another reference"),
        Case("a redirect to http", "b4.example", to_plain_http, False, "no https address"),
        Case("it has expired", "b5.example", document(expires=0), False, "has expired"),
        Case("the certificate has expired", "b6.example", document(), False, "it has expired",
             lambda: lab.ca.self_signed("b6.example", days=-2)),
        Case("a page instead", "b7.example", lambda web, domain, _: web.posh(domain, "<html>"), False, "no JSON"),
        Case("too large", "b8.example", lambda web, domain, _: web.posh(domain, " " * 70_000), False, "cannot be read"),
        Case("silence", "b9.example", silent, False, "no answer in time"),
    ]


async def test_what_a_web_server_proves(lab):
    """Self-signed certificates: the document of the domain's web server lets a message pass, and lets the partner in."""
    cases = _cases(lab)
    web = await WebServer(lab, "hosting.example", *(case.domain for case in cases)).start()
    node = await Parley(lab, OURS, settings=ON).start()
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()

    async def one(case):
        certificate = case.make() if case.make else lab.ca.self_signed(case.domain)
        case.publish(web, case.domain, certificate)
        peer = await XmppPeer(lab, case.domain, OURS, node.s2s_port, STANDARD, certificate).start()
        await asyncio.to_thread(node.allow, case.domain, "--via", "xmpp")
        error = await peer.receives_from(user)
        came = await peer.gets_in(user)
        why = "" if error is None else reason(error)
        if (error is None, came) != (case.passes, case.passes) or case.why not in why:
            return f"{case.what} ({case.domain}): to them {why or 'arrived'}, to us {came}"

    await all_right(one(case) for case in cases)
    assert [asked for asked in web.asked if asked == ("a1.example", PATH)] == [("a1.example", PATH)], "kept, and asked once"
    shown = await node.finding_ids("federation", "show", "a1.example")
    assert {i for i in shown if i.startswith("show.proof-")} == {"show.proof-posh"} and shown.count("show.link") >= 2, shown
    assert "test.identity-posh" in await node.finding_ids("federation", "test", "a1.example")


async def test_the_web_server_must_prove_itself(lab):
    """A web server of a CA that nobody trusts, and one that names another, are asked nothing."""
    stranger = CertificateAuthority(lab.folder / "other-ca", "a CA that nobody trusts")
    webs = [await WebServer(lab, "b1.example", certificate=stranger.issue("b1.example")).start(),
            await WebServer(lab, "b2.example", certificate=lab.ca.issue("c.example")).start()]
    node = await Parley(lab, OURS, settings=ON).start()
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    for domain, web, why in (("b1.example", webs[0], "not trusted"), ("b2.example", webs[1], "its certificate names c.example")):
        certificate = lab.ca.self_signed(domain)
        web.posh(domain, posh_document(certificate.chain))
        peer = await XmppPeer(lab, domain, OURS, node.s2s_port, STANDARD, certificate).start()
        await asyncio.to_thread(node.allow, domain, "--via", "xmpp")
        error = await peer.receives_from(user)
        assert error is not None and why in reason(error), reason(error)
        assert not await peer.gets_in(user)
        assert web.asked == []


async def test_web_servers_are_asked_last_and_only_where_that_is_wished(lab):
    """Off unless it is turned on; a trusted CA and DANE need no web server; where DANE speaks against a certificate, no document helps."""
    dns = SignedDns(lab)
    web = await WebServer(lab, "trusted.example", "off.example", certificate=lab.ca.issue(
        "trusted.example", "dane.example", "wrong.example", "off.example")).start()
    own = {domain: lab.ca.self_signed(domain) for domain in ("dane.example", "wrong.example", "off.example")}
    own["trusted.example"] = lab.ca.issue("trusted.example")
    peers = {domain: XmppPeer(lab, domain, OURS, 0, STANDARD, certificate, publish=False) for domain, certificate in own.items()}
    for domain in ("dane.example", "wrong.example"):
        dns.xmpp_zone(domain, peers[domain].port, f"@ A {web.address}", tlsa_records=[tlsa(own["dane.example"].chain)])
    for domain in ("trusted.example", "off.example"):
        lab.publish_xmpp(domain, peers[domain].port)
    await dns.start()
    for domain, certificate in own.items():
        web.posh(domain, posh_document(certificate.chain))
    node = await Parley(lab, OURS, settings={**ON, ("dns", "trust_anchor"): f'"{dns.trust_anchor}"'}).start()
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    for domain, peer in peers.items():
        peer.our_port = node.s2s_port
        await peer.start()
        node.allow(domain, "--via", "xmpp")
    for domain in ("trusted.example", "dane.example"):
        assert await peers[domain].receives_from(user) is None
        assert await peers[domain].gets_in(user)
    error = await peers["wrong.example"].receives_from(user)
    assert error is not None and "DANE" in reason(error)
    assert not await peers["wrong.example"].gets_in(user)
    assert web.asked == []
    assert await peers["off.example"].receives_from(user) is None
    assert len(web.asked) == 1

    off = await Parley(lab, "other.example").start()
    other = await XmppClient(lab, off.add_user("u1"), "secret", off.address).start()
    off.allow("off.example", "--via", "xmpp")
    error = await peers["off.example"].receives_from(other, "from the other")
    assert error is not None and "not trusted" in reason(error)
    assert len(web.asked) == 1
