"""An authoritative name server on a loopback address of its own, whose records a test changes while it runs.

It answers on port 53 (which needs root, or net.ipv4.ip_unprivileged_port_start=53): several peers know no other port.
It runs in a thread, so that it answers also while a test is busy.
"""
import asyncio
import random
import socket
import struct
import threading

A, NS, CNAME, SOA, TXT, AAAA, SRV, TLSA = 1, 2, 5, 6, 16, 28, 33, 52
TTL = 1  # seconds; a changed record is seen soon


def _name(text):
    wire = b""
    for label in text.rstrip(".").split("."):
        if label:
            wire += bytes([len(label)]) + label.encode()
    return wire + b"\0"


class DnsServer:
    def __init__(self):
        self._records = {}  # (name, type) -> list of rdata
        self.a("localhost", "127.0.0.1")  # RFC 6761 6.3; a small container has no hosts file that says so
        self._slow = {}  # name -> seconds that an answer takes
        self._silent = set()  # names that get no answer at all; "*" is every name
        self._elsewhere = {}  # zone -> (address, port) of the server that has it
        self.queries = []  # (name, type) as they came
        self._sockets = []
        self.address = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    # Records. Each call replaces what stood under the name and type, except where it says that it adds.
    def a(self, name, *addresses):
        self._records[name.lower(), A] = [socket.inet_aton(address) for address in addresses]

    def aaaa(self, name, *addresses):
        self._records[name.lower(), AAAA] = [socket.inet_pton(socket.AF_INET6, address) for address in addresses]

    def srv(self, name, port, target, priority=0, weight=0):
        """Adds one SRV record."""
        rdata = struct.pack("!HHH", priority, weight, port) + _name(target)
        self._records.setdefault((name.lower(), SRV), []).append((rdata, target))

    def tlsa(self, name, data):
        """Adds one TLSA record, its data as in a zone file."""
        usage, selector, matching, digest = data.split()
        rdata = bytes([int(usage), int(selector), int(matching)]) + bytes.fromhex(digest)
        self._records.setdefault((name.lower(), TLSA), []).append(rdata)

    def hand_on(self, zone, server):
        """What is asked of this zone is answered by another server, byte for byte."""
        self._elsewhere[zone.lower()] = server
    def cname(self, name, target):
        self._records[name.lower(), CNAME] = [(_name(target), target)]

    def remove(self, name, kind=None):
        for key in [k for k in self._records if k[0] == name.lower() and kind in (None, k[1])]:
            del self._records[key]

    def be_silent(self, name="*"):
        self._silent.add(name.lower())

    def be_slow(self, name, seconds):
        self._slow[name.lower()] = seconds

    def speak(self, name="*"):
        self._silent.discard(name.lower())

    def start(self):
        for _ in range(200):
            address = f"127.{random.randint(64, 126)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                udp.bind((address, 53))
                tcp.bind((address, 53))
            except PermissionError as error:
                raise RuntimeError("the lab's name server needs port 53 of a loopback address: run as root") from error
            except OSError:
                udp.close()
                tcp.close()
                continue
            udp.setblocking(False)
            tcp.setblocking(False)
            self._sockets = [udp, tcp]
            self.address = address
            self._thread.start()
            return
        raise RuntimeError("no loopback address has a free port 53")

    def stop(self):
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)

    def _serve(self):
        asyncio.set_event_loop(self._loop)
        udp, tcp = self._sockets
        server = self

        class Udp(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport

            def datagram_received(self, data, peer):
                answer, delay = server._answer(data)
                if answer:
                    server._loop.call_later(delay, self.transport.sendto, answer, peer)

        async def on_tcp(reader, writer):
            try:
                while True:
                    (size,) = struct.unpack("!H", await reader.readexactly(2))
                    answer, delay = self._answer(await reader.readexactly(size))
                    if answer:
                        await asyncio.sleep(delay)
                        writer.write(struct.pack("!H", len(answer)) + answer)
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()

        self._loop.run_until_complete(self._loop.create_datagram_endpoint(Udp, sock=udp))
        self._loop.run_until_complete(asyncio.start_server(on_tcp, sock=tcp))
        self._loop.run_forever()
        for sock in self._sockets:
            sock.close()

    @staticmethod
    def _ask(server, query):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.settimeout(2)
            other.sendto(query, server)
            try:
                return other.recv(65536)
            except TimeoutError:
                return None

    def _answer(self, query):
        """(bytes or None, seconds until they go)"""
        if len(query) < 17:
            return None, 0
        ident, flags, questions = struct.unpack("!HHH", query[:6])
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        kind, _ = struct.unpack("!HH", query[at + 1 : at + 5])
        question = query[12 : at + 5]
        name = ".".join(labels).lower()
        self.queries.append((name, kind))
        if "*" in self._silent or name in self._silent or questions != 1:
            return None, 0
        for zone, server in list(self._elsewhere.items()):
            if name == zone or name.endswith("." + zone):
                return self._ask(server, query), 0

        answers, more = b"", b""
        count = more_count = 0
        alias = self._records.get((name, CNAME)) if kind not in (CNAME, SRV) else None
        if alias:  # the alias and what stands behind it, RFC 1034 4.3.2
            rdata, target = alias[0]
            answers += b"\xc0\x0c" + struct.pack("!HHIH", CNAME, 1, TTL, len(rdata)) + rdata
            count += 1
            for behind in self._records.get((target.lower(), kind), []):
                answers += _name(target) + struct.pack("!HHIH", kind, 1, TTL, len(behind)) + behind
                count += 1
        for rdata in self._records.get((name, kind), []):
            target = None
            if isinstance(rdata, tuple):
                rdata, target = rdata
            answers += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, TTL, len(rdata)) + rdata
            count += 1
            for address in self._records.get((target.lower(), A), []) if target else []:
                more += _name(target) + struct.pack("!HHIH", A, 1, TTL, len(address)) + address
                more_count += 1
        known = any(key[0] == name or key[0].endswith("." + name) for key in list(self._records))
        if alias and count == 1 and not any(key[0] == alias[0][1].lower() for key in list(self._records)):
            known = False  # of the last name
        rcode = 0 if known else 3
        authority = b""
        if not count or (alias and count == 1):  # who caches a "no" wants to know for how long
            zone = name.rsplit(".", 1)[-1] or "."
            soa = _name("ns." + zone) + _name("root." + zone) + struct.pack("!IIIII", 1, 60, 60, 60, TTL)
            authority = _name(zone) + struct.pack("!HHIH", SOA, 1, TTL, len(soa)) + soa
        header = struct.pack("!HHHHHH", ident, 0x8580 | (flags & 0x0100) | rcode, 1, count, 1 if authority else 0, more_count)
        return header + question + answers + authority + more, self._slow.get(name, 0)
