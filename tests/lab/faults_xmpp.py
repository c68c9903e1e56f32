"""The XMPP lines of tests/data/fault-bench.txt: each coroutine makes the partner of its case be so."""
import contextlib
import dataclasses

from .faults import (CLIENT, NO_CLIENT, OURS, CertificateAuthority, hangs_up_after_header, is_a_mail_server,
                     knows_old_tls_only, says_nothing)
from .xmpp_peer import CUP, STANDARD, Product, Refused, XmppPeer
from .xmpp_stream import Closed

DIALBACK_ONLY = Product(external=False)


def _product(base=STANDARD, **changes):
    return dataclasses.replace(base, **changes)


async def _peer(case, product=STANDARD, certificate=None, allow=(), **options):
    if allow is not None:
        await case.allow(*allow)
    return await XmppPeer(case.lab, case.domain, OURS, case.node.s2s_port, product, certificate, **options).start()


# Our own policy.
async def no_rule(case):
    await _peer(case, allow=None)


async def denied(case):
    case.node.ctl("federation", "deny", case.domain)
    await _peer(case, allow=None)


async def one_way_in(case):
    await _peer(case, allow=("--direction", "in"))


async def one_way_out(case):
    await _peer(case, allow=("--direction", "out"))


# DNS.
async def no_srv(case):
    await case.allow()


async def no_srv_no_server(case):
    await case.allow()
    case.lab.dns.a(case.domain, "127.91.17.3")  # where nothing listens on 5269


async def srv_missing_name(case):
    await case.allow()
    case.srv(5269, address=None)


async def srv_dot(case):
    await case.allow()
    case.lab.dns.srv(f"_xmpp-server._tcp.{case.domain}", 0, ".")
    case.lab.dns.a(case.domain, "127.0.0.1")


async def srv_alias(case):
    peer = await _peer(case, publish=False)
    case.srv(peer.port, f"alias.{case.domain}", address=None)
    case.lab.dns.cname(f"alias.{case.domain}", f"real.{case.domain}")
    case.lab.dns.a(f"real.{case.domain}", "127.0.0.1")


async def srv_alias_dead(case):
    await case.allow()
    case.srv(5269, f"alias.{case.domain}", address=None)
    case.lab.dns.cname(f"alias.{case.domain}", f"gone.{case.domain}")


async def srv_wrong_port(case):
    await case.allow()
    case.srv(case.closed_port())


async def srv_other_service(case):
    await case.allow()
    case.srv(await case.port(is_a_mail_server))


async def srv_other_server(case):
    await _peer(case, _product(stream_error=("host-unknown", "not here")))


async def srv_other_kind(case):
    peer = await _peer(case, direct_tls=True, publish=False)
    case.srv(peer.port)


async def neither_protocol(case):
    await case.allow(via="auto")


async def dns_silent(case):
    await case.allow()
    for name in (f"_xmpp-server._tcp.{case.domain}", f"_xmpps-server._tcp.{case.domain}", case.domain):
        case.lab.dns.be_silent(name)


# Connections and TLS.
async def filtered(case):
    await case.allow()
    case.srv(case.black_hole())


async def half_open(case):
    await case.allow()
    case.srv(await case.port(says_nothing))


async def half_open_tls(case):
    await case.allow()
    case.srv(await case.port(says_nothing), name="_xmpps-server")


async def no_tls(case):
    await _peer(case, _product(tls="off"))


async def old_tls(case):
    await case.allow()
    case.srv(await case.port(knows_old_tls_only))


# Their certificate.
async def expired(case):
    await _peer(case, certificate=case.lab.ca.issue(case.domain, days=-3))


async def not_yet_valid(case):
    await _peer(case, certificate=case.lab.ca.issue(case.domain, starts=1))


async def clock_skew(case):
    await _peer(case, certificate=case.lab.ca.issue(case.domain, starts=10 / 1440))


async def expires_soon(case):
    await _peer(case, certificate=case.lab.ca.issue(case.domain, days=5))


async def wrong_name(case):
    await _peer(case, certificate=case.lab.ca.issue("somebody-else.example"))


async def untrusted_ca(case):
    stranger = CertificateAuthority(case.lab.folder / case.name, "nobody's CA")
    await _peer(case, certificate=stranger.issue(case.domain, with_issuer=True))


async def chain_incomplete(case):
    intermediate = CertificateAuthority(case.lab.folder / case.name, "intermediate CA", parent=case.lab.ca)
    await _peer(case, certificate=intermediate.issue(case.domain))


async def wrong_usage(case):
    await _peer(case, certificate=case.lab.ca.issue(case.domain, usages=(CLIENT,)))


# What they think of us.
async def our_usage(case):
    await _peer(case, CUP)
    case.options = ("--from", NO_CLIENT)


async def external_refused(case):
    await _peer(case, _product(external_failure="not-authorized"))


async def external_then_dialback(case):
    await _peer(case, _product(external_failure="not-authorized"), allow=("--dialback",))


async def no_external(case):
    await _peer(case, DIALBACK_ONLY)


async def dialback_denied(case):
    await _peer(case, _product(DIALBACK_ONLY, dialback_answer="policy-violation"), allow=("--dialback",))


async def their_policy(case):
    await _peer(case, _product(stream_error=("policy-violation", f"exchange with {OURS} is not allowed here")))


async def overloaded(case):
    await _peer(case, _product(stream_error=("resource-constraint", "")))


async def hangs_up(case):
    await case.allow()
    case.srv(await case.port(hangs_up_after_header))


# Their way to us.
async def cannot_reach_us(case):
    await _peer(case, _product(dialback_answer="remote-server-not-found"))


async def dialback_not_found(case):
    await _peer(case, _product(DIALBACK_ONLY, dialback_answer="remote-server-not-found"), allow=("--dialback",))


async def dialback_elsewhere(case):
    await _peer(case, _product(DIALBACK_ONLY, dialback_answer="invalid"), allow=("--dialback",))


async def dialback_silent(case):
    await _peer(case, _product(DIALBACK_ONLY, dialback_answer="silent"), allow=("--dialback",))


async def asks_elsewhere(case):
    await _peer(case, _product(dialback_answer="invalid"))


async def way_in_filtered(case):
    await _peer(case, _product(dialback_answer="silent"))


async def no_client_certificate(case):
    peer = await _peer(case, DIALBACK_ONLY, allow=None)
    await case.allow()
    peer.client_context = lambda with_certificate=True: XmppPeer.client_context(peer, with_certificate=False)
    with contextlib.suppress(Closed, Refused):
        await peer.connect()
        raise AssertionError("it was let in")
    peer.product = _product(dialback=False)


# More than one target.
async def one_target_dead(case):
    peer = await _peer(case, publish=False)
    case.srv(case.closed_port(), f"dead.{case.domain}", priority=1)
    case.srv(peer.port, priority=2)


async def one_target_slow(case):
    slow = await _peer(case, _product(delay=0.8), publish=False)
    fast = await _peer(case, allow=None, publish=False)
    case.srv(slow.port, f"slow.{case.domain}", priority=1)
    case.srv(fast.port, f"fast.{case.domain}", priority=2)


async def dead_and_slow(case):
    slow = await _peer(case, _product(delay=0.8), publish=False)
    fast = await _peer(case, allow=None, publish=False)
    case.srv(case.closed_port(), f"dead.{case.domain}", priority=1)
    case.srv(slow.port, f"slow.{case.domain}", priority=2)
    case.srv(fast.port, f"fast.{case.domain}", priority=3)


# What is good.
async def good_external(case):
    await _peer(case)


async def good_dialback(case):
    await _peer(case, DIALBACK_ONLY, allow=("--dialback",))


async def good_plain(case):
    await _peer(case, _product(DIALBACK_ONLY, tls="off"), allow=("--tls", "off", "--plain-dialback"))


async def good_no_dialback(case):
    await _peer(case, _product(dialback=False))


async def good_direct_tls(case):
    await _peer(case, direct_tls=True)


async def good_seen(case):
    peer = await _peer(case, _product(dialback=False))
    await (await peer.connect()).close()
