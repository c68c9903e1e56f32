"""The users' own say: blocking, pending requests and decisions, from every kind of client, towards every kind of watcher."""
import asyncio
import json
import xml.etree.ElementTree as ElementTree

from slixmpp.exceptions import IqError

from tests.acceptance.ocs import ALICE as SIP_ALICE, U1, login_u1, node_and_edge
from tests.lab.ocs_watch import Watch, state_of
from tests.lab.parley import Parley
from tests.lab.pidf import Presence
from tests.lab.profanity import Profanity
from tests.lab.prosody import Prosody
from tests.lab.waiting import until
from tests.lab.xmpp_client import XmppClient, befriend

DOMAIN = "chat.example"
BLOCKED = "{urn:xmpp:blocking:errors}blocked"
POLICY = "{urn:parley:policy:0}"


async def _node(lab, *names, settings=None):
    node = await Parley(lab, DOMAIN, settings).start()
    return node, *[node.add_user(name) for name in names]


async def _login(lab, node, jid, **options):
    return await XmppClient(lab, jid, "secret", node.address, **options).start()


def _policy(node, jid):
    """({who: verdict}, inside, outside) as parleyctl has it."""
    result = json.loads(node.ctl("--json", "policy", "show", jid).stdout)["result"]
    return {entry["who"]: entry["verdict"] for entry in result["entries"]}, result["inside"], result["outside"]


async def _settled(client):
    """All that the client sent before has been dealt with."""
    await client.stream["xep_0199"].ping(jid=client.jid.partition("@")[2])


def _pushes(client, name, since=0):
    found = []
    for stanza in client.journal.entries[since:]:
        if stanza.name == "iq" and stanza["type"] == "set":
            for element in stanza.xml.iter("{urn:xmpp:blocking}" + name):
                found += [item.get("jid") for item in element] or ["all"]
    return found


async def test_the_blocking_command(lab):
    """XEP-0191 with slixmpp: the list, its pushes, what both sides see while it holds and after."""
    node, alice_jid, bob_jid = await _node(lab, "alice", "bob")
    desk = await _login(lab, node, alice_jid, resource="desk", plugins=("xep_0191",))
    phone = await _login(lab, node, alice_jid, resource="phone", plugins=("xep_0191",))
    bob = await _login(lab, node, bob_jid)
    await befriend(desk, bob)
    info = await desk.stream["xep_0030"].get_info(jid=DOMAIN)
    assert "urn:xmpp:blocking" in info["disco_info"]["features"]
    for client in (desk, phone):
        assert not (await client.stream["xep_0191"].get_blocked())["blocklist"]["items"]

    mark, bob_mark = desk.mark(), bob.mark()
    await phone.stream["xep_0191"].block(bob_jid)
    await until(lambda: _pushes(desk, "block", mark) == [bob_jid], 10, "a push to the other client")
    for resource in ("desk", "phone"):
        await bob.journal.wait_for(f"{resource} goes offline", lambda s, r=resource: s.name == "presence" and
                                   str(s["from"]) == f"{alice_jid}/{r}" and s["type"] == "unavailable", bob_mark)
    bob_mark, mark = bob.mark(), desk.mark()
    bob.send_message(alice_jid, "can you hear me?")
    desk.send_presence(show="dnd")
    ident = desk.send_message(bob_jid, "now I can, but you do not hear it")
    error = await desk.wait_error(bob_jid, "not-acceptable")
    assert error["id"] == ident and error.xml.find("{jabber:client}error/" + BLOCKED) is not None
    await _settled(bob)
    await _settled(desk)
    assert not desk.messages(bob_jid, mark) and not phone.messages(bob_jid)
    assert len(bob.journal.entries[bob_mark:]) == 1, f"more than the answer to a ping: {bob.journal.entries[bob_mark:]}"
    assert [str(jid) for jid in (await desk.stream["xep_0191"].get_blocked())["blocklist"]["items"]] == [bob_jid]

    await desk.stream["xep_0191"].unblock(bob_jid)
    await bob.wait_presence(alice_jid, "available", show="dnd", since=bob_mark)
    await until(lambda: _pushes(phone, "unblock"), 10, "a push to the other client")
    bob.send_message(alice_jid, "and now?")
    await desk.wait_message("and now?", bob_jid)
    status = json.loads(node.ctl("--json", "status").stdout)["result"]["counters"]
    assert status["unheard"] == 1, status
    assert '"policy.unheard"' in (node.folder / "audit.log").read_text()


async def test_profanity_blocks_and_answers(lab):
    """profanity: its block list, a request that waits for its next log-in, and its answer, which changes no list."""
    node, alice_jid, bob_jid, carol_jid = await _node(lab, "alice", "bob", "carol")
    bob, alice = await _login(lab, node, bob_jid), await _login(lab, node, alice_jid)
    carol = await Profanity(lab, carol_jid, "secret", node.c2s_port).start()
    carol.type(f"/sub request {bob_jid}")
    await bob.wait_presence(carol_jid, "subscribe")
    bob.allow(carol_jid)
    bob.subscribe(carol_jid)
    await carol.wait_screen(r"(?i)received authori[sz]ation request from " + bob_jid)
    carol.type(f"/sub allow {bob_jid}")
    await bob.wait_presence(carol_jid, "available")
    mark = bob.mark()
    carol.type(f"/blocked add {bob_jid}")
    await bob.wait_presence(carol_jid, "unavailable", since=mark)
    assert _policy(node, carol_jid)[0] == {bob_jid: "block"}
    bob.send_message(carol_jid, "not for your eyes")
    carol.type("/blocked")
    await carol.wait_screen(bob_jid)
    mark = bob.mark()
    carol.type(f"/blocked remove {bob_jid}")
    await bob.wait_presence(carol_jid, "available", since=mark)
    assert _policy(node, carol_jid)[0] == {}
    assert "not for your eyes" not in carol.screen()

    await carol.stop()
    alice.subscribe(carol_jid)
    await _settled(alice)
    await node.restart(kill=True)
    again = await Profanity(lab, carol_jid, "secret", node.c2s_port, home="later").start()
    await again.wait_screen(r"(?i)received authori[sz]ation request from " + alice_jid)
    again.type(f"/sub deny {alice_jid}")
    alice = await _login(lab, node, alice_jid)
    await until(lambda: node.ctl("--json", "explain", alice_jid, carol_jid, check=False).stdout.find("explain.refused") > 0, 10, "a no")
    await alice.wait_presence(carol_jid, "unavailable")
    assert _policy(node, carol_jid)[0] == {}, "the answer of such a client is for this request alone"


async def test_a_request_waits_through_a_crash(lab):
    """Held pending, over kill -9; shown again at each log-in until it is answered; then the presence comes at once."""
    node, alice_jid, bob_jid = await _node(lab, "alice", "bob")
    bob = await _login(lab, node, bob_jid)
    bob.subscribe(alice_jid)
    await _settled(bob)
    await node.restart(kill=True)
    for _ in range(2):
        alice = await _login(lab, node, alice_jid)
        await alice.wait_presence(bob_jid, "subscribe")
        await alice.stop()
    alice = await _login(lab, node, alice_jid)
    await alice.wait_presence(bob_jid, "subscribe")
    alice.send_presence(show="away")
    bob = await _login(lab, node, bob_jid)
    alice.allow(bob_jid)
    await bob.wait_presence(alice_jid, "subscribed")
    await bob.wait_presence(alice_jid, "available", show="away")
    await alice.stop()
    alice = await _login(lab, node, alice_jid)
    await _settled(alice)
    assert not [p for p in alice.presences(bob_jid) if p["type"] == "subscribe"], "asked once more"


async def test_whose_answer_goes_into_the_list(lab):
    """D4: a native client's answer does, another's does not, unless the administrator lets it count."""
    node, alice_jid, bob_jid, carol_jid, dora_jid = await _node(lab, "alice", "bob", "carol", "dora")
    bob, carol, dora = [await _login(lab, node, jid) for jid in (bob_jid, carol_jid, dora_jid)]
    alice = await _login(lab, node, alice_jid)
    bob.subscribe(alice_jid)
    await alice.wait_presence(bob_jid, "subscribe")
    alice.refuse(bob_jid)
    await bob.wait_presence(alice_jid, "subscribed")
    assert _policy(node, alice_jid)[0] == {}
    await alice.stop()

    native = await _login(lab, node, alice_jid, native=True)
    carol.subscribe(alice_jid)
    await native.wait_presence(carol_jid, "subscribe")
    native.refuse(carol_jid)
    await carol.wait_presence(alice_jid, "subscribed")
    await until(lambda: _policy(node, alice_jid)[0] == {carol_jid: "block"}, 10, "an entry")
    dora.subscribe(alice_jid)
    await native.wait_presence(dora_jid, "subscribe")
    native.allow(dora_jid)
    await dora.wait_presence(alice_jid, "available")
    assert _policy(node, alice_jid)[0] == {carol_jid: "block", dora_jid: "allow"}
    assert await native.roster() == {dora_jid: "from"}
    native.send_presence(show="dnd")
    await dora.wait_presence(alice_jid, "available", show="dnd")
    for refused in (bob, carol):
        await _settled(refused)
        assert [p["type"] for p in refused.presences(alice_jid)] == ["subscribed"]

    # The whole policy by urn:parley:policy:0, and a decision about a domain.
    request = native.stream.make_iq_get()
    request.append(ElementTree.Element(POLICY + "policy"))
    answer = (await request.send()).xml.find(POLICY + "policy")
    assert {item.get("jid"): (item.get("verdict"), item.get("by")) for item in answer} == {
        carol_jid: ("block", "native client"), dora_jid: ("allow", "native client")}
    mark = native.mark()
    node.ctl("policy", "default", alice_jid, "--outside", "block")
    node.ctl("policy", "unset", alice_jid, dora_jid)
    await native.journal.wait_for("a push", lambda s: s.xml.find(POLICY + "policy") is not None and
                                  s.xml.find(POLICY + "policy").get("outside") == "block", mark)


async def test_other_clients_may_be_let_count(lab):
    """third_party_decisions_count: then the answer of any client is an entry."""
    node, alice_jid, bob_jid = await _node(lab, "alice", "bob", settings={("policy", "third_party_decisions_count"): "true"})
    bob, alice = await _login(lab, node, bob_jid), await _login(lab, node, alice_jid)
    bob.subscribe(alice_jid)
    await alice.wait_presence(bob_jid, "subscribe")
    alice.refuse(bob_jid)
    await bob.wait_presence(alice_jid, "subscribed")
    assert _policy(node, alice_jid)[0] == {bob_jid: "block"}


async def test_defaults_answer_for_the_user(lab):
    """Allow lets in at once and shows the presence; block is a yes that shows nobody; the user hears of the first in the roster only."""
    node, alice_jid, bob_jid, carol_jid = await _node(lab, "alice", "bob", "carol")
    node.ctl("policy", "default", alice_jid, "--inside", "allow")
    node.ctl("policy", "block", alice_jid, carol_jid)
    alice, bob, carol = [await _login(lab, node, jid) for jid in (alice_jid, bob_jid, carol_jid)]
    for watcher in (bob, carol):
        watcher.subscribe(alice_jid)
        await watcher.wait_presence(alice_jid, "subscribed")
    await bob.wait_presence(alice_jid, "available")
    assert await alice.roster() == {bob_jid: "from"}
    alice.send_presence(show="xa")
    await bob.wait_presence(alice_jid, "available", show="xa")
    await _settled(carol)
    assert [p["type"] for p in carol.presences(alice_jid)] == ["subscribed"]
    assert not [p for p in alice.journal.entries if p.name == "presence" and p["type"] == "subscribe"]
    node.ctl("policy", "allow", alice_jid, carol_jid)
    await carol.wait_presence(alice_jid, "available", show="xa")


async def test_a_partner_over_xmpp_is_blocked(lab):
    """A Prosody user: offline for ever, messages taken without a word; by person, by domain, and back."""
    partner = await Prosody(lab, "partner.example", "certificate").start()
    node, alice_jid = await _node(lab, "alice")
    node.allow("partner.example", "--via", "xmpp")
    bob = await XmppClient(lab, partner.add_user("bob"), "secret", partner.address).start()
    alice = await _login(lab, node, alice_jid, plugins=("xep_0191",))
    await befriend(alice, bob)
    for who in (bob.jid, "partner.example"):
        mark, alice_mark = bob.mark(), alice.mark()
        await alice.stream["xep_0191"].block(who)
        await bob.wait_presence(alice_jid, "unavailable", since=mark)
        mark = bob.mark()
        bob.send_message(alice_jid, "hello?")
        bob.stream.make_iq_get("jabber:iq:last", ito=alice.full_jid).send(callback=lambda _: None)
        await bob.wait_error(alice_jid, "service-unavailable", since=mark)  # as of a resource that is gone
        alice.send_presence(show="dnd")
        await alice.stop()
        alice = await _login(lab, node, alice_jid, plugins=("xep_0191",))
        await _settled(alice)
        await _settled(bob)
        assert not bob.presences(alice_jid, mark) and not alice.messages(bob.jid)
        await bob.stop()
        bob = await XmppClient(lab, bob.jid, "secret", partner.address).start()
        await bob.wait_presence(alice_jid, "unavailable")  # the answer to its server's probe
        mark = bob.mark()
        await alice.stream["xep_0191"].unblock(who)
        await bob.wait_presence(alice_jid, "available", since=mark)
        await alice.wait_presence(bob.jid, "available")  # asked for again
        assert alice_mark is not None
    seen = node.ctl("explain", bob.jid, alice_jid)
    assert "sees" in seen.stdout and "let" in seen.stdout, seen.stdout


async def test_a_sip_watcher_is_blocked(lab):
    """An OCS user: the subscription stays active and says closed, whatever the user does; messages are answered 200."""
    node, edge, user = await node_and_edge(lab)
    watch = Watch(edge, U1)
    await watch.send()
    await watch.accepted()
    await user.wait_presence(SIP_ALICE, "subscribe")
    user.allow(SIP_ALICE)
    await watch.notified("open")
    node.ctl("policy", "block", U1, "contoso.example")
    closed = await watch.notified("closed")
    assert state_of(closed)[0] == "active"
    mark = edge.journal.mark()
    user.send_presence(show="dnd")
    await user.stop()
    user = await login_u1(lab, node)
    await _settled(user)
    await watch.send()  # a refresh
    await watch.accepted()
    again = await watch.next_notify()
    assert state_of(again)[0] == "active" and Presence(again.body).basic == "closed"
    assert again.body == closed.body
    assert not [m for m in edge.requests("NOTIFY", mark) if m.body and Presence(m.body).basic == "open"]
    blocked = node.ctl("explain", SIP_ALICE, U1, check=False)
    assert blocked.returncode == 1 and "has blocked contoso.example" in blocked.stdout, blocked.stdout
    node.ctl("policy", "unset", U1, "contoso.example")
    await watch.notified("open")


async def test_explain(lab):
    """Each gate in turn is the one that is closed."""
    node, alice_jid, bob_jid = await _node(lab, "alice", "bob")

    def explain(watcher, target, lang="en"):
        done = node.ctl("--json", "--lang", lang, "explain", watcher, target, check=False)
        answer = json.loads(done.stdout)
        return done.returncode, [f["id"] for f in answer["result"]["findings"] if f["verdict"] == "problem"]

    assert explain("eve@else.example", alice_jid)[1][0] == "explain.domain-denied"
    assert explain(bob_jid, alice_jid) == (1, ["explain.not-asked", "explain.does-not-watch"])
    bob = await _login(lab, node, bob_jid)
    bob.subscribe(alice_jid)
    await _settled(bob)
    assert explain(bob_jid, alice_jid) == (1, ["explain.waits", "explain.has-asked"])
    node.ctl("policy", "allow", alice_jid, bob_jid)
    await bob.wait_presence(alice_jid, "subscribed")
    assert explain(bob_jid, alice_jid) == (0, [])
    node.ctl("policy", "block", alice_jid, DOMAIN)
    assert explain(bob_jid, alice_jid) == (0, []), "the person wins over the domain"
    node.ctl("policy", "unset", alice_jid, bob_jid)
    assert explain(bob_jid, alice_jid) == (1, ["explain.policy-blocks"])
    assert node.ctl("explain", "eve@else.example", "mallory@else.example", check=False).returncode == 4
    assert explain("nobody@" + DOMAIN, alice_jid)[1] == ["act.user-unknown"]
    assert explain(bob_jid, alice_jid, lang="ja")[0] == 1


async def test_no_decision_is_lost(lab):
    """kill -9 at the moment after each answer: what was confirmed is there, and what it caused is seen."""
    node, alice_jid = await _node(lab, "alice")
    watchers = [await _login(lab, node, node.add_user(f"w{number}")) for number in range(4)]
    for round_number in range(3):
        alice = await _login(lab, node, alice_jid, plugins=("xep_0191",))
        blocked = {f"x{number}@round{round_number}.example" for number in range(20)}
        await asyncio.gather(*[alice.stream["xep_0191"].block(jid) for jid in blocked])
        await node.restart(kill=True)
        entries = _policy(node, alice_jid)[0]
        assert blocked <= set(entries), f"lost: {blocked - set(entries)}"
    watchers = [await _login(lab, node, watcher.jid) for watcher in watchers]
    for watcher in watchers:
        watcher.subscribe(alice_jid)
        await _settled(watcher)
    node.kill()
    await node.restart()
    alice = await _login(lab, node, alice_jid, native=True)
    for watcher in watchers:
        await alice.wait_presence(watcher.jid, "subscribe")
    for number, watcher in enumerate(watchers):
        alice.allow(watcher.jid) if number % 2 else alice.refuse(watcher.jid)
    await _settled(alice)
    node.kill()
    await node.restart()
    entries = _policy(node, alice_jid)[0]
    for number, watcher in enumerate(watchers):
        assert entries[watcher.jid] == ("allow" if number % 2 else "block")
    alice = await _login(lab, node, alice_jid)
    for number, jid in enumerate([watcher.jid for watcher in watchers]):
        watcher = await _login(lab, node, jid)
        if number % 2:
            await watcher.wait_presence(alice_jid, "available")
            continue
        # The yes may have been lost with the server; then it is said again. Who is refused sees nobody either way.
        await watcher.journal.wait_for("a yes, now or before", lambda s: s.name == "presence" and s["from"].bare == alice_jid and
                                       s["type"] in ("subscribed", "unavailable"))
        await _settled(watcher)
        assert (await watcher.roster())[alice_jid] == "to"
        assert "available" not in [p["type"] for p in watcher.presences(alice_jid)]
    assert not [p for p in alice.journal.entries if p.name == "presence" and p["type"] == "subscribe"]


async def test_a_stopped_node_takes_decisions(lab):
    """parleyctl on the store: the list is changed, and at the next log-in it answers what has waited."""
    node, alice_jid, bob_jid, carol_jid = await _node(lab, "alice", "bob", "carol")
    bob, carol = await _login(lab, node, bob_jid), await _login(lab, node, carol_jid)
    for asker in (bob, carol):
        asker.subscribe(alice_jid)
        await _settled(asker)
    await node.stop()
    node.ctl("policy", "allow", alice_jid, bob_jid)
    node.ctl("policy", "block", alice_jid, carol_jid, "spam.example")
    node.ctl("policy", "default", alice_jid, "--inside", "allow", "--outside", "block")
    node.ctl("policy", "unset", alice_jid, "spam.example")
    assert _policy(node, alice_jid) == ({bob_jid: "allow", carol_jid: "block"}, "allow", "block")
    assert node.ctl("policy", "block", alice_jid, alice_jid, check=False).returncode == 4
    assert node.ctl("policy", "block", f"nobody@{DOMAIN}", bob_jid, check=False).returncode == 4
    assert node.ctl("explain", bob_jid, alice_jid, check=False).returncode == 3, "only a running node can look"
    await node.restart()
    bob, carol = await _login(lab, node, bob_jid), await _login(lab, node, carol_jid)
    alice = await _login(lab, node, alice_jid)
    await bob.wait_presence(alice_jid, "available")
    await carol.wait_presence(alice_jid, "subscribed")
    await _settled(alice)
    assert not [p for p in alice.journal.entries if p.name == "presence" and p["type"] == "subscribe"]
    assert await alice.roster() == {bob_jid: "from"}


async def test_old_clients_have_a_privacy_list(lab):
    """XEP-0016: one list, the same entries; what it cannot keep is refused and changes nothing."""
    node, alice_jid, bob_jid = await _node(lab, "alice", "bob")
    alice, bob = await _login(lab, node, alice_jid), await _login(lab, node, bob_jid)
    await befriend(alice, bob)
    privacy = "{jabber:iq:privacy}"

    async def ask(kind, *children):
        request = alice.stream.make_iq(itype=kind)
        query = ElementTree.Element(privacy + "query")
        query.extend(children)
        request.append(query)
        return (await request.send()).xml.find(privacy + "query")

    def a_list(*items):
        element = ElementTree.Element(privacy + "list", name="policy")
        for number, (value, action) in enumerate(items):
            ElementTree.SubElement(element, privacy + "item", type="jid", value=value, action=action, order=str(number))
        return element

    assert [child.get("name") for child in await ask("get")] == ["policy", "policy"]
    mark = alice.mark()
    await ask("set", a_list((bob_jid, "deny"), ("friend.example", "allow")))
    await bob.wait_presence(alice_jid, "unavailable")
    await alice.journal.wait_for("a push", lambda s: s.name == "iq" and s["type"] == "set" and
                                 s.xml.find(privacy + "query") is not None, mark)
    assert _policy(node, alice_jid)[0] == {bob_jid: "block", "friend.example": "allow"}
    try:
        await ask("set", a_list(), ElementTree.Element(privacy + "active"))
        raise AssertionError("two children are one too many")
    except IqError as error:
        assert error.condition == "bad-request"
    group = ElementTree.Element(privacy + "list", name="policy")
    ElementTree.SubElement(group, privacy + "item", type="group", value="Enemies", action="deny", order="1")
    try:
        await ask("set", group)
        raise AssertionError("a group is not kept")
    except IqError as error:
        assert error.condition == "feature-not-implemented"
    assert _policy(node, alice_jid)[0] == {bob_jid: "block", "friend.example": "allow"}
    mark = bob.mark()
    await ask("set", a_list())
    await bob.wait_presence(alice_jid, "available", since=mark)
    assert _policy(node, alice_jid)[0] == {}
