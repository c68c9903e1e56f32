"""TLS 1.0 with RSA key exchange and AES-CBC, for partners of the OCS generation whose rule has it, and for nobody else."""
import asyncio
import datetime
import ssl

from tests.acceptance.ocs import ALICE, OURS, THEIRS, U1, login_u1, nothing_came
from tests.lab.edge import Edge
from tests.lab.ocs_watch import Watch
from tests.lab.parley import Parley

OLD = ssl.TLSVersion.TLSv1


def _day(offset):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=offset)).strftime("%Y-%m-%d")


async def _node_and_old_edge(lab, *options):
    """A node with an RSA certificate, which RSA key exchange needs, and an edge that knows TLS 1.0 only."""
    node = await Parley(lab, OURS, certificate=lab.ca.issue(OURS, f"sip.{OURS}", f"xmpp.{OURS}", key_type="rsa")).start()
    edge = await Edge(lab, OURS, node.sip_tls_port, domain=THEIRS, tls=OLD,
                         certificate=lab.ca.issue(f"sip.{THEIRS}", key_type="rsa")).start()
    node.allow(THEIRS, "--via", "sip", "--profile", "ocs", *options)
    node.add_user("u1")
    return node, edge, await login_u1(lab, node)


def _spoken(connection):
    return connection.writer.get_extra_info("ssl_object").cipher()


async def test_both_directions(lab):
    """The old edge asks, and is asked; both connections are TLS 1.0 with AES-CBC, and `status` says so loudly."""
    node, edge, user = await _node_and_old_edge(lab, "--legacy-tls-until", _day(30))
    watch = Watch(edge, U1)
    await watch.send()
    await watch.accepted()
    user.send_message(ALICE, "hello, old friend")
    await edge.wait_request("INVITE")
    for connection in edge.connections:
        name, version, _ = _spoken(connection)
        assert version == "TLSv1.0" or connection.writer.get_extra_info("ssl_object").version() == "TLSv1", version
        assert name in ("AES128-SHA", "AES256-SHA"), name
    assert {c.dialled for c in edge.connections} == {True, False}, "one each way"
    assert "OLD TLS" in node.ctl("federation", "list").stdout
    assert f"OLD TLS: {THEIRS} may speak TLS 1.0 until" in node.process.log()


async def test_not_without_the_setting(lab):
    """Without the setting TLS 1.0 is refused in both directions, and the log says why."""
    node, edge, user = await _node_and_old_edge(lab)
    try:
        await edge.dial()
        raise AssertionError("TLS 1.0 was accepted")
    except (ssl.SSLError, ConnectionError):
        pass
    user.send_message(ALICE, "hello?")
    await node.process.wait_line(f"SIP: {THEIRS} cannot be reached: .*TLS", deadline=30)
    await nothing_came(user)


async def test_nobody_else(lab):
    """While one partner has it, an old client from another address still gets nothing below TLS 1.2."""
    node, edge, user = await _node_and_old_edge(lab, "--legacy-tls-until", _day(30))
    watch = Watch(edge, U1)
    await watch.send()
    await watch.accepted()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("AES128-SHA:AES256-SHA:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = OLD
    try:
        await asyncio.wait_for(asyncio.open_connection("127.0.0.1", node.sip_tls_port, ssl=context,
                                                       server_hostname=f"sip.{OURS}", local_addr=("127.9.9.9", 0)), 10)
        raise AssertionError("TLS 1.0 was accepted from an address of nobody")
    except (ssl.SSLError, ConnectionError):
        pass


async def test_a_neighbour_of_the_old_partner(lab):
    """Another domain behind the old partner's address: its requests over TLS 1.0 are refused."""
    node, edge, user = await _node_and_old_edge(lab, "--legacy-tls-until", _day(30))
    node.allow("fabrikam.example", "--via", "sip", "--profile", "ocs")
    neighbour = Edge(lab, OURS, node.sip_tls_port, domain="fabrikam.example", tls=OLD,
                        certificate=lab.ca.issue("sip.fabrikam.example", key_type="rsa"))
    await neighbour.start()
    watch = Watch(neighbour, U1)
    await watch.send()
    answer = await watch.answer()
    assert answer.status == 403, answer.start_line
    assert "which its rule does not allow" in node.process.log()


async def test_a_modern_peer_of_the_setting(lab):
    """A partner whose server was renewed speaks TLS 1.2 or later though the setting is still there."""
    node = await Parley(lab, OURS).start()
    edge = await Edge(lab, OURS, node.sip_tls_port, domain=THEIRS).start()
    node.allow(THEIRS, "--via", "sip", "--profile", "ocs", "--legacy-tls-until", _day(1))
    node.add_user("u1")
    await login_u1(lab, node)
    watch = Watch(edge, U1)
    await watch.send()
    await watch.accepted()
    assert edge.connections[0].writer.get_extra_info("ssl_object").version() == "TLSv1.3"


async def test_the_last_day(lab):
    """A day that is over is refused when it is written, with the reason."""
    node = await Parley(lab, OURS).start()
    said = node.ctl("federation", "allow", THEIRS, "--via", "sip", "--legacy-tls-until", _day(-1), check=False)
    assert said.returncode == 4 and "is over" in said.stderr, said
    said = node.ctl("federation", "allow", THEIRS, "--via", "xmpp", "--legacy-tls-until", _day(3), check=False)
    assert said.returncode == 4 and "SIP partners only" in said.stderr, said
    said = node.ctl("federation", "allow", THEIRS, "--via", "sip", "--legacy-tls-until", "next week", check=False)
    assert said.returncode == 2 and "YYYY-MM-DD" in said.stderr, said


async def test_no_empty_records(lab):
    """What parley sends over TLS 1.0 with CBC has no empty records before it: such edges delay what follows one."""
    node, edge, user = await _node_and_old_edge(lab, "--legacy-tls-until", _day(30))
    reader, writer = await asyncio.open_connection("127.0.0.1", node.sip_tls_port)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = edge._context(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(incoming, outgoing, server_hostname=f"sip.{OURS}")
    lengths, wire, answer, asked = [], b"", b"", False
    request = (f"OPTIONS sip:{OURS} SIP/2.0\r\nVia: SIP/2.0/TLS {edge.host}:{edge.port};branch=z9hG4bK1\r\n"
               f"From: <sip:alice@{THEIRS}>;tag=1\r\nTo: <sip:{OURS}>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
               "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
    while b"\r\n\r\n" not in answer:
        try:
            if not asked:
                tls.do_handshake()
                assert tls.version() == "TLSv1", tls.version()
                tls.write(request.encode())
                asked = True
            answer += tls.read()
        except ssl.SSLWantReadError:
            pass
        writer.write(outgoing.read())
        if b"\r\n\r\n" in answer:
            break
        data = await asyncio.wait_for(reader.read(65536), 10)
        assert data, "the connection ended"
        incoming.write(data)
        wire += data
        while len(wire) >= 5 and len(wire) >= 5 + int.from_bytes(wire[3:5], "big"):
            size = int.from_bytes(wire[3:5], "big")
            if wire[0] == 23:  # application data
                lengths.append(size)
            wire = wire[5 + size:]
    writer.close()
    assert answer.startswith(b"SIP/2.0 200"), answer
    # An empty record is a MAC (20 bytes) and one or two blocks of padding.
    assert lengths and min(lengths) > 52, lengths
