"""Federation over SIP with a domain whose user has linphone, behind Kamailio: another client's ideas of presence and messages."""
from tests.lab.kamailio import Kamailio
from tests.lab.linphone import Linphone
from tests.lab.parley import Parley
from tests.lab.xmpp_client import XmppClient

OURS, THEIRS = "parley.example", "phones.example"
ALICE, CAROL = f"alice@{OURS}", f"carol@{THEIRS}"


async def test_messages_and_presence(lab):
    """Texts both ways, characters of every kind; linphone watches our user, who allows it, goes and comes back."""
    proxy = await Kamailio(lab, THEIRS).start()
    node = await Parley(lab, OURS).start()
    node.allow(THEIRS, "--via", "sip", "--profile", "simple")
    alice = await XmppClient(lab, node.add_user("alice"), "secret", node.address).start()
    carol = await Linphone(lab, CAROL, proxy.tcp_port, contacts=[ALICE]).start()
    await alice.wait_presence(CAROL, "subscribe", deadline=20)
    alice.allow(CAROL)
    await carol.wait_notified(ALICE, "open")
    carol.send_message(ALICE, "from linphone: grüße €")
    await alice.wait_message("from linphone: grüße €", CAROL)
    alice.send_message(CAROL, "to linphone: grüße €")
    await carol.wait_message("to linphone: grüße €", ALICE)
    alice.send_presence(kind="unavailable")
    await carol.wait_notified(ALICE, "closed")
    alice.send_presence(show="dnd")
    await carol.wait_notified(ALICE, "open")
