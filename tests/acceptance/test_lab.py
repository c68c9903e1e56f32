"""The laboratory itself: its peers work with each other, so that a failure elsewhere is ours."""
from tests.lab.baresip import Baresip
from tests.lab.ejabberd import Ejabberd
from tests.lab.go_sendxmpp import GoSendXmpp
from tests.lab.kamailio import Kamailio
from tests.lab.edge import Edge
from tests.lab.profanity import Profanity
from tests.lab.prosody import Prosody
from tests.lab.sip_message import SipMessage
from tests.lab.xmpp_client import XmppClient, befriend


async def test_prosody_and_ejabberd_federate(lab):
    """Two XMPP servers find each other by the lab's name server and prove themselves by the lab's certificates."""
    left = await Prosody(lab, "left.example").start()
    right = await Ejabberd(lab, "right.example", users=[("bob", "secret")]).start()
    alice = await XmppClient(lab, left.add_user("alice"), "secret", left.address).start()
    bob = await XmppClient(lab, "bob@right.example", "secret", right.address).start()
    await befriend(alice, bob)
    alice.send_message(bob.jid, "to the right")
    await bob.wait_message("to the right", alice.jid)
    bob.send_message(alice.jid, "to the left")
    await alice.wait_message("to the left", bob.jid)


async def test_kamailio_and_baresip(lab):
    """Presence and a message between two SIP clients, through Kamailio."""
    proxy = await Kamailio(lab, "phones.example").start()
    watcher = await Baresip(lab, "al@phones.example", proxy.tcp_port, contacts=["bo@phones.example"]).start()
    watched = await Baresip(lab, "bo@phones.example", proxy.tcp_port).start()
    await watched.set_online(True)
    await watcher.wait_contact("bo@phones.example", "Online")
    await watcher.send_message("bo@phones.example", "hello there")
    await watched.wait_message("hello there", "al@phones.example")
    await watched.set_online(False)
    await watcher.wait_contact("bo@phones.example", "Offline")


async def test_ocs_edges_speak_mutual_tls(lab):
    """The simulated edge against another of its kind: certificates both ways, messages come through byte for byte."""
    one = await Edge(lab, "two.example", 0, domain="one.example").start()
    two = await Edge(lab, "one.example", one.port, domain="two.example").start()
    connection = await two.dial()
    one_names = "sip.one.example"
    two.partner = "one.example"
    two.check_partner_certificate(connection)
    request = SipMessage.from_text(
        f"OPTIONS sip:{one_names} SIP/2.0\nRecord-Route: {two.record_routes()[0]}\n"
        + "\n".join(f"Via: {via}" for via in two.vias(connection))
        + "\nFrom: <sip:two.example>;tag=1;epid=02\nTo: <sip:one.example>\nCall-ID: 1234\nCSeq: 7 OPTIONS", "body with\r\nlines")
    connection.send(b"\r\n\r\n" + request.encode())
    received = await one.wait_request("OPTIONS")
    assert received.encode() == request.encode()
    one.respond(received, 200, "OK")
    answer = await two.wait_response("1234", 7, "OPTIONS")
    assert answer.status == 200 and answer.get_all("Via") == request.get_all("Via")
    assert answer.get("Record-Route") == two.record_routes()[0]


async def test_other_xmpp_clients(lab):
    """go-sendxmpp and profanity against Prosody."""
    server = await Prosody(lab, "left.example").start()
    alice = await XmppClient(lab, server.add_user("alice"), "secret", server.address).start()
    bob_jid, carol_jid = server.add_user("bob"), server.add_user("carol")
    bob = GoSendXmpp(lab, bob_jid, "secret", server.c2s_port)
    await bob.send(alice.jid, "sent in Go")
    await alice.wait_message("sent in Go", bob_jid)
    await bob.listen()
    alice.send_message(bob_jid, "heard in Go")
    await bob.wait_message("heard in Go", alice.jid)

    carol = await Profanity(lab, carol_jid, "secret", server.c2s_port).start()
    carol.send_message(alice.jid, "typed in a terminal")
    await alice.wait_message("typed in a terminal", carol_jid)
    alice.send_message(carol_jid, "read off a screen")
    await carol.wait_screen("read off a screen")
