"""What a partner that is refused is told, and what its administrator can learn of ours with the reference: `federation refusals`."""
import json
import re

from tests.acceptance.ocs import THEIRS, U1, node_and_edge
from tests.lab.ocs_chat import OutgoingChat
from tests.lab.ocs_watch import Watch
from tests.lab.parley import Parley, set_key
from tests.lab.prosody import Prosody
from tests.lab.waiting import until
from tests.lab.xmpp_client import XmppClient
from tests.lab.xmpp_peer import Product, XmppPeer, reason

REFERENCE = re.compile(r"\breference ([2-9a-z]{8})\b")


def reference_in(text):
    found = REFERENCE.search(text)
    assert found, f"no reference in {text!r}"
    return found.group(1)


def refusals(node, *of):
    """[(reference, subject, words, fix)], newest first."""
    findings = json.loads(node.ctl("--json", "federation", "refusals", *of).stdout)["result"]["findings"]
    return [(each["step"], each["subject"], each["text"], each["fix"]) for each in findings]


def disclose(node, on):
    file = node.folder / "parley.toml"
    file.write_text(set_key(file.read_text(), "federation", "disclose_reasons", "true" if on else "false"))
    node.ctl("reload")


async def test_a_stream_that_is_refused(lab):
    """The stream error has the reason and a reference; ours finds it, also after a restart; without disclosure it is all there is."""
    node = await Parley(lab, "parley.example").start()
    peer = await XmppPeer(lab, "partner.example", "parley.example", node.s2s_port).start()
    told = await peer.reason_of_refusal()
    assert "policy-violation" in told and "exchange with partner.example is not allowed here (reference " in told, told
    reference = reference_in(told)
    assert reference_in(await peer.reason_of_refusal()) == reference, "the same refusal is one entry"
    line = node.ctl("federation", "refusals", reference).stdout
    for part in (reference, "XMPP partner.example 127.0.0.1", "policy-violation, exchange with partner.example is not allowed here",
                 "2 times since", "parleyctl federation allow partner.example --via xmpp"):
        assert part in line, f"{part!r} is not in:\n{line}"
    assert f"(reference {reference})" in node.process.log()
    assert [each[0] for each in refusals(node, "partner.example")] == [reference]
    assert "拒否しました" in node.ctl("--lang", "ja", "federation", "refusals").stdout

    await node.restart()
    assert [each[0] for each in refusals(node)] == [reference], "it is in the store"
    unknown = node.ctl("federation", "refusals", "zzzzzzzz", check=False)
    assert unknown.returncode == 1 and "no refusal of zzzzzzzz is known" in unknown.stdout, unknown
    assert node.ctl("federation", "refusals", "quiet.example").returncode == 0, "none is no fault"

    before = len(node.process.log())
    disclose(node, False)
    told = await peer.reason_of_refusal()
    assert reference_in(told) == reference and "not allowed" not in told, told
    assert f"is not allowed here (reference {reference})" in node.process.log()[before:], "our log has the reason"


async def test_prosody_logs_what_it_was_told(lab):
    """A real partner's administrator reads the reason and the reference where he looks, and his user gets an error."""
    node = await Parley(lab, "parley.example").start()
    alice = node.add_user("alice")
    server = await Prosody(lab, "partner.example").start()
    bob = await XmppClient(lab, server.add_user("bob"), "secret", server.address).start()
    bob.send_message(alice, "do you hear me?")
    await bob.wait_error(alice)
    await until(lambda: REFERENCE.search(server.process.log()), 15, "the reference in the partner's log")
    (found,) = refusals(node, reference_in(server.process.log()))
    assert found[1].startswith("XMPP partner.example 127.0.0.1"), found
    assert "is not allowed here" in server.process.log()


async def test_proofs_that_are_not_enough(lab):
    """EXTERNAL and dialback: their errors have the reason too."""
    node = await Parley(lab, "parley.example").start()
    node.allow("partner.example", "--via", "xmpp")
    other = lab.ca.issue("elsewhere.example")
    peer = await XmppPeer(lab, "partner.example", "parley.example", node.s2s_port, Product(external=False), certificate=other).start()
    answer = await peer.is_refused()
    told = reason_of(answer)
    assert "its certificate names elsewhere.example, and not partner.example" in told, told
    (found,) = refusals(node, reference_in(told))
    assert "a certificate that we trust and that names partner.example" in found[3], found


def reason_of(answer):
    return answer.findtext(".//{urn:ietf:params:xml:ns:xmpp-stanzas}text") or ""


async def test_what_a_rule_for_one_direction_keeps_out(lab):
    """A message of a partner that may only be written to: the stanza error has both, and nothing else is refused."""
    node = await Parley(lab, "parley.example").start()
    node.allow("partner.example", "--via", "xmpp", "--direction", "out")
    alice = node.add_user("alice")
    server = await Prosody(lab, "partner.example").start()
    bob = await XmppClient(lab, server.add_user("bob"), "secret", server.address).start()
    bob.send_message(alice, "may I?")
    told = reason(await bob.wait_error(alice))
    assert "nothing from partner.example is let in here (reference " in told, told
    (found,) = refusals(node, reference_in(told))
    assert found[1] == "XMPP partner.example -> parley.example" and "--direction both" in found[3], found
    disclose(node, False)
    mark = bob.mark()
    bob.send_message(alice, "and why not?")
    assert reason(await bob.wait_error(alice, since=mark)) == f"reference {reference_in(told)}"


async def test_sip_requests_that_are_refused(lab):
    """A Warning with the reason and the reference: without a rule, by one direction, and without disclosure."""
    node, edge, _ = await node_and_edge(lab, allow=False)

    async def invited(words):
        chat = OutgoingChat(edge, U1)
        await chat.invite()
        warning = (await chat.refused(403)).get("Warning")
        assert re.fullmatch(rf'399 parley "{words}"', warning), warning
        return reference_in(warning)

    reference = await invited(rf"exchange with {THEIRS} is not allowed here \(reference [2-9a-z]{{8}}\)")
    (found,) = refusals(node, reference)
    assert found[1] == f"SIP {THEIRS} 127.0.0.1" and f"parleyctl federation allow {THEIRS} --via sip" in found[3], found
    disclose(node, False)
    assert await invited(f"reference {reference}") == reference
    disclose(node, True)

    node.allow(THEIRS, "--via", "sip", "--profile", "ocs", "--direction", "out")
    watch = Watch(edge, U1)
    await watch.send()
    answer = await watch.answer()
    assert answer.status == 403 and f"nothing from {THEIRS} is let in here (reference " in answer.get("Warning"), str(answer)
    reference = reference_in(answer.get("Warning"))
    (found,) = refusals(node, reference)
    assert found[1] == f"SIP {THEIRS}" and "--direction both" in found[3], found
    # Whoever is asked for: a session tells no more than a subscription.
    for user in (U1, "nobody@" + U1.partition("@")[2]):
        chat = OutgoingChat(edge, user)
        await chat.invite()
        assert reference_in((await chat.refused(403)).get("Warning")) == reference
