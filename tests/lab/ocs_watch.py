"""Presence with a partner's edge: as the watcher of our users (scenario S2), and as the notifier of its own (S3)."""
from .pidf import Presence
from .products import hex_digits
from .sip_message import SipMessage, host_of, uri_of

MICROSOFT_TOKENS = ("ms-", "com.microsoft.")


def state_of(notify):
    """("active", {"expires": "3600"}) of a Subscription-State."""
    value, *parameters = [part.strip() for part in notify.get("Subscription-State").split(";")]
    return value, dict(p.partition("=")[::2] for p in parameters)


class Watch:
    """The edge's user watches one of ours."""

    def __init__(self, edge, target, watcher="alice", expires=None, event="presence", with_benotify=True):
        self.edge, self.target, self.watcher = edge, target, f"{watcher}@{edge.domain}"
        self.expires, self.event, self.with_benotify = expires, event, with_benotify
        self.call_id, self.tag, self.epid = edge.product.call_id(), hex_digits(10), hex_digits(10)
        self.contact = edge.product.contact(edge, self.watcher)
        self.record_routes = edge.record_routes()
        self.cseq = 0
        self.remote_target = f"sip:{target}"
        self.to = f"<sip:{target}>"
        self.since = edge.journal.mark()
        self._notify_seen = self.since

    async def send(self, expires=None, connection=None):
        """One SUBSCRIBE: the first opens the dialog, later ones are in it. Returns the request."""
        edge = self.edge
        connection = connection or await edge.trunk()
        self.cseq += 1
        expires = self.expires if expires is None else expires
        product, via = edge.product, edge.vias(connection)
        lines = [f"SUBSCRIBE {self.remote_target} SIP/2.0"]
        lines += [f"Record-Route: {route}" for route in self.record_routes]
        lines += [f"Via: {via[0]}", "Max-Forwards: 68", *(f"Via: {more}" for more in via[1:])]
        lines += [
            f"From: {product.display_name}<sip:{self.watcher}>;tag={self.tag}{product.from_suffix(self.epid)}",
            f"To: {self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} SUBSCRIBE",
            f"Contact: <{self.contact}>",
            f"User-Agent: {product.client}",
            f"Event: {self.event}",
        ]
        lines += [f"{name}: {value}" for name, value in product.subscribe_headers(self.with_benotify)]
        if expires is not None:
            lines.append(f"Expires: {expires}")
        self.request = SipMessage.from_text("\n".join(lines))
        connection.send(self.request)
        return self.request

    async def answer(self, deadline=15):
        return await self.edge.wait_response(self.call_id, self.cseq, "SUBSCRIBE", since=self.since, deadline=deadline)

    async def accepted(self):
        """Our answer to the SUBSCRIBE, held against all that this peer needs of it."""
        answer, request = await self.answer(), self.request
        assert answer.status == 200, f"the SUBSCRIBE was answered {answer.start_line}"
        assert answer.get_all("Via") == request.get_all("Via"), f"Via not as sent:\n{answer}"
        assert answer.get_all("Record-Route") == request.get_all("Record-Route"), f"Record-Route not as sent:\n{answer}"
        assert answer.get("From") == request.get("From"), f"From (with its epid) not as sent:\n{answer}"
        tokens = ", ".join(answer.get_all("Supported")).lower()
        assert not any(t.strip().startswith(MICROSOFT_TOKENS) for t in tokens.split(",")), f"Supported: {tokens}"
        assert not answer.body, "the answer to a SUBSCRIBE of this peer has no body"
        expires = int(answer.get("Expires", "-1"))
        assert 0 <= expires <= self.edge.product.longest_grant, f"Expires: {expires}"
        assert answer.tag("To"), "no To tag"
        user, host, _ = host_of(answer.uri("Contact"))
        assert host == f"sip.{self.edge.partner}", f"our Contact is {answer.uri('Contact')}: the peer dials its host"
        self.to = answer.get("To")
        if self.edge.product.in_dialog_by_contact:
            self.remote_target = answer.uri("Contact")
        return answer

    async def next_notify(self, status=200, reason="OK", deadline=15):
        """The next NOTIFY of this dialog, checked and answered."""
        notify = await self.edge.wait_request("NOTIFY", lambda m: m.call_id == self.call_id, self._notify_seen, deadline)
        self._notify_seen = self.edge.journal.entries.index(notify) + 1
        assert notify.request_uri == self.contact, f"Request-URI {notify.request_uri}, not the Contact as sent"
        routes = [uri_of(route) for route in notify.get_all("Route")]
        assert routes == [uri_of(route) for route in self.record_routes], f"Route is {routes}: signed URIs must come back byte for byte"
        assert notify.tag("To") == self.tag and notify.uri("To") == f"sip:{self.watcher}", f"To: {notify.get('To')}"
        assert notify.uri("From") == f"sip:{self.target}", f"From: {notify.get('From')}"
        assert f";tag={notify.tag('From')}" in self.to or self.to == f"<sip:{self.target}>", "From tag is not that of our answer"
        assert notify.get("Event").split(";")[0] == self.event, f"Event: {notify.get('Event')}"
        assert state_of(notify)[0] in ("active", "pending", "terminated"), notify.get("Subscription-State")
        if notify.body:
            assert notify.get("Content-Type").split(";")[0] == "application/pidf+xml", notify.get("Content-Type")
            presence = Presence(notify.body)
            assert presence.tuples == 1, f"{presence.tuples} tuples; this peer handles one"
            assert presence.entity in (f"sip:{self.target}", f"pres:{self.target}"), f"entity {presence.entity}"
        self.edge.respond(notify, status, reason)
        return notify

    async def notified(self, basic, activity="", deadline=15):
        """Waits until a NOTIFY says this; what comes before it is answered and passed over. Returns that NOTIFY."""
        while True:
            notify = await self.next_notify(deadline=deadline)
            if notify.body and state_of(notify)[0] == "active" and Presence(notify.body).as_pair() == (basic, activity):
                return notify

    async def notified_state(self, state, deadline=15):
        while True:
            notify = await self.next_notify(deadline=deadline)
            if state_of(notify)[0] == state:
                return notify


class Presentity:
    """One of our users watches the edge's; made from the SUBSCRIBE that came."""

    def __init__(self, edge, request):
        self.edge, self.request = edge, request
        self.user = request.uri("To").removeprefix("sip:")
        self.own_contact = edge.product.contact(edge, self.user, "4BYPlX2Wv1mCQSyyYpXsJQAA")
        self.tag = hex_digits(10)
        self.cseq = 0
        self.connection = None  # where our requests leave; None is the trunk

    @classmethod
    async def expect(cls, edge, user, watcher=None, since=0, deadline=15, expires_zero=False):
        """The next initial SUBSCRIBE for `user`, held against what we may ask of this peer."""

        def fits(m):
            return (m.tag("To") is None and m.uri("To") == f"sip:{user}" and (m.get("Expires") == "0") == expires_zero and
                    (watcher is None or m.uri("From") == f"sip:{watcher}"))

        request = await edge.wait_request("SUBSCRIBE", fits, since, deadline)
        assert request.get_all("Accept") == ["application/pidf+xml"], f"Accept: {request.get_all('Accept')}"
        assert request.get("Event") == "presence"
        assert request.request_uri == f"sip:{user}", request.start_line
        host = host_of(request.uri("Contact"))[1]
        assert host == f"sip.{edge.partner}", f"our Contact is {request.uri('Contact')}: the peer dials its host"
        assert request.get("Max-Forwards").isdigit() and request.tag("From")
        edge.check_partner_certificate(request.connection)
        return cls(edge, request)

    def answer(self, code, reason, headers=(), body=b""):
        return self.edge.respond(self.request, code, reason, headers, body, to_tag=self.tag)

    def _own_headers(self):
        return [("Contact", f"<{self.own_contact}>"), ("Server", self.edge.product.server)]

    def accept(self, expires=29087, code=200):
        self.answer(code, "OK" if code == 200 else "Accepted", self._own_headers() + [("Expires", str(expires))])

    def accept_with_body(self, basic="open", activity=None, expires=29087):
        """The 200 itself carries the first notification; no NOTIFY follows it."""
        self.answer(200, "OK", self._own_headers() + [
            ("Expires", str(expires)), ("Event", "presence"), ("subscription-state", f"active;expires={expires}"),
            ("ms-piggyback-cseq", "1"), ("Supported", "ms-piggyback-first-notify"), ("Content-Type", "application/pidf+xml"),
        ], self.edge.product.document(self.user, basic, activity))
        self.cseq = 1

    async def notify(self, basic="open", activity=None, display_name=None, state="active;expires=29087", method="NOTIFY",
                     body=None, content_type="application/pidf+xml", connection=None):
        """Sends a notification in the dialog; returns the request."""
        edge, request = self.edge, self.request
        connection = connection or self.connection or await edge.trunk()
        self.cseq += 1
        via = edge.vias(connection)
        body = edge.product.document(self.user, basic, activity, display_name) if body is None else body
        target = request.uri("Contact") if edge.product.in_dialog_by_contact else request.uri("From")
        lines = [
            f"{method} {target} SIP/2.0",
            *(f"Via: {one}" for one in via[:2]),
            "Max-Forwards: 68",
            f"From: <sip:{self.user}>;tag={self.tag}{edge.product.from_suffix('01010101')}",
            f"To: {request.get('From')}",
            f"Call-ID: {request.call_id}",
            f"CSeq: {self.cseq} {method}",
            f"Contact: <{self.own_contact}>",
            f"User-Agent: {edge.product.server}",
            "Event: presence",
            f"subscription-state: {state}",
        ]
        if body:
            lines.append(f"Content-Type: {content_type}")
        sent = SipMessage.from_text("\n".join(lines), body)
        connection.send(sent)
        return sent

    async def notify_state(self, state, note=None):
        """What its server says of its user in a state of tests/data/presence-tables.txt, in a NOTIFY."""
        return await self.notify_ok(body=self.edge.product.document_of(self.user, state, note))

    async def notify_ok(self, *arguments, **options):
        """A NOTIFY that has to be answered 200."""
        sent = await self.notify(*arguments, **options)
        answer = await self.edge.wait_response(sent.call_id, sent.cseq, "NOTIFY")
        assert answer.status == 200, f"our NOTIFY was answered {answer.start_line}"
        assert answer.get_all("Via") == sent.get_all("Via"), "Via not as sent"
        return sent

    async def expect_refresh(self, since=0, deadline=15):
        """The next SUBSCRIBE in this dialog; answer it with `answer` or `accept`."""
        request = await self.edge.wait_request(
            "SUBSCRIBE", lambda m: m.call_id == self.request.call_id and m.tag("To") == self.tag, since, deadline)
        self.request = request
        return request
