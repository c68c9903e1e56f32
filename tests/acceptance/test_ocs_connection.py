"""OCS scenario S1: connections, certificates, and which requests may come over them."""
import asyncio
import ssl

from tests.acceptance.ocs import ALICE, THEIRS, U1, node_and_edge, nothing_came
from tests.lab.ocs_chat import OutgoingChat
from tests.lab.ocs_watch import Presentity, Watch


async def test_good_certificate(lab):
    """(a) The edge's host name in its certificate: requests are taken; (i) and ours holds what the edge asks of it."""
    node, edge, user = await node_and_edge(lab)
    edge.check_partner_certificate(await edge.dial())
    watch = Watch(edge, U1)
    await watch.send()
    await watch.accepted()


async def test_certificate_of_the_domain_only(lab):
    """(b) A certificate that names contoso.example but not its edge's host is refused: 403, or no connection at all."""
    certificate = lab.ca.issue(THEIRS)
    node, edge, user = await node_and_edge(lab, certificate=certificate)
    await _refused(edge, user, None)


async def test_certificate_of_another_partner(lab):
    """(c) Another partner's good certificate does not speak for contoso.example: 403, and no user hears of it."""
    node, edge, user = await node_and_edge(lab)
    node.allow("fabrikam.example", "--via", "sip", "--profile", "ocs")
    lab.publish_sip("fabrikam.example", tls_port=lab.ports.take(), federation=True)
    watch = Watch(edge, U1)
    await watch.send(connection=await edge.dial(certificate=lab.ca.issue("sip.fabrikam.example")))
    answer = await watch.answer()
    assert answer.status == 403, answer.start_line
    await nothing_came(user)


async def _refused(edge, user, certificate):
    try:
        connection = await edge.dial(certificate=certificate)
        watch = Watch(edge, U1)
        await watch.send(connection=connection)
        answered = asyncio.ensure_future(watch.answer())
        closed = asyncio.ensure_future(edge.wait_closed(connection))
        await asyncio.wait([answered, closed], return_when=asyncio.FIRST_COMPLETED)
        if answered.done():
            assert answered.result().status == 403, answered.result().start_line
        for task in (answered, closed):
            task.cancel()
    except (ssl.SSLError, ConnectionError):
        pass
    await nothing_came(user)


async def test_no_client_certificate(lab):
    """(d) Without a client certificate: the handshake fails, the connection ends, or the request is refused."""
    node, edge, user = await node_and_edge(lab)
    await _refused(edge, user, False)


async def test_certificate_of_nobody(lab):
    """A certificate of a CA that we do not trust."""
    from tests.lab.ca import CertificateAuthority

    stranger = CertificateAuthority(lab.folder / "stranger", "nobody's CA").issue(f"sip.{THEIRS}")
    node, edge, user = await node_and_edge(lab)
    await _refused(edge, user, stranger)


async def test_dialog_over_several_connections(lab):
    """(e) Four connections at once: the requests of one dialog come over all of them."""
    node, edge, user = await node_and_edge(lab)
    connections = [await edge.dial() for _ in range(4)]
    chat = OutgoingChat(edge, U1, text="one of four")
    await chat.invite(connection=connections[0])
    await chat.accepted()
    for number, connection in enumerate(connections[1:] + connections[:1]):
        await chat.request("MESSAGE", f"text {number}".encode(), "text/plain; charset=UTF-8", connection=connection)
        await user.wait_message(f"text {number}", ALICE)
    await chat.request("BYE", connection=connections[2])


async def test_empty_lines(lab):
    """(f) CRLF CRLF before, between and after messages is skipped."""
    node, edge, user = await node_and_edge(lab)
    connection = await edge.dial()
    connection.send(b"\r\n\r\n")
    watch = Watch(edge, U1)
    await watch.send(connection=connection)
    connection.send(b"\r\n\r\n\r\n\r\n")
    await watch.accepted()
    connection.send(b"\r\n\r\n")
    second = Watch(edge, U1, watcher="carol")
    await second.send(connection=connection)
    await second.accepted()


async def test_edge_that_moves(lab):
    """(g) One SRV record whose port changes: after the old connection is gone the new place is found."""
    node, edge, user = await node_and_edge(lab)
    user.subscribe(ALICE)
    seen = await Presentity.expect(edge, ALICE, U1)
    seen.answer(480, "Temporarily Unavailable")
    await edge.stop()
    edge.port = lab.ports.take()
    lab.dns.remove(f"_sipfederationtls._tcp.{THEIRS}")
    mark = edge.journal.mark()
    await edge.start()
    user.send_message(ALICE, "where are you now?")
    await edge.wait_request("INVITE", since=mark, deadline=30)


async def test_long_record_route(lab):
    """(h) A Record-Route of 700 bytes and more than one of them: copied, and used byte for byte."""
    node, edge, user = await node_and_edge(lab, route_signature="QmFzZTY0dXJs" * 55 + "__")
    watch = Watch(edge, U1)
    await watch.send()
    await watch.accepted()
    await watch.next_notify()


async def test_fragments(lab):
    """A request in single bytes, and two in one segment."""
    node, edge, user = await node_and_edge(lab)
    connection = await edge.dial()
    first, second = Watch(edge, U1), Watch(edge, U1, watcher="carol")
    await first.send(connection=_Slow(connection))
    await first.accepted()
    batch = _Batch(connection)
    third = Watch(edge, U1, watcher="dan")
    await second.send(connection=batch)
    await third.send(connection=batch)
    connection.send(b"".join(batch.held))
    await second.accepted()
    await third.accepted()


class _Slow:
    """Sends each byte as a TLS record of its own."""

    def __init__(self, connection):
        self._connection = connection
        self.local_port = connection.local_port

    def send(self, message):
        for byte in message.encode():
            self._connection.send(bytes([byte]))


class _Batch:
    def __init__(self, connection):
        self.held = []
        self.local_port = connection.local_port

    def send(self, message):
        self.held.append(message.encode())


async def test_not_allowed_domain(lab):
    """A domain that no administrator allowed: 403, and nobody hears of it."""
    node, edge, user = await node_and_edge(lab, allow=False)
    watch = Watch(edge, U1)
    await watch.send()
    answer = await watch.answer()
    assert answer.status == 403, answer.start_line
    chat = OutgoingChat(edge, U1)
    await chat.invite()
    await chat.refused(403)
    await nothing_came(user)
