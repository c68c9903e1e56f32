"""The edge of a simulated SIP partner: mutual TLS, and messages in its product's own shapes (products.py).

The edge listens (as the SRV target of its domain) and dials. What arrives on any of its connections goes into one journal,
since a partner may answer and ask on whichever connection it likes. ocs_watch.py and ocs_chat.py hold its conversations.
"""
import asyncio
import ssl

from cryptography import x509

from .products import KEY_INFO, OCS, hex_digits
from .sip_message import SipMessage, host_of, read_message
from .waiting import Journal, until

class Connection:
    def __init__(self, edge, reader, writer, dialled):
        self.edge, self.reader, self.writer, self.dialled = edge, reader, writer, dialled
        self.closed = False
        self.certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self.task = asyncio.ensure_future(self._read())

    async def _read(self):
        try:
            while True:
                message = await read_message(self.reader)
                if message is None:
                    break
                message.connection = self
                self.edge.journal.add(message)
                self.edge.on_message(message)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        except ValueError as error:
            self.edge.problems.append(f"{self.edge}: what came is not SIP: {error}")
        finally:
            self.closed = True
            self.writer.close()

    def send(self, message):
        self.writer.write(message if isinstance(message, bytes) else message.encode())

    def local_port(self):
        return self.writer.get_extra_info("sockname")[1]


class Edge:
    """`partner` is the domain of the server under test, `partner_port` its SIP/TLS port on 127.0.0.1. `host` is its own name."""

    def __init__(self, lab, partner, partner_port, domain="contoso.example", product=OCS, certificate=None, tls=None,
                 route_signature=KEY_INFO, host=None):
        self.lab, self.domain, self.partner, self.partner_port = lab, domain, partner, partner_port
        self.product = product
        self.host = host or f"sip.{domain}"
        self.port = lab.ports.take()
        # RFC 5922 asks for the domain in the certificate; partners of the other kinds show their host alone.
        self.certificate = certificate or lab.ca.issue(self.host, *[domain] * (product.srv == "standard"))
        self.tls = tls  # ssl.TLSVersion of an old edge; None is the library's default
        self.key_info = route_signature
        self.journal = Journal(str(self))
        self.connections = []
        self.problems = []
        self.answer_all = None  # a function (request) -> (code, reason, headers, body) that answers at once, or None
        self._server = None
        lab.add(self)

    def __str__(self):
        return f"{self.product.title} edge of {self.domain}"

    def _context(self, side):
        context = self.certificate.context(side)
        if self.tls:
            context.set_ciphers("AES128-SHA:AES256-SHA:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = self.tls
        return context

    async def start(self, publish=True):
        async def on_connection(reader, writer):
            self.connections.append(Connection(self, reader, writer, dialled=False))

        self._server = await asyncio.start_server(on_connection, "127.0.0.1", self.port,
                                                  ssl=self._context(ssl.PROTOCOL_TLS_SERVER))
        if publish:
            self.publish()
        return self

    def publish(self, domain=None):
        """The records by which the partner finds this edge, for its own domain or another one that it serves."""
        self.lab.publish_sip(domain or self.domain, tls_port=self.port, host=self.host, federation=self.product.srv == "federation")

    async def stop(self):
        if self._server:
            self._server.close()
        for connection in self.connections:
            connection.writer.close()
            connection.task.cancel()

    async def dial(self, certificate=None):
        """A new connection to the partner; `certificate=False` shows none."""
        context = self._context(ssl.PROTOCOL_TLS_CLIENT)
        if certificate is False:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_verify_locations(self.certificate.ca)
        elif certificate:
            context.load_cert_chain(certificate.chain, certificate.key)
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection("127.0.0.1", self.partner_port, ssl=context, server_hostname=f"sip.{self.partner}"), 10)
        connection = Connection(self, reader, writer, dialled=True)
        self.connections.append(connection)
        return connection

    async def trunk(self):
        """The connection that requests leave by: one that we dialled and that is open, else a new one."""
        for connection in self.connections:
            if connection.dialled and not connection.closed:
                return connection
        return await self.dial()

    async def dial_target_of(self, uri):
        """A connection to the host that a Contact or Record-Route of the partner names, found as an edge finds it."""
        _, host, port = host_of(uri)
        addresses = [key for key in self.lab.dns._records if key == (host.lower(), 1)]
        assert addresses, f"the partner's {uri} names {host}, which has no address record"
        assert port in (None, self.partner_port), f"the partner's {uri} names port {port}, not {self.partner_port}"
        return await self.dial()

    def on_message(self, message):
        if not message.is_response and self.answer_all and message.method != "ACK":
            answer = self.answer_all(message)
            if answer:
                self.respond(message, *answer)

    # Headers.
    def record_routes(self):
        return self.product.record_routes(self)

    def vias(self, connection):
        return self.product.vias(connection)

    def respond(self, request, code, reason, headers=(), body=b"", to_tag=None):
        """Answers on the connection that the request came on, with its Via, From, Call-ID and CSeq as they came."""
        kept = [(n, v) for n, v in request.headers if n.lower() in ("via", "v", "from", "f", "call-id", "i", "cseq", "record-route")]
        to = request.get("To")
        if request.tag("To") is None and code > 100:
            to += f";tag={to_tag or hex_digits(10)}"
        body = body if isinstance(body, bytes) else body.encode()
        response = SipMessage(f"SIP/2.0 {code} {reason}",
                              kept + [("To", to)] + list(headers) + [("Content-Length", str(len(body)))], body)
        request.connection.send(response)
        return response

    # What came.
    async def wait_request(self, method, predicate=lambda request: True, since=0, deadline=15):
        return await self.journal.wait_for(
            f"a {method} request", lambda m: not m.is_response and m.method == method and predicate(m), since, deadline)

    async def wait_response(self, call_id, cseq, method, final=True, since=0, deadline=15):
        def fits(message):
            return (message.is_response and message.call_id == call_id and message.cseq == cseq and message.method == method and
                    (not final or message.status >= 200))

        return await self.journal.wait_for(f"an answer to {method} {cseq} of {call_id}", fits, since, deadline)

    def requests(self, method=None, since=0):
        return [m for m in self.journal.entries[since:] if not m.is_response and method in (None, m.method)]

    def check_partner_certificate(self, connection):
        """What an edge asks of us: the SRV target in the certificate, directly in the SIP domain, and both key usages."""
        certificate = x509.load_der_x509_certificate(connection.certificate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        usages = {u.dotted_string for u in certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value}
        assert f"sip.{self.partner}" in names, f"the certificate names {names}, not sip.{self.partner}"
        assert {"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"} <= usages, f"the certificate is for {usages} only"

    async def wait_closed(self, connection, deadline=10):
        await until(lambda: connection.closed, deadline, "the partner closed the connection")
