"""The fault bench: every line of tests/data/fault-bench.txt injected with real sockets, names and certificates; `federation test` must
name the right rule id, in under 10 s, and be green only where a message gets through."""
import asyncio
import json
import time

from tests.lab import fault_bench, faults_sip, faults_xmpp
from tests.lab.ca import SERVER
from tests.lab.faults import NO_CLIENT, OURS, Case, injections
from tests.lab.parley import Parley
from tests.lab.xmpp_client import XmppClient

ELSEWHERE = ("resolver-down", "dns-slow", "node-down")  # about our own node or its name server: tests of their own
INJECTIONS = {**injections(faults_xmpp), **injections(faults_sip)}


async def _node(lab):
    """One node with two domains: the certificate of the second is for servers only."""
    node = Parley(lab, OURS, more_domains=[NO_CLIENT])
    issue = node._issue
    node._issue = lambda domain: lab.ca.issue(domain, f"sip.{domain}", usages=(SERVER,)) if domain == NO_CLIENT else issue(domain)
    return await node.start()


async def _verdict(node, domain, *options):
    """(verdict, ids foremost first, answer): problems come before warnings, and both before what is good."""
    began = time.monotonic()
    done = await asyncio.to_thread(node.ctl, "--json", "federation", "test", domain, *options, check=False)
    took = time.monotonic() - began
    answer = json.loads(done.stdout)
    assert took < 10, f"{domain}: {took:.1f} s"
    findings = answer["result"]["findings"]
    assert answer["result"]["good"] == answer["ok"] == (done.returncode == 0) and done.returncode in (0, 1), done
    for finding in findings:
        assert finding["text"] and not finding["text"].startswith(("test.", "diag.", "@")), finding
        assert finding["verdict"] in ("good", "note") or finding["fix"] or finding["id"] == "test.out-of-time", finding
    of = {kind: [f["id"] for f in findings if f["verdict"] == kind] for kind in ("problem", "warning", "note", "good")}
    verdict = "red" if done.returncode else "warning" if of["warning"] else "green"
    return verdict, of, findings


def _wrong(line, verdict, of, findings):
    """None, or what is not as the line says."""
    ids = [f["id"] for f in findings]
    foremost = {"red": of["problem"], "warning": of["warning"], "green": ids}[line.verdict]
    right = verdict == line.verdict and all(rule in ids for rule in line.rules)
    if line.verdict == "red":
        right = right and foremost[:1] == [line.rules[0]]
    elif line.verdict == "warning":
        right = right and line.rules[0] in foremost
    if right:
        return None
    told = "\n".join(f"      {f['verdict']:8}{f['step']:10}{f['subject']}  {f['text']}  [{f['id']}]" for f in findings)
    return f"{line.name}: {line.verdict} {', '.join(line.rules)} was awaited; it is {verdict}:\n{told}"


def _lines():
    return [line for line in fault_bench.lines() if line.name not in ELSEWHERE]


async def _bench(lab, protocol):
    node = await _node(lab)
    turns, signing_in, clients = asyncio.Semaphore(8), asyncio.Lock(), []

    async def user():
        async with signing_in:
            if not clients:
                jid = await asyncio.to_thread(node.add_user, "u1")
                clients.append(await XmppClient(lab, jid, "secret", node.address).start())
        return clients[0]

    async def one(line):
        async with turns:
            case = Case(lab, node, line.name, user)
            await INJECTIONS[line.name](case)
            wrong = _wrong(line, *await _verdict(node, case.domain, *case.options))
            await asyncio.gather(*case.tasks)
            return wrong

    wrong = await asyncio.gather(*(one(line) for line in _lines() if line.protocol == protocol))
    assert not any(wrong), "\n".join(filter(None, wrong))


async def test_xmpp_faults(lab):
    """Every XMPP line, against one node."""
    await _bench(lab, "XMPP")


async def test_sip_faults(lab):
    """Every SIP line, against one node."""
    await _bench(lab, "SIP")


async def test_slow_name_server(lab):
    """The name server takes its time. On a node of its own: one that was left without answers before would not wait for these."""
    lines = {line.name: line for line in fault_bench.lines()}
    node = await _node(lab)
    case = Case(lab, node, "dns-slow", None)
    await faults_xmpp.good_external(case)
    lab.dns.be_slow("_xmpp-server._tcp.dns-slow.example", 0.7)
    wrong = _wrong(lines["dns-slow"], *await _verdict(node, case.domain))
    assert not wrong, wrong


async def test_our_own_node(lab):
    """Our name server is down; then our node is."""
    lines = {line.name: line for line in fault_bench.lines()}
    node = await Parley(lab, OURS, {("dns", "servers"): f'["127.0.0.1:{lab.ports.take()}"]'}).start()
    node.allow("partner.example", "--via", "xmpp")
    wrong = _wrong(lines["resolver-down"], *await _verdict(node, "partner.example"))
    assert not wrong, wrong
    await node.stop()
    done = node.ctl("--json", "federation", "test", "partner.example", check=False)
    assert done.returncode == 3 and json.loads(done.stdout)["id"] == lines["node-down"].rules[0], done


async def test_every_line_is_injected(lab):
    """Each line has its injection, each injection its line, and the docs have the table."""
    names = [line.name for line in fault_bench.lines()]
    assert sorted(names) == sorted({*INJECTIONS, *ELSEWHERE}), set(names) ^ {*INJECTIONS, *ELSEWHERE}
    assert sum(line.verdict != "green" for line in fault_bench.lines()) >= 28
    assert fault_bench.of_the_docs() == fault_bench.table(), "python3 -m tests.lab.fault_bench writes it anew"
