"""A SIP partner with thousands of people: quick, and plain. It accepts every subscription, says one state, and counts.

Where a test is about shapes and spellings it takes edge.py; here it is about numbers.
"""
import asyncio
import ssl

from .waiting import until

BODY = ("<?xml version='1.0' encoding='UTF-8'?><presence xmlns='urn:ietf:params:xml:ns:pidf' "
        "xmlns:ep='urn:ietf:params:xml:ns:pidf:status:rpid-status' entity='sip:{user}'><tuple id='0'><status>"
        "<basic>open</basic>{activity}</status></tuple></presence>")


def fields_of(head):
    """The first value of each header field, and the start line under ''."""
    lines = head.split("\r\n")
    fields = {"": lines[0]}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        fields.setdefault(name.lower(), value.strip())
    return fields


class Crowd:
    def __init__(self, lab, domain, partner, partner_port):
        self.lab, self.domain, self.partner, self.partner_port = lab, domain, partner, partner_port
        self.host = f"sip.{domain}"
        self.port = lab.ports.take()
        self.certificate = lab.ca.issue(self.host)
        self.dialogs = {}  # Call-ID: (our From, their From, target, user)
        self.watching = {}  # Call-ID of our subscriptions: their newest NOTIFY
        self.initial = self.refreshes = self.unknown = 0
        self.confirmed = 0  # NOTIFYs of ours that were answered 200
        self.problems = []
        self._connections, self._server, self._numbers = set(), None, 0
        lab.add(self)

    def __str__(self):
        return f"crowd of {self.domain}"

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port,
                                                  ssl=self.certificate.context(ssl.PROTOCOL_TLS_SERVER))
        self.lab.dns.remove(f"_sipfederationtls._tcp.{self.domain}")
        self.lab.publish_sip(self.domain, tls_port=self.port, federation=True)
        return self

    async def stop(self):
        if self._server:
            self._server.close()
        for writer in list(self._connections):
            writer.close()
        self._connections.clear()

    async def forget(self):
        """Its process dies, and its subscriptions with it; start() brings it back."""
        await self.stop()
        self.dialogs.clear()

    def reset_counts(self):
        self.initial = self.refreshes = self.unknown = self.confirmed = 0

    async def dial(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.partner_port,
                                                       ssl=self.certificate.context(ssl.PROTOCOL_TLS_CLIENT),
                                                       server_hostname=f"sip.{self.partner}")
        asyncio.ensure_future(self._serve(reader, writer))
        return writer

    async def _serve(self, reader, writer):
        self._connections.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().strip("\r\n")
                if not head:
                    continue
                fields = fields_of(head)
                body = await reader.readexactly(int(fields["content-length"]))
                self._take(writer, fields, body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    def _take(self, writer, fields, body):
        method = fields[""].split()[0]
        if method == "SIP/2.0":
            if fields[""].split()[1] == "200" and fields["cseq"].endswith("NOTIFY"):
                self.confirmed += 1
            return
        call_id = fields["call-id"]
        if method == "NOTIFY":
            self.watching[call_id] = (fields, body)
        if method != "SUBSCRIBE":
            if method != "ACK":
                self._answer(writer, fields, "200 OK" if method != "INVITE" else "480 Temporarily Unavailable")
            return
        if ";tag=" in fields["to"]:
            self.refreshes += 1
            if call_id not in self.dialogs:
                self.unknown += 1
                self._answer(writer, fields, "481 Call Leg/Transaction Does Not Exist")
                return
        else:
            self.initial += 1
            self.dialogs[call_id] = (f"{fields['to']};tag=t{call_id[:10]}", fields["from"], fields["contact"].strip("<>"),
                                     fields["to"].strip("<>").removeprefix("sip:"))
        self._answer(writer, fields, "200 OK", f"Expires: 7200\r\nContact: <sip:{self.host}:{self.port};transport=tls>\r\n")
        self.notify(writer, call_id)

    def _answer(self, writer, fields, status, more=""):
        to = fields["to"]
        if ";tag=" not in to:
            to += f";tag=t{fields['call-id'][:10]}"
        route = f"Record-Route: {fields['record-route']}\r\n" if "record-route" in fields else ""
        writer.write(f"SIP/2.0 {status}\r\nVia: {fields['via']}\r\nFrom: {fields['from']}\r\nTo: {to}\r\n"
                     f"Call-ID: {fields['call-id']}\r\nCSeq: {fields['cseq']}\r\n{route}{more}Content-Length: 0\r\n\r\n".encode())

    def notify(self, writer, call_id, activity=""):
        ours, theirs, target, user = self.dialogs[call_id]
        self._numbers += 1
        body = BODY.format(user=user, activity=activity and f"<ep:activities><ep:activity>{activity}</ep:activity></ep:activities>")
        writer.write(f"NOTIFY {target} SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:{self.port};branch=z9hG4bKc{self._numbers}\r\n"
                     f"Max-Forwards: 70\r\nFrom: {ours}\r\nTo: {theirs}\r\nCall-ID: {call_id}\r\nCSeq: {self._numbers} NOTIFY\r\n"
                     f"Contact: <sip:{self.host}:{self.port};transport=tls>\r\nEvent: presence\r\n"
                     f"Subscription-State: active;expires=7200\r\nContent-Type: application/pidf+xml\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n{body}".encode())

    async def notify_all(self, activity, deadline):
        """One NOTIFY in every dialog; returns when all have been answered 200."""
        self.confirmed = 0
        writer = await self.dial()
        for number, call_id in enumerate(list(self.dialogs)):
            self.notify(writer, call_id, activity)
            if number % 50 == 0:
                await writer.drain()
        await until(lambda: self.confirmed >= len(self.dialogs), deadline,
                    lambda: f"{len(self.dialogs)} answers; {self.confirmed} came")
        writer.close()

    async def watch(self, person, user):
        """One of its people subscribes to one of ours; returns the Call-ID."""
        writer = next(iter(self._connections), None) or await self.dial()
        self._numbers += 1
        call_id = f"watch{self._numbers}"
        writer.write(f"SUBSCRIBE sip:{user} SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:{self.port};branch=z9hG4bKw{self._numbers}\r\n"
                     f"Max-Forwards: 70\r\nFrom: <sip:{person}@{self.domain}>;tag=w{self._numbers}\r\nTo: <sip:{user}>\r\n"
                     f"Call-ID: {call_id}\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:{person}@{self.host}:{self.port};transport=tls>\r\n"
                     f"Event: presence\r\nAccept: application/pidf+xml\r\nContent-Length: 0\r\n\r\n".encode())
        await until(lambda: call_id in self.watching, 15, f"a NOTIFY for {person}")
        return call_id
