"""`parleyctl federation history` and `federation sheet`: what was with a partner, and what a partner needs to know of us."""
import json
import subprocess

from tests.acceptance.ocs import THEIRS, node_and_edge, U1, ALICE
from tests.lab.ca import CertificateAuthority
from tests.lab.ocs_chat import OutgoingChat
from tests.lab.parley import Parley
from tests.lab.prosody import Prosody
from tests.lab.waiting import until
from tests.lab.xmpp_client import XmppClient


def history(node, domain):
    """[(step, id, rule or None, times)], oldest first."""
    findings = json.loads(node.ctl("--json", "federation", "history", domain).stdout)["result"]["findings"]
    return [(each["step"], each["id"], each.get("rule"), each["seen"]["times"]) for each in findings]


async def test_history_of_an_xmpp_partner(lab):
    """Rule, a server that is down, one that is up, the stream both ways, its end; all of it after a restart too."""
    node = await Parley(lab, "parley.example").start()
    assert history(node, "partner.example") == []
    assert "nothing is known" in node.ctl("federation", "history", "partner.example").stdout
    node.allow("partner.example", "--via", "xmpp", "--comment", "sales")
    server = await Prosody(lab, "partner.example").start()
    await server.process.stop()
    alice = await XmppClient(lab, node.add_user("alice"), "secret", node.address).start()
    alice.send_message("bob@partner.example", "are you up?")
    await until(lambda: ("attempt", "history.failed", "test.tcp-refused") in [each[:3] for each in history(node, "partner.example")], 20,
                "the attempt that failed")
    text = node.ctl("federation", "history", "partner.example").stdout
    assert "[test.tcp-refused]" in text and "parleyctl federation test partner.example" in text, text
    assert "規則" in node.ctl("--lang", "ja", "federation", "history", "partner.example").stdout

    await server.start()
    node.ctl("federation", "retry", "partner.example")
    bob = await XmppClient(lab, server.add_user("bob"), "secret", server.address).start()
    bob.send_message(alice.jid, "now I am")
    await alice.wait_message("now I am", bob.jid)
    seen = [each[0:2] for each in history(node, "partner.example")]
    assert ("retry", "history.retried") in seen and ("link", "history.connected-in") in seen, seen
    await bob.stop()
    await server.process.stop()
    await until(lambda: ("link", "history.lost") in [each[:2] for each in history(node, "partner.example")], 20, "the end of the stream")
    node.ctl("federation", "remove", "partner.example")
    before = history(node, "partner.example")
    assert before[0][:2] == ("rule", "history.rule") and before[-1][:2] == ("rule", "history.rule-removed"), before
    await node.restart()
    assert history(node, "partner.example")[:len(before)] == before
    assert node.ctl("federation", "history", "parley.example", check=False).returncode == 4, "a domain of our own"


async def test_history_of_a_sip_partner(lab):
    """Connections both ways, and why a request of the partner's was refused."""
    node, edge, user = await node_and_edge(lab)
    chat = OutgoingChat(edge, U1)
    await chat.invite()
    await chat.accepted()
    user.send_message(ALICE, "hello")
    await chat.expect_text("hello")
    seen = history(node, THEIRS)
    assert ("link", "history.connected-in-sip", None, 1) in seen and ("link", "history.connected-sip", None, 1) in seen, seen
    node.ctl("federation", "deny", THEIRS)
    again = OutgoingChat(edge, U1)
    await again.invite()
    await again.refused(403)
    assert [each[1] for each in history(node, THEIRS)][-2:] == ["history.rule", "history.refused"], history(node, THEIRS)
    # An edge whose certificate names another host.
    await edge.stop()
    edge.certificate = lab.ca.issue("edge.elsewhere.example")
    await edge.start()
    node.allow(THEIRS, "--via", "sip", "--profile", "ocs")
    user.send_message(ALICE, "is it you?")
    await until(lambda: ("attempt", "history.failed", "test.identity-name") in [each[:3] for each in history(node, THEIRS)], 20,
                "the certificate of another host")
    # Somebody whom nobody here knows leaves nothing.
    assert history(node, "stranger.example") == []


async def test_sheet(lab):
    """Ports, records, certificate with issuer and fingerprint, what we ask, whom to write to."""
    node = await Parley(lab, "parley.example", {("node", "contact"): '["mailto:post@parley.example"]'}, more_domains=["second.example"]).start()
    report = json.loads(node.ctl("--json", "federation", "sheet").stdout)
    texts = [each["text"] for each in report["result"]["findings"]]
    subjects = {each["subject"] for each in report["result"]["findings"]}
    assert report["ok"]
    for port in (node.s2s_port, node.s2s_tls_port, node.sip_tls_port):
        assert any(text.endswith(f" {port}") for text in texts), (port, texts)
    assert f"_xmpp-server._tcp.parley.example. SRV 0 0 {node.s2s_port} xmpp.parley.example." in subjects, subjects
    assert any(subject.startswith("_sipfederationtls._tcp.second.example.") for subject in subjects), subjects
    assert not any("xmpp-client" in subject for subject in subjects)
    printed = subprocess.run(["openssl", "x509", "-in", str(node.certificate.chain), "-noout", "-fingerprint", "-sha256", "-issuer",
                              "-nameopt", "RFC2253"], capture_output=True, text=True, check=True).stdout
    fingerprint = printed.split("ingerprint=")[1].split()[0]
    issuer = printed.split("issuer=")[1].strip()
    assert any(fingerprint in text for text in texts), (fingerprint, texts)
    assert any(text == f"issued by {issuer}" for text in texts), (issuer, texts)
    assert any("mailto:post@parley.example" in text for text in texts)
    assert "conference.parley.example" in subjects, "the rooms"
    only = node.ctl("federation", "sheet", "second.example").stdout
    assert "second.example" in only and "parley.example. SRV" not in only, only
    assert node.ctl("federation", "sheet", "elsewhere.example", check=False).returncode == 4


async def test_history_names_what_the_test_names(lab):
    """Faults of XMPP partners, each met by a message: the rule id in the history is that of `federation test`."""
    node = await Parley(lab, "parley.example").start()
    alice = await XmppClient(lab, node.add_user("alice"), "secret", node.address).start()
    stranger = CertificateAuthority(lab.folder / "stranger", "nobody's CA")
    untrusted = stranger.issue("untrusted.example", with_issuer=True)  # alone it would be taken for an incomplete chain
    untrusted.ca = str(lab.ca.file)  # whom that server trusts
    await Prosody(lab, "plain.example", "plain").start()
    await Prosody(lab, "named.example", certificate=lab.ca.issue("other.example")).start()
    await Prosody(lab, "untrusted.example", certificate=untrusted).start()
    await Prosody(lab, "expired.example", certificate=lab.ca.issue("expired.example", days=-3)).start()
    lab.publish_xmpp("closed.example", lab.ports.take())
    for domain, rule in (("plain.example", "test.tls-not-offered"), ("named.example", "test.identity-name"),
                         ("untrusted.example", "test.identity-untrusted"), ("expired.example", "test.identity-expired"),
                         ("closed.example", "test.tcp-refused"), ("nowhere.example", "test.dns-no-server")):
        node.allow(domain, "--via", "xmpp")
        alice.send_message(f"bob@{domain}", "can you hear me?")

        def named():
            return [each[2] for each in history(node, domain) if each[1] == "history.failed"]

        await until(named, 20, f"the failure at {domain}")
        tested = json.loads(node.ctl("--json", "federation", "test", domain, check=False).stdout)["result"]["findings"]
        problems = [each["id"] for each in tested if each["verdict"] == "problem"]
        assert rule in problems, (domain, problems)
        assert set(named()) == {rule}, (domain, history(node, domain), node.ctl("federation", "history", domain).stdout)
