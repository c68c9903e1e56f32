"""A partner that is allowed and means harm: what it does is its own loss. Another partner's conversation and one between two of our
users go on meanwhile, and the node's memory stays bounded."""
import asyncio
import os
import ssl
import time

from tests.acceptance.partner import OURS, U1, node_and_edge
from tests.lab.edge import Edge
from tests.lab.ocs_chat import OutgoingChat
from tests.lab.ocs_watch import Presentity, Watch
from tests.lab.products import LYNC, OCS, hex_digits
from tests.lab.sip_message import SipMessage
from tests.lab.xmpp_client import XmppClient

GOOD, BAD = "good.example", "bad.example"
PATIENCE = 10  # seconds a step of the others may take; a sanitizer build that is being flooded is slow, not stuck
GROWTH = 128 * 1024  # KiB


class Others:
    """The good partner's alice and our u1 talk in a session; u1 and u2 talk over XMPP."""

    def __init__(self, pair, second, chat):
        self.pair, self.second, self.chat, self.count, self.slowest = pair, second, chat, 0, 0.0

    async def once(self):
        began = time.monotonic()
        self.count += 1
        user, text = self.pair.user, f"round {self.count}"
        await asyncio.wait_for(self.chat.message(text), PATIENCE)
        await user.wait_message(text, self.pair.alice, deadline=PATIENCE)
        user.send_message(self.pair.alice, f"{text} back")
        await self.chat.expect_text(f"{text} back", deadline=PATIENCE)
        user.send_message(self.second.jid, f"{text} inside")
        await self.second.wait_message(f"{text} inside", U1, deadline=PATIENCE)
        self.slowest = max(self.slowest, time.monotonic() - began)

    async def while_running(self, task):
        """Round after round until the task is done; at least one more behind it."""
        while not task.done():
            await self.once()
            await asyncio.wait([task], timeout=0.2)  # they talk; they do not flood
        await self.once()
        return await task


async def _three(lab):
    """(the others, the bad partner's edge)."""
    # What is freed is to be free: the sanitizer's quarantine is no memory of ours.
    os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1"]))
    pair = await node_and_edge(lab, OCS, GOOD)
    bad = await Edge(lab, OURS, pair.node.sip_tls_port, domain=BAD, product=LYNC).start()
    pair.node.allow(BAD, "--via", "sip", "--profile", "lync")
    second = await XmppClient(lab, pair.node.add_user("u2"), "secret", pair.node.address).start()
    chat = OutgoingChat(pair.edge, U1)
    await chat.invite()
    await chat.accepted()
    others = Others(pair, second, chat)
    await others.once()
    return others, bad


def _resident(node):
    """KiB."""
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def _request(method, to=U1, sender=f"mallory@{BAD}", headers=(), body="", call_id=None, to_tag="", tag=None, cseq=1):
    return SipMessage.from_text("\n".join([
        f"{method} sip:{to} SIP/2.0", f"Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK{hex_digits(16)}", "Max-Forwards: 70",
        f"From: <sip:{sender}>;tag={tag or hex_digits(8)}", f"To: <sip:{to}>{to_tag}", f"Call-ID: {call_id or hex_digits(20)}",
        f"CSeq: {cseq} {method}", "Contact: <sip:127.0.0.1:9;transport=tls>", *headers]), body)


async def _raw(bad):
    """A connection whose answers nobody reads."""
    return await asyncio.open_connection("127.0.0.1", bad.partner_port, ssl=bad._context(ssl.PROTOCOL_TLS_CLIENT),
                                         server_hostname=f"sip.{OURS}", limit=1024)


async def test_flood_whose_answers_are_not_read(lab):
    """Thousands of requests over six connections, as fast as they go, and no answer is read: we stop reading too."""
    others, bad = await _three(lab)
    before = _resident(others.pair.node)

    async def flood(number):
        _, writer = await _raw(bad)
        try:
            for count in range(40):
                block = b"".join(_request(method, to=to).encode() for method, to in
                                 [("OPTIONS", OURS), ("MESSAGE", f"nobody{count}@{OURS}"), ("SUBSCRIBE", f"nobody{count}@{OURS}")] * 50)
                writer.write(block)
                await asyncio.wait_for(writer.drain(), 2)
        except (asyncio.TimeoutError, ConnectionError):
            pass  # back-pressure, which is what we want of it
        return writer

    floods = asyncio.gather(*(flood(number) for number in range(6)))
    writers = await others.while_running(floods)
    grown = _resident(others.pair.node) - before
    print(f"{others.count} rounds, the slowest {others.slowest:.1f} s; grown by {grown} KiB")
    assert grown < GROWTH, f"grown by {grown} KiB"
    for writer in writers:
        writer.transport.abort()
    await others.once()


async def test_messages_that_never_end(lab):
    """A hundred connections that stop in a start line, a header, a body or the TLS handshake, and stay."""
    others, bad = await _three(lab)
    before = _resident(others.pair.node)
    whole = _request("MESSAGE", headers=["Content-Type: text/plain"], body="x" * 5000).encode()
    held = []
    for number in range(100):
        if number % 10 == 0:
            held.append((await asyncio.open_connection("127.0.0.1", bad.partner_port))[1])
            held[-1].write(b"\x16\x03\x01\x02\x00\x01"[: number % 7])
        else:
            held.append((await _raw(bad))[1])
            held[-1].write(whole[: len(whole) * number // 100])
        if number % 20 == 0:
            await others.once()
    await others.once()
    grown = _resident(others.pair.node) - before
    assert grown < GROWTH, f"grown by {grown} KiB"
    for writer in held:
        writer.transport.abort()
    await others.once()


async def test_connections_that_close_at_any_byte(lab):
    """Each beginning of a request, and then the end of the connection: nothing of it is acted upon."""
    others, bad = await _three(lab)
    whole = _request("MESSAGE", headers=["Content-Type: text/plain"], body="never whole").encode()

    async def close_after(size):
        _, writer = await _raw(bad)
        writer.write(whole[:size])
        await writer.drain()
        if size % 2:
            writer.transport.abort()
        else:
            writer.close()

    async def all_of_them():
        for start in range(1, len(whole), 40):
            await asyncio.gather(*(close_after(size) for size in range(start, min(start + 40, len(whole)), 4)))

    await others.while_running(asyncio.ensure_future(all_of_them()))
    assert not others.pair.user.messages(f"mallory@{BAD}")


async def test_lies_about_lengths(lab):
    """A Content-Length that is too long, too short, absent, doubled or no number: refused or closed; what comes behind it is not
    taken for anything, and the next connection works."""
    others, bad = await _three(lab)
    text = _request("MESSAGE", headers=["Content-Type: text/plain"], body="hello").encode()
    smuggled = _request("MESSAGE", headers=["Content-Type: text/plain"], body="smuggled").encode()
    for name, value in (("none", b""), ("two that differ", b"Content-Length: 5\r\nContent-Length: 500\r\n"), ("negative", b"Content-Length: -5\r\n"),
                        ("huge", b"Content-Length: 99999999999999999999\r\n"), ("a gigabyte", b"Content-Length: 1073741824\r\n"),
                        ("hexadecimal", b"Content-Length: 0x05\r\n"), ("a list", b"Content-Length: 5, 5\r\n")):
        reader, writer = await _raw(bad)
        writer.write(text.replace(b"Content-Length: 5\r\n", value) + smuggled)
        try:
            answer = await asyncio.wait_for(reader.read(1000), PATIENCE)
        except (ConnectionError, ssl.SSLError):
            answer = b""
        assert not answer or answer.startswith(b"SIP/2.0 4") or answer.startswith(b"SIP/2.0 513"), f"{name}: {answer}"
        writer.transport.abort()
    reader, writer = await _raw(bad)  # too short: the rest is no SIP
    writer.write(text.replace(b"Content-Length: 5", b"Content-Length: 2"))
    await asyncio.wait_for(reader.read(1000), PATIENCE)
    writer.transport.abort()
    await others.once()
    assert "smuggled" not in others.pair.user.messages()
    watch = Watch(bad, U1, watcher="mallory")
    await watch.send()
    await watch.accepted()


async def test_other_peoples_names_and_tags(lab):
    """From of another partner or of ours: 403. The Call-ID, tags and branch of another partner's dialogs: 481, and they go on."""
    others, bad = await _three(lab)
    pair, chat = others.pair, others.chat
    pair.user.subscribe(pair.alice)
    alice = await Presentity.expect(pair.edge, pair.alice, U1)
    alice.accept(3600)
    await alice.notify_ok("open", "busy")
    await pair.user.wait_presence(pair.alice, "available", status="Busy")
    mark = pair.user.mark()
    connection = await bad.dial()
    closed = bad.product.document(pair.alice, "closed").decode()
    for sender in (pair.alice, f"u2@{OURS}", "alice@nobody.example"):
        request = _request("MESSAGE", sender=sender, headers=["Content-Type: text/plain"], body="forged")
        connection.send(request)
        assert (await bad.wait_response(request.call_id, 1, "MESSAGE")).status == 403, sender
    subscription = {"call_id": alice.request.call_id, "to_tag": f";tag={alice.request.tag('From')}", "tag": alice.tag, "cseq": 50}
    session = {"call_id": chat.call_id, "to_tag": f";tag={chat.partner_tag}", "tag": chat.own_tag, "cseq": 50}
    for request in (_request("NOTIFY", headers=["Event: presence", "Subscription-State: terminated;reason=rejected"], **subscription),
                    _request("NOTIFY", headers=["Event: presence", "Subscription-State: active;expires=600",
                                                "Content-Type: application/pidf+xml"], body=closed, **subscription),
                    _request("MESSAGE", headers=["Content-Type: text/plain"], body="forged", **session),
                    _request("INFO", headers=["Content-Type: application/xml"], **session), _request("BYE", **session)):
        connection.send(request)
        answer = await bad.wait_response(request.call_id, 50, request.method, since=bad.journal.mark())
        assert answer.status == 481, f"{request.method}: {answer.start_line}"
    await others.once()
    await alice.notify_ok("open", "away")
    seen = await pair.user.journal.wait_for("a presence of alice", lambda s: s.name == "presence" and s["from"].bare == pair.alice, mark)
    assert seen.xml.findtext("{jabber:client}show") == "away" and seen["status"] == "", f"the forged one was believed: {seen}"
    assert "forged" not in pair.user.messages()


async def test_partner_that_answers_nothing(lab):
    """It takes our requests and is silent: its connection is given up in the end, without a storm, and nobody else waits for it."""
    others, bad = await _three(lab)
    pair = others.pair
    for number in range(30):
        pair.user.subscribe(f"silent{number}@{BAD}")
        pair.user.send_message(f"silent{number}@{BAD}", "anybody?")
    first = await bad.wait_request("INVITE")
    await others.while_running(asyncio.ensure_future(bad.wait_closed(first.connection, deadline=45)))
    print(f"{others.count} rounds, the slowest {others.slowest:.1f} s")
    assert len(bad.requests("INVITE")) < 90, "a storm"
