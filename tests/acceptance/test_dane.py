"""Certificates of XMPP partners proven by TLSA records (DANE, RFC 7673), in zones that are really signed; and what is refused, in both directions."""
import asyncio
import collections
import json

from tests.lab.ca import CertificateAuthority
from tests.lab.parley import Parley
from tests.lab.prosody import Prosody
from tests.lab.signed_dns import SignedDns, tlsa
from tests.lab.waiting import all_right
from tests.lab.xmpp_client import XmppClient
from tests.lab.xmpp_peer import STANDARD, XmppPeer, reason

OURS = "parley.example"
# zone: "signed", "unsigned"; records(certificate) gives TLSA data; to_them, to_us: whether a message passes; why: part of the reason.
Case = collections.namedtuple("Case", "what domain certificate records to_them to_us why host zone bogus",
                              defaults=("", None, "signed", None))


def _cases(lab):
    issue, own = lab.ca.issue, lab.ca.self_signed
    private = CertificateAuthority(lab.folder / "private-ca", "a CA of its own")
    stranger = own("stranger.example")

    def exactly(usage, selector=1, matching=1):
        return lambda certificate: [tlsa(certificate.chain, usage, selector, matching)]

    def of_ca(authority, usage):
        return lambda _: [tlsa(authority.file, usage, 0, 1)]

    wrong = [tlsa(stranger.chain)]
    no_usable = ["9 1 1 " + "ab" * 32, "3 1 1 abcd", "3 5 1 " + "ab" * 32, "3 1 7 " + "ab" * 32, "3 0 0 3000"]
    return [
        Case("DANE-EE, key, SHA-256", "a1.example", own("a1.example"), exactly(3), True, True),
        Case("DANE-EE, certificate, SHA-512", "a2.example", own("a2.example"), exactly(3, 0, 2), True, True),
        Case("DANE-EE, whole certificate", "a3.example", own("a3.example"), exactly(3, 0, 0), True, True),
        Case("DANE-EE: neither names nor dates matter", "a4.example", own("x.example", days=-2), exactly(3), True, True),
        Case("one of several matches", "a5.example", own("a5.example"), lambda c: wrong + [tlsa(c.chain)] + no_usable, True, True),
        Case("DANE-TA, shown, names the domain", "a6.example", private.issue("a6.example", with_issuer=True), of_ca(private, 2), True, True),
        Case("DANE-TA, names the host of the SRV record", "a7.example", private.issue("xmpp.a7.example", with_issuer=True),
             of_ca(private, 2), True, True),
        Case("PKIX-EE of a trusted CA", "a8.example", issue("a8.example"), exactly(1), True, True),
        Case("PKIX-TA of a trusted CA", "a9.example", issue("a9.example"), of_ca(lab.ca, 0), True, True),
        Case("no record: a certificate for the host will do, outbound", "a10.example", issue("xmpp.a10.example"), lambda _: [], True, False),
        Case("a zone without signatures: as ever, by its CA", "a12.example", issue("a12.example"), exactly(3), True, True, zone="unsigned"),
        Case("no usable record counts as none", "a11.example", issue("a11.example"), lambda _: no_usable, True, True),

        Case("another key", "b1.example", own("b1.example"), lambda _: wrong, False, False, "b1.example TLSA 3 1 1"),
        # What came to us is proven by its CA; where we connect, the record is the word of its administrator.
        Case("another key, though a trusted CA has signed", "b2.example", issue("b2.example"), lambda _: wrong, False, True, "DANE"),
        Case("DANE-TA names neither domain nor host", "b3.example", private.issue("c.example", with_issuer=True), of_ca(private, 2),
             False, False, "it names c.example"),
        Case("DANE-TA, expired", "b4.example", private.issue("b4.example", with_issuer=True, days=-2), of_ca(private, 2), False, False, "expired"),
        Case("PKIX-EE without a trusted CA", "b5.example", own("b5.example"), exactly(1), False, False, "DANE"),
        Case("PKIX-TA of another CA", "b6.example", issue("b6.example"), of_ca(private, 0), False, True, "DANE"),
        Case("no usable record, and no trusted CA", "b7.example", own("b7.example"), lambda _: no_usable, False, False, "not trusted"),
        Case("a zone without signatures", "b8.example", own("b8.example"), exactly(3), False, False, "not trusted", zone="unsigned"),
        Case("the host's name in a zone without signatures", "b9.example", issue("xmpp.b9.example"), lambda _: [], False, False,
             "does not name b9.example", zone="unsigned"),
        Case("a bogus TLSA record", "b10.example", own("b10.example"), exactly(3), False, False, "fails its DNSSEC check",
             bogus=(r"(\sTLSA\s+3 1 1 )[0-9a-f]{2}", r"\g<1>00")),
        Case("a bogus SRV record", "b11.example", issue("b11.example"), lambda _: [], False, True, "fails its DNSSEC check",
             bogus=(r"(\sSRV\s+)0 0", r"\g<1>0 1")),
        Case("a bogus address", "b12.example", issue("b12.example"), lambda _: [], False, True, "fails its DNSSEC check",
             bogus=(r"(xmpp\.b12\.example\.\s.*\sA\s+127\.0\.0\.)1", r"\g<1>2")),
    ]


async def _start(lab, dns, **more):
    await dns.start()
    settings = {**{("dns", key): value for key, value in more.items()},
                ("dns", "trust_anchor"): f'"{dns.trust_anchor}"', ("limits", "s2s_connect"): '"5s"'}  # bogus answers are asked for again
    return await Parley(lab, OURS, settings=settings).start()


async def _peers(lab, cases):
    """The signed zones first: they are made once, and name the ports of the peers."""
    dns = SignedDns(lab)
    peers = [XmppPeer(lab, case.domain, OURS, 0, STANDARD, case.certificate, publish=False) for case in cases]
    for case, peer in zip(cases, peers):
        records = case.records(case.certificate)
        if case.zone == "signed":
            dns.xmpp_zone(case.domain, peer.port, tlsa_records=records, bogus=case.bogus)
            continue
        lab.publish_xmpp(case.domain, peer.port)
        for data in records:
            lab.dns.tlsa(f"_{peer.port}._tcp.xmpp.{case.domain}", data)
    node = await _start(lab, dns)
    for peer in peers:
        peer.our_port = node.s2s_port
        await peer.start()
    return node, peers


async def test_what_proves_a_server_that_we_connect_to(lab):
    """TLS required with a trusted certificate: the TLSA records of a signed zone decide, and the reason of each refusal names the cause."""
    cases = _cases(lab)
    node, peers = await _peers(lab, cases)
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()

    async def one(case, peer):
        await asyncio.to_thread(node.allow, case.domain, "--via", "xmpp")
        error = await peer.receives_from(user)
        if (error is None) != case.to_them or (error is not None and case.why not in reason(error)):
            return f"{case.what} ({case.domain}): {'arrived' if error is None else reason(error)}"

    await all_right(one(case, peer) for case, peer in zip(cases, peers))


async def test_what_proves_a_server_that_connects_to_us(lab):
    """EXTERNAL is offered to whom its own domain vouches for, and to nobody else; a trusted CA needs no DNS."""
    cases = _cases(lab)
    node, peers = await _peers(lab, cases)
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()

    async def one(case, peer):
        await asyncio.to_thread(node.allow, case.domain, "--via", "xmpp")
        came = await peer.gets_in(user)
        return None if came == case.to_us else f"{case.what} ({case.domain}): {'let in' if came else 'refused'}"

    await all_right(one(case, peer) for case, peer in zip(cases, peers))
    assert "show.proof-dane" in await node.finding_ids("federation", "show", "a1.example")
    assert "show.proof-pkix" in await node.finding_ids("federation", "show", "a8.example")


async def test_an_unsigned_zone_below_a_signed_one(lab):
    """The parent proves that the child is not signed: the child's domain works by its CA as ever, and its TLSA records mean nothing."""
    dns = SignedDns(lab)
    good = XmppPeer(lab, "good.parent.example", OURS, 0, STANDARD, publish=False)
    own = XmppPeer(lab, "own.parent.example", OURS, 0, STANDARD, lab.ca.self_signed("own.parent.example"), publish=False)
    dns.zone("parent.example", *(f"{child} NS ns.{child}\nns.{child} A 127.0.0.1" for child in ("good", "own")))
    for peer in (good, own):
        dns.xmpp_zone(peer.domain, peer.port, tlsa_records=[tlsa(own.certificate.chain)], sign=False)
    node = await _start(lab, dns)
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    for peer in (good, own):
        peer.our_port = node.s2s_port
        await peer.start()
        node.allow(peer.domain, "--via", "xmpp")
    assert await good.receives_from(user) is None
    assert await good.gets_in(user)
    error = await own.receives_from(user)
    assert error is not None and "not trusted" in reason(error)
    assert not await own.gets_in(user)


async def test_inner_domains_that_their_parent_does_not_know(lab):
    """The signed parent proves that there are none; `[dns] unsigned` lets one work as without DNSSEC, and no other."""
    dns = SignedDns(lab)
    dns.zone("parent.example")
    peers = [XmppPeer(lab, f"{name}.parent.example", OURS, 0, STANDARD, publish=False) for name in ("corp", "lost")]
    for peer in peers:
        dns.xmpp_zone(peer.domain, peer.port, sign=False)
    node = await _start(lab, dns, unsigned='["corp.parent.example"]')
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    for peer in peers:
        await peer.start()
        node.allow(peer.domain, "--via", "xmpp")
    assert await peers[0].receives_from(user) is None
    error = await peers[1].receives_from(user)
    assert error is not None and "fails its DNSSEC check" in reason(error), error and reason(error)


async def test_an_administrator_sees_what_proved_a_partner(lab):
    """`federation test`, `federation show` and `explain` say DANE; a wrong record and a bogus one have rule ids of their own."""
    cases = [case for case in _cases(lab) if case.domain in ("a1.example", "b1.example", "b10.example", "b11.example")]
    node, peers = await _peers(lab, cases)
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    for case in cases:
        await asyncio.to_thread(node.allow, case.domain, "--via", "xmpp")
    found = {case.domain: await node.finding_ids("federation", "test", case.domain) for case in cases}
    assert "test.identity-dane" in found["a1.example"] and "test.stream-ready" in found["a1.example"], found
    assert "test.identity-tlsa" in found["b1.example"] and "test.stream-ready" not in found["b1.example"], found
    assert "test.dns-no-server" in found["b10.example"] and "test.dns-bogus" in found["b11.example"], found
    refused = next(peer for peer in peers if peer.domain == "b1.example")
    assert not await refused.gets_in(user)
    assert f"_{refused.port}._tcp.xmpp.b1.example TLSA 3 1 1" in node.process.log(), "the log says why"
    assert await peers[0].receives_from(user) is None
    assert "show.proof-dane" in await node.finding_ids("federation", "show", "a1.example")
    assert "show.proof-dane" in await node.finding_ids("explain", user.jid, "alice@a1.example")
    assert "DANE" in (await asyncio.to_thread(node.ctl, "federation", "show", "a1.example")).stdout


async def test_the_plan_has_our_own_record(lab):
    """`dns plan` proposes a TLSA record for each port, sees when it is there, and warns when another is."""
    certificate = lab.ca.issue(OURS, f"sip.{OURS}")
    dns = SignedDns(lab)
    base = lab.port_block()
    plain, direct = base + 69, base + 70
    stranger = lab.ca.self_signed("stranger.example")
    dns.zone(OURS, f"_{plain}._tcp.xmpp TLSA {tlsa(certificate.chain)}", f"_{direct}._tcp.xmpp TLSA {tlsa(stranger.chain)}")
    await dns.start()
    node = Parley(lab, OURS, settings={("dns", "trust_anchor"): f'"{dns.trust_anchor}"'}, certificate=certificate)
    node.base = base
    await node.start()

    async def records():
        done = await asyncio.to_thread(node.ctl, "--json", "dns", "plan", check=False)
        return {f["subject"].split(" ")[0]: (f["id"], f["subject"]) for f in json.loads(done.stdout)["result"]["findings"] if " TLSA " in f["subject"]}

    found = await records()
    wanted = f"TLSA {tlsa(certificate.chain)}"
    assert found[f"_{plain}._tcp.xmpp.{OURS}."] == ("plan.tlsa-there", f"_{plain}._tcp.xmpp.{OURS}. {wanted}"), found
    assert found[f"_{direct}._tcp.xmpp.{OURS}."] == ("plan.tlsa-differs", f"_{direct}._tcp.xmpp.{OURS}. {wanted}"), found


async def test_rules_that_ask_for_less_go_on_working(lab):
    """--untrusted-certificate lets a certificate pass that its TLSA record does not fit; --dialback alone does not."""
    cases = [case for case in _cases(lab) if case.domain in ("b1.example", "b2.example")]
    node, peers = await _peers(lab, cases)
    user = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    await asyncio.to_thread(node.allow, "b1.example", "--via", "xmpp", "--dialback", "--untrusted-certificate")
    await asyncio.to_thread(node.allow, "b2.example", "--via", "xmpp", "--dialback")
    assert await peers[0].receives_from(user) is None
    error = await peers[1].receives_from(user)
    assert error is not None and "DANE" in reason(error)


async def test_prosody_that_only_dns_proves(lab):
    """A Prosody with a self-signed certificate: without its TLSA record we would refuse it, in both directions."""
    theirs = "prosody.example"
    certificate, for_clients = lab.ca.self_signed(theirs), lab.ca.issue(theirs)
    c2s = f'c2s_ssl = {{ key = "{for_clients.key}", certificate = "{for_clients.chain}" }}'
    dns = SignedDns(lab)
    prosody = Prosody(lab, theirs, certificate=certificate, ca=lab.ca.file, extra=c2s)
    dns.xmpp_zone(theirs, prosody.s2s_port, tlsa_records=[tlsa(certificate.chain)])
    node = await _start(lab, dns)
    await prosody.start()
    node.allow(theirs, "--via", "xmpp")
    ours = await XmppClient(lab, node.add_user("u1"), "secret", node.address).start()
    other = await XmppClient(lab, prosody.add_user("alice"), "secret", prosody.address).start()
    ours.send_message(other.jid, "to you")
    await other.wait_message("to you", ours.jid)
    other.send_message(ours.jid, "to me")
    await ours.wait_message("to me", other.jid)
    assert (await node.finding_ids("federation", "show", theirs)).count("show.proof-dane") == 2
