"""Messages with a partner's edge: sessions that its users open (scenario S4) and sessions that ours open (S5)."""
import base64

from .products import STYLE, hex_digits
from .sip_message import SipMessage, host_of

ACCEPT_TYPES = ("text/plain multipart/alternative image/gif text/rtf text/html application/x-ms-ink application/ms-imdn+xml "
                "text/x-msmsgsinvite")
TYPING = '<?xml version="1.0"?><KeyboardActivity><status status="{}"/></KeyboardActivity>'


def offer(target="null", media="message", with_types=True):
    lines = ["v=0", "o=- 0 0 IN IP4 10.78.251.56", "s=session", "c=IN IP4 10.78.251.56", "t=0 0", f"m={media} 5060 sip {target}"]
    if with_types:
        lines.append(f"a=accept-types:{ACCEPT_TYPES}")
    return "\r\n".join(lines) + "\r\n"


def media_line(body):
    lines = [line for line in body.decode().splitlines() if line.startswith("m=")]
    assert len(lines) == 1, f"the description has {len(lines)} media lines"
    return lines[0]


def accept_types(body):
    found = [line.partition(":")[2].split() for line in body.decode().splitlines() if line.startswith("a=accept-types:")]
    assert len(found) == 1, "no a=accept-types"
    return found[0]


class _Dialog:
    """What both directions share once the dialog stands: requests in it, sent with the edge's Via and Record-Route."""

    edge = call_id = local = remote = remote_target = None

    def __init__(self):
        self.cseq = 0
        self.since = self.edge.journal.mark()

    async def send(self, method, body=b"", content_type=None, headers=(), connection=None, cseq=None, remote_target=None):
        connection = connection or await self.edge.trunk()
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        via = self.edge.vias(connection)
        lines = [f"{method} {remote_target or self.remote_target} SIP/2.0", *(f"Via: {one}" for one in via[:2]), "Max-Forwards: 68",
                 *(f"Record-Route: {route}" for route in self.edge.record_routes()),
                 f"From: {self.local}", f"To: {self.remote}", f"Call-ID: {self.call_id}", f"CSeq: {cseq} {method}",
                 f"User-Agent: {self.edge.product.client}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if content_type:
            lines.append(f"Content-Type: {content_type}")
        sent = SipMessage.from_text("\n".join(lines), body)
        connection.send(sent)
        return sent

    async def request(self, method, *arguments, expect=200, deadline=15, **options):
        """Sends and returns the final answer, which has to be `expect`."""
        sent = await self.send(method, *arguments, **options)
        answer = await self.edge.wait_response(self.call_id, sent.cseq, method, since=self.since, deadline=deadline)
        assert answer.status == expect, f"{method} was answered {answer.start_line}, not {expect}"
        assert answer.get_all("Via") == sent.get_all("Via"), "Via not as sent"
        return answer

    async def message(self, text, expect=200, content_type=f"text/plain; charset=UTF-8;msgr={STYLE}"):
        return await self.request("MESSAGE", text.encode(), content_type, expect=expect)

    async def typing(self, status="type"):
        return await self.request("INFO", TYPING.format(status).encode(), "application/xml")

    async def bye(self, expect=200):
        return await self.request("BYE", expect=expect)

    async def expect_request(self, method, since=None, deadline=15):
        """The partner's next request of that method in this dialog; answer it with `edge.respond`."""
        return await self.edge.wait_request(method, lambda m: m.call_id == self.call_id, self.since if since is None else since, deadline)

    async def expect_text(self, text, since=None, deadline=15, answer=(200, "OK")):
        """A MESSAGE of the partner with this text; answered unless `answer` is None."""
        found = await self.edge.wait_request(
            "MESSAGE", lambda m: m.call_id == self.call_id and m.body.decode() == text, self.since if since is None else since, deadline)
        assert found.get("Content-Type").replace(" ", "").lower().startswith("text/plain"), found.get("Content-Type")
        assert found.tag("From") == self.partner_tag and found.tag("To") == self.own_tag, "the tags are not those of the dialog"
        if answer:
            self.edge.respond(found, *answer)
        return found


class OutgoingChat(_Dialog):
    """A session that the edge's user opens with one of ours (S4)."""

    def __init__(self, edge, target, caller="alice", text="Hi"):
        self.edge, self.target, self.caller, self.text = edge, target, f"{caller}@{edge.domain}", text
        product = edge.product
        self.call_id, self.own_tag = product.call_id(), hex_digits(10)
        self.local = f"{product.display_name}<sip:{self.caller}>;tag={self.own_tag}{product.from_suffix(hex_digits(10))}"
        self.remote = f"<sip:{target}>"
        self.remote_target = f"sip:{target}"
        super().__init__()

    async def invite(self, body=None, headers=(), content_type="application/sdp", connection=None, text_format=True):
        connection = connection or await self.edge.trunk()
        self.cseq += 1
        product, via = self.edge.product, self.edge.vias(connection)
        lines = [f"INVITE {self.remote_target} SIP/2.0"]
        lines += [f"Record-Route: {route}" for route in self.edge.record_routes()]
        lines += [f"Via: {via[0]}", "Max-Forwards: 68", *(f"Via: {more}" for more in via[1:])]
        lines += [
            f"From: {self.local}",
            f"To: {self.remote}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} INVITE",
            f"Contact: <{product.contact(self.edge, self.caller, '4BYPlX2Wv1mCQSyyYpXsJQAA')}>",
            f"User-Agent: {product.client}",
        ]
        own = product.invite_headers(self.caller, self.target, base64.b64encode(self.text.encode()).decode())
        given = {name for name, _ in headers} - {"Supported"}  # each Supported has a line of its own
        lines += [f"{name}: {value}" for name, value in own
                  if name not in given and (text_format or not name.startswith(("ms-text", "ms-im")))]
        lines += [f"{name}: {value}" for name, value in headers]
        lines.append(f"Content-Type: {content_type}")
        self.invite_request = SipMessage.from_text("\n".join(lines), offer() if body is None else body)
        connection.send(self.invite_request)
        return self.invite_request

    async def answer(self, deadline=20):
        return await self.edge.wait_response(self.call_id, self.cseq, "INVITE", since=self.since, deadline=deadline)

    async def accepted(self, media="message"):
        """Our 200, held against what this peer needs of it, and its ACK."""
        answer, request = await self.answer(), self.invite_request
        assert answer.status == 200, f"the INVITE was answered {answer.start_line}"
        assert answer.get_all("Via") == request.get_all("Via"), f"Via not as sent:\n{answer}"
        assert answer.get_all("Record-Route") == request.get_all("Record-Route"), f"Record-Route not as sent:\n{answer}"
        assert answer.get("From") == request.get("From"), "From (with its epid) not as sent"
        tokens = [t.strip().lower() for line in answer.get_all("Supported") for t in line.split(",")]
        assert "ms-text-format" not in tokens, "with this token the caller takes its first message as delivered"
        assert not any(t.startswith(("ms-", "com.microsoft.")) for t in tokens), f"Supported: {tokens}"
        assert answer.get("Content-Type").split(";")[0].strip() == "application/sdp", answer.get("Content-Type")
        assert media_line(answer.body) == f"m={media} 5060 sip sip:{self.target}", media_line(answer.body)
        assert accept_types(answer.body)[0] == "text/plain", accept_types(answer.body)
        host = host_of(answer.uri("Contact"))[1]
        assert host == f"sip.{self.edge.partner}", f"our Contact is {answer.uri('Contact')}: the peer dials its host"
        self.remote = answer.get("To")
        if self.edge.product.in_dialog_by_contact:
            self.remote_target = answer.uri("Contact")
        self.partner_tag = answer.tag("To")
        assert self.partner_tag, "no To tag"
        await self.send("ACK", cseq=self.cseq)
        return answer

    async def refused(self, code):
        """Our final answer is `code`; it is acknowledged on the INVITE's own Via."""
        answer = await self.answer()
        request = self.invite_request
        assert answer.status == code, f"the INVITE was answered {answer.start_line}, not {code}"
        ack = [("Via", request.get("Via")), ("Max-Forwards", "70"), ("From", request.get("From")), ("To", answer.get("To")),
               ("Call-ID", self.call_id), ("CSeq", f"{self.cseq} ACK"), ("Content-Length", "0")]
        answer.connection.send(SipMessage(f"ACK {request.request_uri} SIP/2.0", ack))
        return answer

    def cancel(self, connection):
        """CANCEL of the INVITE that is under way, on the same connection."""
        request = self.invite_request
        connection.send(SipMessage(f"CANCEL {request.request_uri} SIP/2.0", [
            ("Via", request.get("Via")), ("Max-Forwards", "70"), ("From", request.get("From")), ("To", request.get("To")),
            ("Call-ID", self.call_id), ("CSeq", f"{self.cseq} CANCEL"), ("Content-Length", "0")]))


class IncomingChat(_Dialog):
    """A session that one of our users opens with the edge's (S5); made from the INVITE that came."""

    def __init__(self, edge, request):
        self.edge, self.invite_request = edge, request
        self.call_id, self.own_tag, self.partner_tag = request.call_id, hex_digits(10), request.tag("From")
        self.user = request.uri("To").removeprefix("sip:")
        self.local = f"{request.get('To')};tag={self.own_tag}{edge.product.from_suffix('48a4a25bb1')}"
        self.remote = request.get("From")
        self.remote_target = request.uri("Contact" if edge.product.in_dialog_by_contact else "From")
        super().__init__()
        self.since = edge.journal.entries.index(request)

    @classmethod
    async def expect(cls, edge, user, sender=None, since=0, deadline=15):
        """The next INVITE for `user`, held against what this peer takes."""
        request = await edge.wait_request(
            "INVITE", lambda m: m.uri("To") == f"sip:{user}" and m.tag("To") is None and
            (sender is None or m.uri("From") == f"sip:{sender}"), since, deadline)
        assert request.get("Content-Type").split(";")[0].strip() == "application/sdp", request.get("Content-Type")
        assert media_line(request.body) in ("m=message 5060 sip null", f"m=message 5060 sip sip:{user}"), media_line(request.body)
        assert accept_types(request.body)[0] == "text/plain", accept_types(request.body)
        assert not request.get_all("ms-text-format"), "we never send ms-text-format: the text would come twice"
        assert host_of(request.uri("Contact"))[1] == f"sip.{edge.partner}", f"our Contact is {request.uri('Contact')}"
        edge.check_partner_certificate(request.connection)
        return cls(edge, request)

    def respond(self, code, reason, headers=(), body=b""):
        return self.edge.respond(self.invite_request, code, reason, headers, body, to_tag=self.own_tag)

    def progress(self):
        """What this family sends before it answers: 100, its own 101, 180."""
        self.respond(100, "Trying")
        self.respond(101, "Progress Report", [("ms-diagnostics", '13004;reason="Request was proxied to one or more registered '
                                               'endpoints";source="ocs.contoso.example";Count="1"')])
        self.respond(180, "Ringing")

    async def accept(self, deadline=15):
        """200 with an answer, then the partner's ACK."""
        product = self.edge.product
        contact = f"<{product.contact(self.edge, self.user, '4BYPlX2Wv1mCQSyyYpXsJQAA')}>"
        multiparty = [("Supported", "com.microsoft.rtc-multiparty")] if product.profile in ("ocs", "lync") else []
        self.respond(200, "OK", [("Contact", contact), ("User-Agent", product.client), *multiparty, ("Content-Type", "application/sdp")],
                     offer(f"sip:{self.user}"))
        ack = await self.expect_request("ACK", deadline=deadline)
        assert ack.cseq == self.invite_request.cseq, f"ACK has CSeq {ack.cseq}"
        return ack
