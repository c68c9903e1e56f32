"""Federation over SIP with a SIMPLE domain: Kamailio as registrar, presence server and proxy, baresip as its user's client."""
from tests.lab.baresip import Baresip
from tests.lab.kamailio import Kamailio
from tests.lab.parley import Parley
from tests.lab.xmpp_client import XmppClient

OURS = "parley.example"
THEIRS = "phones.example"
ALICE, BOB = f"alice@{OURS}", f"bob@{THEIRS}"


async def _both_sides(lab, allow=True, contacts=(ALICE,)):
    proxy = await Kamailio(lab, THEIRS).start()
    node = await Parley(lab, OURS).start()
    if allow:
        node.allow(THEIRS, "--via", "sip", "--profile", "simple")
    alice = await XmppClient(lab, node.add_user("alice"), "secret", node.address).start()
    bob = await Baresip(lab, BOB, proxy.tcp_port, contacts=contacts).start()
    return proxy, node, alice, bob


async def test_we_watch_a_sip_user(lab):
    """An XMPP subscription becomes SUBSCRIBE; its notifications become presence; the end of it ends both."""
    proxy, node, alice, bob = await _both_sides(lab, contacts=())
    alice.subscribe(BOB)
    await alice.wait_presence(BOB, "subscribed")
    await alice.wait_presence(BOB, "available")
    mark = alice.mark()
    await bob.set_online(False)
    await alice.wait_presence(BOB, "unavailable", since=mark)
    mark = alice.mark()
    await bob.set_online(True)
    await alice.wait_presence(BOB, "available", since=mark)
    assert (await alice.roster())[BOB] == "to"
    mark = alice.mark()
    alice.unsubscribe(BOB)
    await proxy.process.wait_line(r"REQUEST SUBSCRIBE (?:.*\n)*.*REQUEST SUBSCRIBE")  # the second one, with Expires: 0
    await alice.wait_presence(BOB, "unavailable", since=mark)


async def test_a_sip_user_watches_us(lab):
    """Our user is asked, and until then the watcher sees nothing; after that every change."""
    proxy, node, alice, bob = await _both_sides(lab)
    await alice.wait_presence(BOB, "subscribe")
    assert await bob.contact_state(ALICE) != "Online", "seen before it was allowed"
    alice.allow(BOB)
    await bob.wait_contact(ALICE, "Online")
    alice.send_presence(kind="unavailable")
    await bob.wait_contact(ALICE, "Offline")
    alice.send_presence()
    await bob.wait_contact(ALICE, "Online")
    mark = alice.mark()
    alice.refuse(BOB)
    await bob.wait_contact(ALICE, "Offline")  # a polite no: nothing says more
    assert not [p for p in alice.presences(BOB, mark) if p["type"] == "subscribe"]


async def test_messages_both_ways(lab):
    """Pager mode: MESSAGE in, MESSAGE out, characters of every kind."""
    proxy, node, alice, bob = await _both_sides(lab)
    alice.send_message(BOB, "from XMPP to SIP: grüße €")
    await bob.wait_message("from XMPP to SIP: grüße €", ALICE)
    await bob.send_message(ALICE, "from SIP to XMPP: grüße")
    await alice.wait_message("from SIP to XMPP: grüße", BOB)


async def test_message_to_a_user_who_is_away(lab):
    """Accepted from SIP, kept, and delivered at the next log-in."""
    proxy, node, alice, bob = await _both_sides(lab)
    await alice.stop()
    await bob.send_message(ALICE, "for later")
    await bob.process.wait_line(r"SIP/2.0 200 OK\n(?:[^\n]+\n)*CSeq: \d+ MESSAGE")
    again = await XmppClient(lab, ALICE, "secret", node.address).start()
    await again.wait_message("for later", BOB)


async def test_unknown_users(lab):
    """A SIP user that does not exist is an error to ours, and ours that do not exist are 404 to theirs."""
    proxy, node, alice, bob = await _both_sides(lab, contacts=(f"nobody@{OURS}",))
    alice.send_message(f"nobody@{THEIRS}", "anybody?")
    await alice.wait_error(f"nobody@{THEIRS}", "item-not-found")
    await bob.send_message(f"nobody@{OURS}", "anybody?")
    await bob.process.wait_line(r"SIP/2.0 (404|604) [^\n]*\n(?:[^\n]+\n)*CSeq: \d+ MESSAGE")


async def test_domain_that_is_not_allowed(lab):
    """Refused with 403, and our user hears nothing of it."""
    proxy, node, alice, bob = await _both_sides(lab, allow=False)
    await bob.process.wait_line(r"SIP/2.0 403 [^\n]*\n(?:[^\n]+\n)*CSeq: \d+ SUBSCRIBE")
    await bob.send_message(ALICE, "let me in")
    await bob.process.wait_line(r"SIP/2.0 403 [^\n]*\n(?:[^\n]+\n)*CSeq: \d+ MESSAGE")
    await alice.stream["xep_0199"].ping(jid=OURS)
    assert not alice.presences(BOB) and not alice.messages(BOB)


async def test_dialogs_go_on_after_a_restart(lab):
    """kill -9 of our node: the watcher and the watched notice nothing, both dialogs continue."""
    proxy, node, alice, bob = await _both_sides(lab)
    await alice.wait_presence(BOB, "subscribe")
    alice.allow(BOB)
    await bob.wait_contact(ALICE, "Online")
    alice.subscribe(BOB)
    await alice.wait_presence(BOB, "available")
    subscriptions = len([line for line in proxy.process.log().splitlines() if "REQUEST SUBSCRIBE" in line])
    await node.restart(kill=True)
    again = await XmppClient(lab, ALICE, "secret", node.address).start()
    await again.wait_presence(BOB, "available", deadline=20)
    again.send_presence(kind="unavailable")
    await bob.wait_contact(ALICE, "Offline")
    again.send_presence()
    await bob.wait_contact(ALICE, "Online")
    mark = again.mark()
    await bob.set_online(False)
    await again.wait_presence(BOB, "unavailable", since=mark)
    after = [line for line in proxy.process.log().splitlines() if "REQUEST SUBSCRIBE" in line][subscriptions:]
    assert not any(f"sip:{ALICE}" in line for line in after), f"the watcher had to subscribe again: {after}"
