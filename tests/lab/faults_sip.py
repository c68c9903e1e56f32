"""The SIP lines of tests/data/fault-bench.txt: each coroutine makes the partner of its case be so."""
import email.utils
import time

from .edge import Edge
from .faults import NO_CLIENT, OURS, CertificateAuthority, is_a_mail_server, says_nothing
from .ocs_chat import OutgoingChat, offer
from .products import LYNC, SIMPLE
from .sip_message import SipMessage

LYNC_RULE = ("--profile", "lync")


async def _edge(case, answer=(404, "Not Found"), headers=(), product=LYNC, publish=True, **options):
    """An edge that answers what we ask so; `answer=None`: not at all."""
    await case.allow("--profile", product.profile, via="sip")
    edge = Edge(case.lab, OURS, case.node.sip_tls_port, domain=case.domain, product=product, **options)
    if answer:
        edge.answer_all = lambda request: (*answer, headers)
    return await edge.start(publish=publish)


async def sip_no_rule(case):
    case.federation_srv(case.closed_port())


async def sip_no_federation_srv(case):
    await case.allow(*LYNC_RULE, via="sip")


async def sip_srv_missing_name(case):
    await case.allow(*LYNC_RULE, via="sip")
    case.federation_srv(5061, address=None)


async def sip_wrong_port(case):
    await case.allow(*LYNC_RULE, via="sip")
    case.federation_srv(case.closed_port())


async def sip_filtered(case):
    await case.allow(*LYNC_RULE, via="sip")
    case.federation_srv(case.black_hole())


async def sip_half_open(case):
    await case.allow(*LYNC_RULE, via="sip")
    case.federation_srv(await case.port(says_nothing))


async def sip_no_tls(case):
    await case.allow("--profile", "simple", via="sip")
    case.srv(await case.port(is_a_mail_server), f"sip.{case.domain}", name="_sips")


async def sip_outside(case):
    await _edge(case, host="edge.hosting-company.example")


async def sip_expired(case):
    await _edge(case, certificate=case.lab.ca.issue(f"sip.{case.domain}", days=-3))


async def sip_wrong_name(case):
    await _edge(case, certificate=case.lab.ca.issue("edge.elsewhere.example"))


async def sip_untrusted_ca(case):
    stranger = CertificateAuthority(case.lab.folder / case.name, "nobody's CA")
    certificate = stranger.issue(f"sip.{case.domain}", with_issuer=True)
    certificate.ca = str(case.lab.ca.file)  # whom the edge trusts
    await _edge(case, certificate=certificate)


async def sip_our_usage(case):
    await _edge(case)
    case.options = ("--from", NO_CLIENT)


def _diagnostics(code, reason):
    return [("ms-diagnostics-public", f'{code};reason="{reason}";source="sip.partner.example"')]


async def sip_403(case):
    await _edge(case, (403, "Forbidden"), _diagnostics(1027, "Cannot route this type of SIP request to or from federated partners"))


async def sip_our_srv_outside(case):
    await _edge(case, (504, "Server time-out"), _diagnostics(1009, "No match for domain in DNS SRV results"))


async def sip_our_srv_missing(case):
    await _edge(case, (504, "Server time-out"), _diagnostics(1008, "Unable to resolve DNS SRV record"))


async def sip_408(case):
    await _edge(case, (408, "Request Timeout"))


async def sip_503(case):
    await _edge(case, (503, "Service Unavailable"), [("Retry-After", "120")])


async def sip_silent(case):
    await _edge(case, None)


async def sip_hangs_up(case):
    edge = await _edge(case, None)
    edge.on_message = lambda message: message.connection.writer.close()


async def sip_clock(case):
    await _edge(case, headers=[("Date", email.utils.formatdate(time.time() - 3600, usegmt=True))])


async def sip_one_target_dead(case):
    edge = await _edge(case, publish=False)
    case.federation_srv(case.closed_port(), f"sip.{case.domain}", priority=1)
    case.federation_srv(edge.port, priority=2)


async def sip_good(case):
    await _edge(case, (200, "OK"), product=SIMPLE)


async def sip_404(case):
    await _edge(case)


async def sip_480(case):
    await _edge(case, (480, "Temporarily Unavailable"))


# Answers that say how it goes on.
def _notify(request, via, record_routes=()):
    """The notification that a look-up brings, to what its Contact names."""
    lines = [f"NOTIFY {request.uri('Contact')} SIP/2.0", f"Via: {via}", "Max-Forwards: 70",
             f"From: {request.get('To')};tag=a-notifier", f"To: {request.get('From')}", f"Call-ID: {request.call_id}", "CSeq: 1 NOTIFY",
             *(f"Record-Route: {route}" for route in record_routes), f"Contact: <{request.uri('To')}>", "Event: presence",
             "Subscription-State: terminated;reason=timeout"]
    return SipMessage.from_text("\n".join(lines))


async def sip_no_notify(case):
    await _edge(case, (200, "OK"))


async def sip_notified(case):
    """As an edge does: by a connection of its own, to the host of our Contact."""
    edge = await _edge(case, None)

    async def answer(request):
        edge.respond(request, 200, "OK", [("Expires", "0")], to_tag="a-notifier")
        connection = await edge.dial_target_of(request.uri("Contact"))
        connection.send(_notify(request, edge.vias(connection)[0], edge.record_routes()))

    def on_message(message):
        if not message.is_response and message.method == "SUBSCRIBE":
            case.spawn(answer(message))

    edge.on_message = on_message


async def _refuses_text(case, product, answers):
    """Our user writes to alice there, whose server answers each method so; the user has the error before the test begins."""
    edge = await _edge(case, None, product=product)

    def on_message(message):
        if not message.is_response and message.method in answers:
            answer = answers[message.method]
            answer(edge, message) if callable(answer) else edge.respond(message, *answer)

    edge.on_message = on_message
    user = await case.user()
    user.send_message(f"alice@{case.domain}", "hello")
    await user.wait_error(f"alice@{case.domain}", deadline=30)


def _session(edge, request):
    edge.respond(request, 200, "OK", [("Contact", f"<{edge.product.contact(edge, request.uri('To').removeprefix('sip:'))}>"),
                                      ("Content-Type", "application/sdp")], offer(), to_tag="a-session")


async def sip_invite_488(case):
    await _refuses_text(case, LYNC, {"SUBSCRIBE": (404, "Not Found"), "INVITE": (488, "Not Acceptable Here")})


async def sip_invite_480(case):
    await _refuses_text(case, LYNC, {"SUBSCRIBE": (404, "Not Found"), "INVITE": (480, "Temporarily Unavailable")})


async def sip_message_rejected(case):
    await _refuses_text(case, LYNC, {"SUBSCRIBE": (404, "Not Found"), "INVITE": _session, "MESSAGE": (403, "Forbidden"), "BYE": (200, "OK")})


async def sip_refused_by_us(case):
    edge = await _edge(case, certificate=case.lab.ca.issue(f"sip.{case.domain}"))
    elsewhere = case.lab.ca.issue("edge.elsewhere.example")
    connection = await edge.dial(elsewhere)
    chat = OutgoingChat(edge, f"u1@{OURS}")
    await chat.invite(connection=connection)
    await chat.refused(403)
