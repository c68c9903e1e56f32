"""`parleyctl federation test`: each fault is named by its rule id, in under 10 s, and exit code 0 means that a message passes."""
import asyncio
import json
import ssl
import time

from tests.acceptance.ocs import ALICE, OURS, THEIRS, U1, login_u1
from tests.lab.ca import CertificateAuthority
from tests.lab.edge import Edge
from tests.lab.ejabberd import Ejabberd
from tests.lab.parley import Parley
from tests.lab.prosody import Prosody
from tests.lab.xmpp_peer import Product, XmppPeer

OCS = ("--via", "sip", "--profile", "ocs")


async def _node(lab, *options):
    node = await Parley(lab, OURS).start()
    if options:
        node.allow(THEIRS, *options)
    return node


async def _edge(lab, node, answer=(200, "OK"), headers=(), **options):
    """An edge that answers our look-up so; `answer=None`: not at all."""
    edge = await Edge(lab, OURS, node.sip_tls_port, domain=THEIRS, **options).start()
    if answer:
        edge.answer_all = lambda request: (*answer, headers) if request.method == "SUBSCRIBE" else None
    return edge


async def _ctl(node, *arguments):
    """parleyctl, while the simulated peers of this process go on."""
    return await asyncio.to_thread(node.ctl, *arguments, check=False)


async def _check(node, domain=THEIRS):
    """(exit code, ids of the problems, all findings)"""
    start = time.monotonic()
    done = await _ctl(node, "--json", "federation", "test", domain)
    took = time.monotonic() - start
    assert took < 10, f"{took:.1f} s"
    answer = json.loads(done.stdout)
    findings = answer["result"]["findings"]
    assert answer["ok"] == answer["result"]["good"] == (done.returncode == 0), done
    for finding in findings:
        assert finding["text"] and not finding["text"].startswith(finding["id"]), finding
    return done.returncode, [f["id"] for f in findings if f["verdict"] == "problem"], findings


async def _expect(node, rule_id, domain=THEIRS):
    code, problems, findings = await _check(node, domain)
    assert (code, problems[:1]) == (1, [rule_id]), json.dumps(findings, indent=1)
    return findings


async def test_a_good_sip_partner(lab):
    """Every step is shown with its time, and the exit code is 0; then a message does pass."""
    node = await _node(lab, *OCS)
    edge = await _edge(lab, node)
    code, problems, findings = await _check(node)
    assert (code, problems) == (0, []), json.dumps(findings, indent=1)
    steps = [f["step"] for f in findings]
    for step in ("policy", "way", "dns", "tcp", "tls", "identity", "probe"):
        assert step in steps, steps
    assert all("millis" in f for f in findings if f["step"] in ("tcp", "tls", "probe"))
    (look_up,) = edge.requests("SUBSCRIBE")
    assert look_up.get("Expires") == "0" and look_up.uri("To") == f"sip:parley-test@{THEIRS}", look_up
    node.add_user("u1")
    user = await login_u1(lab, node)
    user.send_message(ALICE, "as promised")
    await edge.wait_request("INVITE")
    text = (await _ctl(node, "federation", "test", THEIRS)).stdout
    assert f"a message to {THEIRS} would get through" in text, text
    assert "メッセージは届きます" in (await _ctl(node, "--lang", "ja", "federation", "test", THEIRS)).stdout


async def test_no_rule(lab):
    """No rule; a rule that denies."""
    node = await _node(lab)
    await _expect(node, "test.policy-none")
    node.ctl("federation", "deny", THEIRS)
    await _expect(node, "test.policy-denied")


async def test_no_dns(lab):
    """Neither records nor an address; a record whose host has no address; DNS that is silent."""
    node = await _node(lab, *OCS)
    findings = await _expect(node, "test.dns-no-server")
    assert f"_sipfederationtls._tcp.{THEIRS}" in [f for f in findings if f["verdict"] == "problem"][0]["fix"]
    node.allow("half.example", *OCS)
    lab.dns.srv("_sipfederationtls._tcp.half.example", 5061, "sip.half.example")
    findings = await _expect(node, "test.dns-no-address", "half.example")
    assert "sip.half.example" in [f for f in findings if f["verdict"] == "problem"][0]["subject"]
    lab.dns.be_silent()
    node.allow("silent.example")
    await _expect(node, "test.dns-silent", "silent.example")


async def test_neither_protocol(lab):
    """A rule without --via, and a domain that publishes nothing."""
    node = await _node(lab, "--comment", "by DNS")
    await _expect(node, "test.way-none")


async def test_closed_port(lab):
    """The record names a port on which nothing listens."""
    node = await _node(lab, *OCS)
    lab.publish_sip(THEIRS, tls_port=lab.ports.take(), federation=True)
    await _expect(node, "test.tcp-refused")


async def test_certificates(lab):
    """Another name, outside its dates, of an unknown CA."""
    node = await _node(lab, *OCS)
    edge = await _edge(lab, node, certificate=lab.ca.issue("edge.elsewhere.example"))
    findings = await _expect(node, "test.identity-name")
    assert "edge.elsewhere.example" in json.dumps(findings)
    stranger = CertificateAuthority(lab.folder / "stranger", "nobody's CA")
    for certificate, rule_id in ((lab.ca.issue(edge.host, days=-3), "test.identity-expired"),
                                 (stranger.issue(edge.host, with_issuer=True), "test.identity-untrusted"),
                                 (stranger.issue(edge.host), "test.identity-chain")):
        await edge.stop()
        certificate.ca = str(lab.ca.file)  # whom the edge trusts
        edge.certificate = certificate
        await edge.start(publish=False)
        await _expect(node, rule_id)


async def test_old_tls(lab):
    """A partner that speaks TLS 1.0 only: refused with what to do; with the setting the test passes and says so loudly."""
    node = await Parley(lab, OURS, certificate=lab.ca.issue(OURS, f"sip.{OURS}", key_type="rsa")).start()
    node.allow(THEIRS, *OCS)
    await _edge(lab, node, tls=ssl.TLSVersion.TLSv1, certificate=lab.ca.issue(f"sip.{THEIRS}", key_type="rsa"))
    findings = await _expect(node, "test.tls-ended")
    assert "--legacy-tls-until" in json.dumps(findings)
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 30 * 86400))
    node.allow(THEIRS, *OCS, "--legacy-tls-until", day)
    code, problems, findings = await _check(node)
    assert (code, problems) == (0, []), findings
    assert "test.tls-legacy" in [f["id"] for f in findings]
    for verb in (("status",), ("federation", "show", THEIRS)):
        text = node.ctl(*verb).stdout
        assert f"OLD TLS: {THEIRS} may speak TLS 1.0 until {day}" in text, text


async def test_refused_by_the_partner(lab):
    """403 with ms-diagnostics-public: refused, with the code in words; 504: it cannot find us."""
    node = await _node(lab, *OCS)
    reason = '1027;reason="Cannot route this type of SIP request to or from federated partners";source="sip.contoso.example"'
    edge = await _edge(lab, node, (403, "Forbidden"), [("ms-diagnostics-public", reason)])
    findings = await _expect(node, "test.probe-refused")
    assert "diag.1027" in [f["id"] for f in findings], findings
    assert OURS in [f for f in findings if f["id"] == "test.probe-refused"][0]["fix"]
    for code, rule_id in ((1008, "diag.1008"), (1099, "diag.sip-stack"), (16001, "diag.im-filter")):
        said = [("ms-diagnostics-public", f'{code};reason="Unable to resolve"')]
        edge.answer_all = lambda request: (504, "Server time-out", said)
        findings = await _expect(node, "test.probe-lost")
        assert rule_id in [f["id"] for f in findings], findings
    for status, phrase in ((404, "Not Found"), (480, "Temporarily Unavailable")):  # nobody is called so: the way is open
        edge.answer_all = lambda request: (status, phrase, [])
        code, problems, findings = await _check(node)
        assert (code, problems) == (0, []), findings
    edge.answer_all = None
    await _expect(node, "test.probe-silent")


async def test_show(lab):
    """`federation show`: the link with its certificate, and the last error in words; `sessions`: who writes with whom."""
    node = await _node(lab, *OCS)
    edge = await _edge(lab, node, certificate=lab.ca.issue("edge.elsewhere.example"))
    node.add_user("u1")
    user = await login_u1(lab, node)
    user.send_message(ALICE, "hello?")
    await node.process.wait_line(f"SIP: {THEIRS} cannot be reached", deadline=30)
    text = node.ctl("federation", "show", THEIRS).stdout
    assert "its certificate names edge.elsewhere.example, and not sip.contoso.example" in text, text
    await edge.stop()
    lab.dns.remove(f"_sipfederationtls._tcp.{THEIRS}")
    edge = await _edge(lab, node)
    user.send_message(ALICE, "hello!")
    await edge.wait_request("INVITE", deadline=30)
    shown = json.loads(node.ctl("--json", "federation", "show", THEIRS).stdout)["result"]["findings"]
    assert {"rule", "profile", "link", "queue", "subscriptions", "sessions"} <= {f["step"] for f in shown}, shown
    assert not [f for f in shown if f["id"] == "show.link-failed"], "an error older than the last attempt"
    links = [f for f in shown if f["id"] == "show.link"]
    assert any(f"{OURS} -> sip.{THEIRS}" in f["subject"] for f in links), shown
    sessions = node.ctl("federation", "sessions").stdout
    assert f"{U1} with {ALICE}" in sessions, sessions


async def test_retry(lab):
    """A partner that was away is asked again at once, and `show` says what each subscription waits for."""
    node = await _node(lab, *OCS)
    edge = await _edge(lab, node, None)
    await edge.stop()
    node.add_user("u1")
    user = await login_u1(lab, node)
    user.subscribe(ALICE)
    await node.process.wait_line(f"SIP: {THEIRS} cannot be reached", deadline=30)

    def shown():
        found = json.loads(node.ctl("--json", "federation", "show", THEIRS).stdout)["result"]["findings"]
        return {f["subject"]: f["id"] for f in found if f["step"] == "subscription"}

    deadline = time.monotonic() + 60
    while (state := await asyncio.to_thread(shown)) != {f"{U1} -> {ALICE}": "show.watch-waiting"}:
        assert time.monotonic() < deadline, state
        await asyncio.sleep(0.2)
    await edge.start(publish=False)
    done = await _ctl(node, "federation", "retry", THEIRS)
    assert done.returncode == 0 and "is tried again now" in done.stdout, done
    await edge.wait_request("SUBSCRIBE", deadline=5)  # by itself it would have been a minute
    assert (await _ctl(node, "federation", "retry", OURS)).returncode == 4


async def test_xmpp_partners(lab):
    """The whole negotiation with a real server: good; no TLS where it is required; a certificate of somebody else."""
    node = await _node(lab, "--via", "xmpp")
    server = await Prosody(lab, THEIRS).start()
    code, problems, findings = await _check(node)
    assert (code, problems) == (0, []), json.dumps(findings, indent=1)
    assert "SASL EXTERNAL" in json.dumps(findings)
    ids = [f["id"] for f in findings]
    assert "test.external-accepted" in ids and "test.dialback-not-offered" in ids, json.dumps(findings, indent=1)
    await server.process.stop()
    await _expect(node, "test.tcp-refused")


async def test_the_way_in_of_real_servers(lab):
    """Both servers connect back when they are asked; when what we publish leads nowhere, they cannot, and the test says so."""
    node = await _node(lab)
    for server in (await Prosody(lab, "p.example", "dialback").start(), await Ejabberd(lab, "e.example").start()):
        node.allow(server.domain, "--via", "xmpp", "--dialback")
        code, problems, findings = await _check(node, server.domain)
        assert (code, problems) == (0, []) and "test.in-proven" in [f["id"] for f in findings], json.dumps(findings, indent=1)
    node = await Parley(lab, "hidden.example").start()
    for name in ("_xmpp-server", "_xmpps-server"):
        lab.dns.remove(f"{name}._tcp.hidden.example")
        lab.dns.srv(f"{name}._tcp.hidden.example", lab.ports.take(), "xmpp.hidden.example")
    for domain in ("p.example", "e.example"):
        node.allow(domain, "--via", "xmpp", "--dialback")
        _, _, findings = await _check(node, domain)
        ids = {f["id"] for f in findings}
        assert "test.in-proven" not in ids, json.dumps(findings, indent=1)
        assert ids & {"test.in-unreachable", "test.in-silent", "test.in-elsewhere"}, json.dumps(findings, indent=1)


async def test_several_addresses(lab):
    """One dead, one slow, one good: the table shows each step of each, and the exit code is 0 with warnings."""
    node = await _node(lab, "--via", "xmpp")
    slow = await XmppPeer(lab, THEIRS, OURS, node.s2s_port, Product(delay=0.8), publish=False).start()
    good = await XmppPeer(lab, THEIRS, OURS, node.s2s_port, publish=False).start()
    for priority, (name, port) in enumerate((("dead", lab.ports.take()), ("slow", slow.port), ("good", good.port))):
        lab.dns.a(f"{name}.{THEIRS}", "127.0.0.1")
        lab.dns.srv(f"_xmpp-server._tcp.{THEIRS}", port, f"{name}.{THEIRS}", priority)
    done = await _ctl(node, "federation", "test", THEIRS)
    assert done.returncode == 0 and "would get through; warnings: 3" in done.stdout, done.stdout
    head, *rows = [line.split() for line in done.stdout.split("\n\n")[1].splitlines()]
    assert head == ["tcp", "tls", "identity", "external", "dialback", "stream"], done.stdout
    assert [row[0].split(".")[0] for row in rows] == ["dead", "slow", "good"], done.stdout
    assert rows[0][2] == "warn" and rows[0][5:] == ["-"] * 5 and rows[1][2] == rows[2][2] == "ok", done.stdout


async def test_xmpp_without_tls(lab):
    """A server without TLS, and a rule that requires it."""
    node = await _node(lab, "--via", "xmpp")
    await Prosody(lab, THEIRS, "plain").start()
    await _expect(node, "test.tls-not-offered")


async def test_xmpp_wrong_certificate(lab):
    """A certificate of another domain."""
    node = await _node(lab, "--via", "xmpp")
    await Prosody(lab, THEIRS, certificate=lab.ca.issue("other.example")).start()
    findings = await _expect(node, "test.identity-name")
    assert "--tls-name other.example" in [f for f in findings if f["id"] == "test.identity-name"][0]["fix"]


async def test_dns_plan(lab):
    """What is published and what the certificate names is marked; what is not makes the exit code 1."""
    node = await Parley(lab, OURS).start()
    plan = json.loads(node.ctl("--json", "dns", "plan", check=False).stdout)["result"]["findings"]
    missing = {f["subject"].split(".")[0] for f in plan if f["id"] == "plan.missing"}
    assert missing == {"_xmpp-client", "_xmpps-client"}, plan
    there = {f["subject"].split(".")[0] for f in plan if f["id"] == "plan.there"}
    assert there == {"_xmpp-server", "_xmpps-server", "_sips", "_sipfederationtls"}, plan
    lab.dns.srv(f"_xmpp-client._tcp.{OURS}", node.c2s_port, f"xmpp.{OURS}")
    lab.dns.srv(f"_xmpps-client._tcp.{OURS}", 1, f"xmpp.{OURS}")
    await _until_planned(node, lambda done: "published otherwise: 1 xmpp.cup.example" in done.stdout, 1)
    lab.dns.remove(f"_xmpps-client._tcp.{OURS}")
    lab.dns.srv(f"_xmpps-client._tcp.{OURS}", node.c2s_tls_port, f"xmpp.{OURS}")
    done = await _until_planned(node, lambda done: "not published" not in done.stdout and "otherwise" not in done.stdout, 0)
    assert f"sip.{OURS}" in done.stdout and "in the certificate" in done.stdout


async def _until_planned(node, wanted, code):
    """What DNS said before is remembered for its time to live, a second."""
    deadline = time.monotonic() + 15
    while True:
        done = await _ctl(node, "dns", "plan", OURS)
        if wanted(done):
            assert done.returncode == code, done
            return done
        assert time.monotonic() < deadline, done
