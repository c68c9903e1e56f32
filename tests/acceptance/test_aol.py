"""AOL's SIP gateway: plain headers, requests inside a dialog without Route and to the user's address, documents whose entity has no
scheme, users with e-mail addresses for names, domains that only it can reach, and its bad days."""
import random

from tests.acceptance.partner import OURS, U1, node_and_edge
from tests.lab.ocs_chat import IncomingChat, OutgoingChat
from tests.lab.ocs_watch import Presentity, Watch
from tests.lab.products import AOL
from tests.lab.waiting import until

THEIRS, HOST = "aol.com", "sip.oscar.aol.com"


async def _pair(lab, options=(), **edge_options):
    return await node_and_edge(lab, AOL, THEIRS, options, host=HOST, **edge_options)


async def _watching(pair, contact, **options):
    pair.user.subscribe(contact)
    seen = await Presentity.expect(pair.edge, contact, U1, **options)
    seen.accept(3600)
    return seen


async def test_presence_both_ways(lab):
    """A1, A5, A6: open, open with away, closed; our dnd is away. The answer has no Event, the entity no scheme; both key usages."""
    pair = await _pair(lab)
    pair.edge.check_partner_certificate(await pair.edge.dial())
    alice = await _watching(pair, pair.alice)
    for state, kind, show in (("Available", "available", ""), ("Away", "available", "away"), ("Invisible", "unavailable", None)):
        mark = pair.user.mark()
        await alice.notify_state(state)
        await pair.user.wait_presence(pair.alice, kind, show=show, since=mark)
    watch = Watch(pair.edge, U1)
    await watch.send()
    await watch.accepted()
    await pair.user.wait_presence(pair.alice, "subscribe")
    pair.user.allow(pair.alice)
    await watch.notified("open")
    pair.user.send_presence(show="dnd")
    await watch.notified("open", "away")


async def test_requests_in_a_dialog_have_no_route(lab):
    """A2: to the user's address or to our Contact, over any connection, without Route: found by the tags, after a restart too."""
    pair = await _pair(lab)
    watch = Watch(pair.edge, U1)
    await watch.send()
    answer = await watch.accepted()
    contact = answer.uri("Contact")
    for target in (f"sip:{U1}", contact):
        watch.remote_target = target
        await watch.send(connection=await pair.edge.dial())
        assert (await watch.accepted()).get("To") == answer.get("To")
    chat = OutgoingChat(pair.edge, U1, text="Hi")
    await chat.invite()
    await chat.accepted()
    for number, target in enumerate((f"sip:{U1}", contact)):
        await chat.request("MESSAGE", f"text {number}".encode(), "text/plain", remote_target=target, connection=await pair.edge.dial())
        await pair.user.wait_message(f"text {number}", pair.alice)
    await pair.node.restart(kill=True)
    await watch.send(connection=await pair.edge.dial())
    assert (await watch.accepted()).get("To") == answer.get("To"), "the dialog went on with the restart"
    unknown = Watch(pair.edge, U1)
    unknown.to = f"<sip:{U1}>;tag=0123456789"
    await unknown.send(connection=await pair.edge.dial())
    assert (await unknown.answer()).status == 481


async def test_users_with_a_mail_address(lab):
    """A3: user(gmail.com)@aol.com is written so on the wire, both ways, and shown by the e-mail address."""
    pair = await _pair(lab)
    address = f"user(gmail.com)@{THEIRS}"
    watch = Watch(pair.edge, U1, watcher="user(gmail.com)")
    await watch.send()
    await watch.accepted()
    asked = await pair.user.wait_presence(address, "subscribe")
    assert asked.xml.findtext("{http://jabber.org/protocol/nick}nick") == "user@gmail.com", str(asked)
    pair.user.allow(address)
    await watch.notified("open")
    seen = await _watching(pair, address)
    assert seen.request.request_uri == f"sip:{address}"
    await seen.notify_state("Available")
    shown = await pair.user.wait_presence(address, "available")
    assert shown.xml.findtext("{http://jabber.org/protocol/nick}nick") == "user@gmail.com", str(shown)
    pair.user.send_message(address, "hello user")
    chat = await IncomingChat.expect(pair.edge, address, U1)
    await chat.accept()
    await chat.expect_text("hello user")
    await chat.message("hello back")
    await pair.user.wait_message("hello back", address)


async def test_users_with_a_mail_address_can_be_refused(lab):
    """A3, the switch: 403 to what such users send, an error to who writes to them; all others go on."""
    pair = await _pair(lab, options=("--no-mail-names",))
    address = f"user(gmail.com)@{THEIRS}"
    watch = Watch(pair.edge, U1, watcher="user(gmail.com)")
    await watch.send()
    assert (await watch.answer()).status == 403
    chat = OutgoingChat(pair.edge, U1, caller="user(gmail.com)")
    await chat.invite()
    await chat.refused(403)
    pair.user.send_message(address, "anybody?")
    await pair.user.wait_error(address, "not-allowed")
    pair.user.subscribe(address)
    await pair.user.wait_presence(address, "unsubscribed")
    assert not pair.edge.requests() and not pair.user.messages(address)
    seen = await _watching(pair, f"user(1)@{THEIRS}")  # a name with parentheses is not yet an e-mail address
    await seen.notify_state("Away")


async def test_a_user_of_aim_is_addressed_at_aol(lab):
    """A4: who is asked for as bob@aol.com may answer as bob@aim.com, and is bob@aol.com to our user all the same."""
    pair = await _pair(lab)
    bob = f"bob@{THEIRS}"
    seen = await _watching(pair, bob)
    seen.user = "bob@aim.com"
    await seen.notify_state("Away")
    await pair.user.wait_presence(bob, "available", show="away")
    chat = OutgoingChat(pair.edge, U1, caller="bob")
    chat.local = chat.local.replace("@aol.com", "@aim.com")
    await chat.invite()
    await chat.accepted()
    await chat.message("from AIM")
    await pair.user.wait_message("from AIM", bob)
    pair.user.send_message(bob, "to AIM")
    await chat.expect_text("to AIM")


async def test_domains_behind_the_clearing_house(lab):
    """A8: a domain without records of its own goes to AOL's gateway, Request-URI unchanged; one with its own records goes there."""
    pair = await _pair(lab)
    hosted, own = "acompany.example", "other.example"
    for domain in (hosted, own):
        pair.node.allow(domain, "--via", "sip", "--profile", "aol")
    seen = await _watching(pair, f"carol@{hosted}")
    await seen.notify_state("Away")
    await pair.user.wait_presence(f"carol@{hosted}", "available", show="away")
    watch = Watch(pair.edge, U1)
    watch.watcher = f"dave@{hosted}"
    await watch.send()
    await watch.accepted()
    await pair.user.wait_presence(f"dave@{hosted}", "subscribe")
    second = type(pair.edge)(lab, OURS, pair.node.sip_tls_port, domain=own, product=AOL)
    await second.start()
    pair.user.subscribe(f"erin@{own}")
    await Presentity.expect(second, f"erin@{own}", U1)
    assert not [m for m in pair.edge.requests("SUBSCRIBE") if own in m.request_uri]
    stranger = Watch(second, U1)  # its own certificate does not speak for the hosted domain
    stranger.watcher = f"mallory@{hosted}"
    await stranger.send()
    assert (await stranger.answer()).status == 403


async def test_a_configured_route_of_the_clearing_house(lab):
    """The second of the four steps: without any record of AOL, its rule's next hop serves it and the domains behind it."""
    pair = await _pair(lab)
    hosted = "acompany.example"
    lab.dns.remove(f"_sipfederationtls._tcp.{THEIRS}")
    pair.node.allow(THEIRS, "--via", "sip", "--profile", "aol", "--next-hop", f"{HOST}:{pair.edge.port}")
    pair.node.allow(hosted, "--via", "sip", "--profile", "aol")
    for contact in (pair.alice, f"carol@{hosted}"):
        seen = await _watching(pair, contact)
        await seen.notify_state("Available")
        await pair.user.wait_presence(contact, "available")


async def test_another_clearing_house(lab):
    """A domain whose rule names the house: the house's records lead to it, and the house's host speaks for it."""
    pair = await _pair(lab)
    house, hosted = "house.example", "acompany.example"
    edge = await type(pair.edge)(lab, OURS, pair.node.sip_tls_port, domain=house, product=AOL).start()
    pair.node.allow(hosted, "--via", "sip", "--profile", "aol", "--clearing-house", house)
    carol = f"carol@{hosted}"
    pair.user.subscribe(carol)
    seen = await Presentity.expect(edge, carol, U1)
    seen.accept(3600)
    await seen.notify_state("Away")
    await pair.user.wait_presence(carol, "available", show="away")
    assert "clearing house house.example" in pair.node.ctl("federation", "list").stdout


async def test_bad_days(lab):
    """A7: a third of our requests gets 481, one no answer at all. No storm; each text arrives once, or its sender is told."""
    pair = await _pair(lab)
    dice = random.Random(7)
    taken, ignored = [], []

    def answer(request):
        if dice.random() < 0.3:
            if request.method == "MESSAGE" and not ignored:
                return ignored.append(request)
            return 481, "Call Leg/Transaction Does Not Exist", (), b""
        if request.method == "INVITE":
            media = f"v=0\r\no=- 0 0 IN IP4 10.1.1.1\r\ns=-\r\nc=IN IP4 10.1.1.1\r\nt=0 0\r\nm=message 5060 sip sip:{pair.alice}\r\na=accept-types:text/plain\r\n"
            return 200, "OK", [("Contact", f"<{AOL.contact(pair.edge, pair.alice)}>"), ("Content-Type", "application/sdp")], media
        if request.method == "MESSAGE":
            taken.append(request.body.decode())
        return 200, "OK", (), b""

    pair.edge.answer_all = answer
    texts = [f"text {number}" for number in range(20)]
    for text in texts:
        pair.user.send_message(pair.alice, text, ident=text)

    def done():
        told = {s["id"] for s in pair.user.journal.entries if s.name == "message" and s["type"] == "error"}
        return all(text in taken or text in told for text in texts)

    await until(done, 60, lambda: f"each text arrived or was given back; {taken} arrived")
    assert len(taken) == len(set(taken)), f"shown twice: {taken}"
    assert ignored, "nothing was left without an answer"
    assert len(pair.edge.requests("INVITE")) <= 3 * len(texts), "a storm of new sessions"
