"""An HTTPS server on port 443 of a loopback address of its own: what it answers to each path of each host, with a certificate of the lab."""
import asyncio
import base64
import contextlib
import hashlib
import json
import pathlib
import random
import ssl

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


def posh_document(certificate, expires=3600, digests=("sha-256", "sha-512")):
    """The document (RFC 7711 3.1) for the first certificate of a PEM file."""
    der = x509.load_pem_x509_certificate(pathlib.Path(certificate).read_bytes()).public_bytes(Encoding.DER)
    by = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
    return json.dumps({"fingerprints": [{name: base64.b64encode(by[name](der).digest()).decode() for name in digests}],
                       "expires": expires})


def _an_address():
    return f"127.{random.randint(64, 126)}.{random.randint(0, 255)}.{random.randint(1, 254)}"


class WebServer:
    """`certificate` names the hosts, each of which gets its address in the lab's DNS."""

    def __init__(self, lab, *hosts, certificate=None):
        self.lab, self.hosts = lab, hosts
        self.certificate = certificate or lab.ca.issue(*hosts)
        self.answers = {}  # (host, path) -> (status, headers, body); what is not here is not found; None is silence
        self.asked = []    # (host, path)
        self.address = _an_address()  # holds once it is started
        self._server = None
        lab.add(self)

    def answer(self, host, path, body, status="200 OK", headers=()):
        self.answers[host, path] = (status, list(headers), body)

    def posh(self, host, document):
        self.answer(host, "/.well-known/posh/xmpp-server.json", document)

    async def start(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.chain, self.certificate.key)
        for _ in range(200):
            with contextlib.suppress(OSError):
                self._server = await asyncio.start_server(self._accept, self.address, 443, ssl=context)
                break
            self.address = _an_address()
        else:
            raise RuntimeError("no loopback address is free at port 443, or this user may not listen there")
        for host in self.hosts:
            self.lab.dns.a(host, self.address)
        return self

    async def _accept(self, reader, writer):
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split()[1]
            host = next(line.split(":")[1].strip() for line in head.splitlines() if line.lower().startswith("host:"))
            self.asked.append((host, path))
            answer = self.answers.get((host, path), ("404 Not Found", [], ""))
            if answer is None:
                await reader.read()  # until they give up
            else:
                status, headers, body = answer
                lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
                writer.write("\r\n".join([*lines, "", body]).encode())
                await writer.drain()
        writer.close()

    async def stop(self):
        if self._server:
            self._server.close()
