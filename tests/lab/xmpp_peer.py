"""A simulated XMPP server, as far as the streams between servers go: what a product of the years around 2010 did on the
wire, and what a hostile one may do. Nothing in it decides for itself: a test says what it offers and sends.

`Product` is how it negotiates. Keys of dialback are made of the secret below, so that db:verify can be answered.
"""
import asyncio
import contextlib
import dataclasses
import hashlib
import ssl
from xml.etree.ElementTree import ParseError

from .waiting import Journal, until
from .xmpp_stream import DIALBACK, SASL, SERVER, STREAM, TLS, Closed, XmppStream, authzid, element, show, text

SECRET = "kept by the peer"
SM = "{urn:xmpp:sm:3}"
BIDI = "{urn:xmpp:bidi}bidi"
NAMES = "{urn:parley:federation:0}names"


def reason(error):
    """The words of a stanza error."""
    return error.xml.findtext(".//{urn:ietf:params:xml:ns:xmpp-stanzas}text") or ""


class Refused(Exception):
    """We were not let in, or would not go in."""


@dataclasses.dataclass
class Product:
    """What a peer does; a test changes what it needs."""
    profile: str = "xmpp"
    names_in_header: bool = True      # from and to in its stream headers
    version: bool = True              # version='1.0', and so features
    tls: str = "required"             # "off", "optional", "required": what it offers, and what it demands of us
    external: bool = True             # offers and uses SASL EXTERNAL
    dialback: bool = True             # accepts dialback of us
    authzid: bool = False             # names itself in EXTERNAL
    demands_certificate: bool = False
    management: str = ""              # XEP-0198: "" is not offered, "acks", "resumes", "silent" never acknowledges, "fails", "lies"
    bidi: bool = False                # XEP-0288: offers and asks for stanzas both ways on one stream
    features: str = ""                # more stream features, as XML
    silent_header: bool = False       # version='1.0', and then no features ever
    external_failure: str = ""        # the condition by which it refuses EXTERNAL though it offers it
    dialback_answer: str = ""         # "silent"; "invalid" without asking anybody; "valid" likewise; or the condition of an error
    stream_error: tuple = ()          # (condition, text) by which it greets everybody
    delay: float = 0                  # seconds before it says its first word


GOOGLE = Product("googletalk", names_in_header=False, version=False, tls="off", external=False)
SAMETIME = Product("sametime", tls="optional", external=False)
WEBEX = Product("webex", tls="required", external=False)
CUP = Product("cup", tls="required", external=True, authzid=True, dialback=False, demands_certificate=True)
STANDARD = Product()


class XmppPeer:
    """The server of `domain` (and of `hosted`), published in the lab's DNS; it talks to `ours` at `our_port`.

    `arrived` is a Journal of the stanzas that came on proven streams.
    """

    def __init__(self, lab, domain, ours, our_port, product=STANDARD, certificate=None, hosted=(), direct_tls=False, publish=True):
        self.lab, self.domain, self.ours, self.our_port, self.product = lab, domain, ours, our_port, product
        self.domains = (domain, *hosted)
        self.certificate = certificate or lab.ca.issue(*self.domains)
        self.direct_tls, self.publish = direct_tls, publish
        self.port = lab.ports.take()
        self.arrived = Journal(domain)
        self.incoming = []       # streams that we were opened
        self.questions = []      # db:verify that came
        self.sessions = {}       # streams that may be resumed, by their id
        self.software = None     # (name, version) for XEP-0092
        self._tasks = set()
        self._server = None
        self._out = None
        lab.add(self)

    def __str__(self):
        return f"peer {self.domain}"

    async def start(self):
        context = self.server_context() if self.direct_tls else None
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=context)
        if self.publish:
            for name in self.domains:
                if self.direct_tls:
                    self.lab.publish_xmpp(name, None, direct_tls_port=self.port)
                else:
                    self.lab.publish_xmpp(name, self.port)
        return self

    async def stop(self):
        if self._server:
            self._server.close()
        for stream in [*self.incoming, *([self._out] if self._out else [])]:
            stream.abort()
        for task in list(self._tasks):
            task.cancel()
        for task in list(self._tasks):
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.chain, self.certificate.key)
        context.load_verify_locations(self.lab.ca.file)
        context.verify_mode = ssl.CERT_REQUIRED if self.product.demands_certificate else ssl.CERT_OPTIONAL
        return context

    def client_context(self, with_certificate=True):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if with_certificate:
            context.load_cert_chain(self.certificate.chain, self.certificate.key)

        def seen(connection, direction, version, content_type, message, data):
            if direction == "read" and message == ssl._TLSMessageType.CERTIFICATE_REQUEST:
                self.was_asked = True

        context._msg_callback = seen
        return context

    def key(self, receiving, originating, ident):
        return hashlib.sha256(f"{SECRET} {self.domain} {receiving} {originating} {ident}".encode()).hexdigest()

    def _spawn(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # What we are opened.
    async def _accept(self, reader, writer):
        stream = XmppStream(reader, writer, f"{self.domain} in {len(self.incoming) + 1}")
        stream.proven = set()
        stream.mute = False  # answers no questions, if a test says so
        stream.both_ways = stream.takes_names = False
        self.incoming.append(stream)
        self._tasks.add(asyncio.current_task())
        with contextlib.suppress(Closed, asyncio.TimeoutError, ConnectionError, ssl.SSLError, asyncio.CancelledError):
            try:
                await self._serve(stream)
            except ParseError:  # TLS, where XML was awaited
                stream.send_header(version="1.0", id=stream.ident)
                self._end_with(stream, "not-well-formed")
        writer.close()

    async def _serve(self, stream):
        authenticated = False
        while True:
            item = await stream.next(deadline=600)
            if item == "header":
                await asyncio.sleep(self.product.delay)
                self._answer_header(stream, authenticated)
                if self.product.stream_error:
                    return self._end_with(stream, *self.product.stream_error)
            elif item.tag == TLS + "starttls":
                stream.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
                await stream.start_tls(self.server_context())
            elif item.tag == SASL + "auth" and self.product.external_failure:
                stream.send(f"<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{self.product.external_failure}/></failure>")
            elif item.tag == SASL + "auth":
                authenticated = True
                stream.authzid = item.text or ""
                stream.send("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
                stream.proven.add((stream.header.get("from"), stream.header.get("to")))
                stream.restart()
            elif item.tag == DIALBACK + "result":
                if self.product.tls == "required" and stream.certificate is None:
                    self._end_with(stream, "policy-violation")
                else:
                    self._spawn(self._judge(stream, item))
            elif item.tag.startswith(SM):
                self._manage(stream, item)
            elif item.tag == BIDI:
                assert not stream.proven, "bidi is asked for before authentication"
                stream.both_ways = self.product.bidi
            elif item.tag == NAMES:
                stream.takes_names = True
            elif item.tag == DIALBACK + "verify":
                self.questions.append(item)
                good = item.text == self.key(item.get("from"), item.get("to"), item.get("id"))
                stream.send(element("db:verify", from_=item.get("to"), to=item.get("from"), id=item.get("id"),
                                    type="valid" if good else "invalid"))
            elif item.tag.startswith(SERVER):
                self._take(stream, item)

    def _answer_header(self, stream, authenticated):
        names = {}
        if self.product.names_in_header:
            names = {"from_": stream.header.get("to"), "to": stream.header.get("from")}
        if self.product.version:
            names["version"] = "1.0"
        stream.send_header(id=stream.ident, **names)
        if self.product.version and not self.product.silent_header:
            stream.send(element("stream:features", self._features(stream, authenticated)))

    def _end_with(self, stream, condition, words=""):
        told = f"<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{text(words)}</text>" if words else ""
        stream.send(element("stream:error", f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>{told}") + "</stream:stream>")
        stream.abort()

    def _manage(self, stream, item):
        name = item.tag[len(SM):]
        if name in ("enable", "resume"):
            stream.management = self.product.management  # for the life of the stream
        kind = getattr(stream, "management", "acks")
        if name == "enable":
            stream.taken = 0
            wish = {"resume": "true", "id": stream.ident, "max": "60"} if kind == "resumes" and item.get("resume") == "true" else {}
            if wish:
                self.sessions[stream.ident] = stream
            stream.send("<failed xmlns='urn:xmpp:sm:3'/>" if kind == "fails" else element("enabled", xmlns="urn:xmpp:sm:3", **wish))
        elif name == "resume":
            former = self.sessions.get(item.get("previd")) if kind == "resumes" else None
            if former is None:
                stream.send("<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>")
            else:
                stream.taken = former.taken
                self.sessions[item.get("previd")] = stream
                stream.send(element("resumed", xmlns="urn:xmpp:sm:3", previd=item.get("previd"), h=stream.taken))
        elif name == "r" and kind != "silent":
            stream.send(f"<a xmlns='urn:xmpp:sm:3' h='{getattr(stream, 'taken', 0) + (1000 if kind == 'lies' else 0)}'/>")

    def _features(self, stream, authenticated):
        secured = stream.certificate is not None
        out = self.product.features
        if authenticated and self.product.management:
            out += "<sm xmlns='urn:xmpp:sm:3'/>"
        if not secured and self.product.tls != "off":
            out += element("starttls", "<required/>" if self.product.tls == "required" else "",
                           xmlns="urn:ietf:params:xml:ns:xmpp-tls")
        if secured and self.product.external and stream.certificate and not authenticated:
            out += element("mechanisms", "<mechanism>EXTERNAL</mechanism>", xmlns="urn:ietf:params:xml:ns:xmpp-sasl")
        if self.product.bidi and secured and not authenticated:
            out += "<bidi xmlns='urn:xmpp:features:bidi'/>"
        if self.product.dialback:
            out += "<dialback xmlns='urn:xmpp:features:dialback'/>"
        return out

    async def _judge(self, stream, result):
        """The other side's key, put to its own server over a connection of ours."""
        remote, local = result.get("from"), result.get("to")
        answer = self.product.dialback_answer
        if answer == "silent":
            return
        if answer not in ("", "valid", "invalid"):
            error = element("error", f"<{answer} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>", type="cancel")
            stream.send(element("db:result", error, from_=local, to=remote, type="error"))
            return
        valid = answer == "valid"
        if self.product.dialback and not answer:
            asking = await self._dial(local, remote)
            asking.send(element("db:verify", text(result.text), from_=local, to=remote, id=stream.ident))
            while not valid:
                item = await asking.next()
                if item.tag == DIALBACK + "verify":
                    valid = item.get("type") == "valid"
                    break
            asking.abort()
        if valid:
            stream.proven.add((remote, local))
        stream.send(element("db:result", from_=local, to=remote, type="valid" if valid else "invalid"))

    def _take(self, stream, item):
        assert (item.get("from").split("@")[-1].split("/")[0], item.get("to").split("@")[-1].split("/")[0]) in stream.proven, \
            "a stanza for domains that this stream has not proven"
        self.arrived.add(item)
        stream.taken = getattr(stream, "taken", 0) + 1
        if item.tag == SERVER + "iq" and item.get("type") == "get" and not stream.mute:
            content, kind = "", "result"
            if item.find("{jabber:iq:version}query") is not None and self.software:
                name, version = self.software
                content = element("query", element("name", text(name)) + element("version", text(version)), xmlns="jabber:iq:version")
            elif item.find("{urn:xmpp:ping}ping") is None:
                kind = "error"
                content = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
            answer = element("iq", content, from_=item.get("to"), to=item.get("from"), id=item.get("id"), type=kind)
            if stream.both_ways:
                stream.send(answer)
            else:
                self._spawn(self.send(answer))

    # What we open.
    async def _dial(self, local, remote, port=None, direct_tls=False):
        """A connection to them that has come as far as features, or is without; TLS where the product wants it."""
        tls = {"ssl": self.client_context(), "server_hostname": remote} if direct_tls else {}
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.our_port, **tls)
        stream = XmppStream(reader, writer, f"{self.domain} out")
        await self._open(stream, local, remote)
        if not direct_tls and self.product.tls != "off" and stream.features is not None and stream.features.find(TLS + "starttls") is not None:
            stream.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            await stream.expect(TLS + "proceed")
            await stream.start_tls(self.client_context(), server_hostname=remote)
            await self._open(stream, local, remote)
        if self.product.tls == "required" and stream.certificate is None:
            stream.abort()
            raise Refused("they offer no TLS, which we require")
        return stream

    async def _open(self, stream, local, remote):
        names = {"from_": local, "to": remote} if self.product.names_in_header else {}
        if self.product.version:
            names["version"] = "1.0"
        stream.send_header(**names)
        header = await stream.expect_header()
        stream.features = None
        if self.product.version and header.get("version"):
            stream.features = await stream.next()
            if stream.features.tag == f"{{{STREAM}}}error":
                raise Refused(f"the stream was refused: {show(stream.features)}")
            assert stream.features.tag == f"{{{STREAM}}}features", show(stream.features)

    async def connect(self, local=None, remote=None, port=None, direct_tls=False):
        """A stream of ours to them on which stanzas may be sent."""
        local, remote = local or self.domain, remote or self.ours
        stream = await self._dial(local, remote, port, direct_tls)
        if self.product.external and stream.features is not None and stream.features.find(SASL + "mechanisms") is not None:
            stream.both_ways = self.product.bidi and stream.features.find("{urn:xmpp:features:bidi}bidi") is not None
            if stream.both_ways:
                stream.send("<bidi xmlns='urn:xmpp:bidi'/>")
            stream.send(element("auth", authzid(local) if self.product.authzid else "=", mechanism="EXTERNAL",
                                xmlns="urn:ietf:params:xml:ns:xmpp-sasl"))
            await stream.expect(SASL + "success")
            stream.restart()
            await self._open(stream, local, remote)
            stream.proof = "EXTERNAL"
        else:
            await self.prove(stream, local, remote)
            stream.proof = "dialback"
        stream.proven = {(remote, local)} if getattr(stream, "both_ways", False) else set()
        stream.mute = False
        self._spawn(self._drain(stream))
        return stream

    async def prove(self, stream, local, remote, key=None):
        """Dialback of one pair of domains on a stream of ours."""
        stream.send(element("db:result", key or self.key(remote, local, stream.header["id"]), from_=local, to=remote))
        while True:
            answer = await stream.next()
            if answer.tag == DIALBACK + "result" and answer.get("to") == local:
                break
        if answer.get("type") != "valid":
            raise Refused(f"our key for {local} was not accepted: {show(answer)}")

    async def prove_more(self, local):
        """One more domain of ours on the stream that is open."""
        stream = await self.out()
        mark = stream.journal.mark()
        stream.send(element("db:result", self.key(self.ours, local, stream.header["id"]), from_=local, to=self.ours))
        answer = await stream.journal.wait_for(f"an answer about {local}", lambda i: i.tag == DIALBACK + "result", mark)
        assert (answer.get("to"), answer.get("type")) == (local, "valid"), answer.attrib

    async def is_refused(self):
        """The answer to a key of ours that should not be accepted."""
        stream = await self._dial(self.domain, self.ours)
        stream.send(element("db:result", self.key(self.ours, self.domain, stream.header["id"]), from_=self.domain, to=self.ours))
        answer = await stream.expect(DIALBACK + "result")
        stream.abort()
        return answer

    async def reason_of_refusal(self):
        """The stream error that greets us, as XML."""
        try:
            await self._dial(self.domain, self.ours)
        except Refused as refused:
            return str(refused)
        raise AssertionError("we were let in")

    async def is_asked_for_certificate(self):
        """Whether they ask us for a certificate when we connect."""
        self.was_asked = False
        stream = await self._dial(self.domain, self.ours)
        stream.abort()
        return self.was_asked

    async def _drain(self, stream):
        with contextlib.suppress(Closed, asyncio.TimeoutError, ConnectionError, ssl.SSLError):
            while True:
                item = await stream.next(deadline=600)
                if item.tag.startswith(SERVER):
                    self._take(stream, item)
                elif item.tag == SM + "enabled":
                    stream.taken = 0
                elif item.tag in (SM + "r", SM + "a"):
                    self._manage(stream, item)

    async def out(self):
        """The one stream to them that everything goes by."""
        if self._out is None or self._out.ended.is_set():
            self._connecting = getattr(self, "_connecting", None) or asyncio.Lock()
            async with self._connecting:
                if self._out is None or self._out.ended.is_set():
                    self._out = await self.connect()
        return self._out

    async def send(self, stanza):
        (await self.out()).send(stanza)

    async def message(self, sender, to, body, ident=None):
        await self.send(element("message", element("body", text(body)), from_=sender, to=to, type="chat", id=ident))

    async def presence(self, sender, to, kind=None, show=None, status=None, more=""):
        content = (element("show", show) if show else "") + (element("status", text(status)) if status is not None else "") + more
        await self.send(element("presence", content, from_=sender, to=to, type=kind))

    # Waits.
    async def wait_message(self, body, since=0, deadline=15):
        return await self.arrived.wait_for(f"message {body!r}", lambda s: s.tag == SERVER + "message" and
                                           s.findtext(SERVER + "body") == body, since, deadline)

    async def receives_from(self, user, body="to you", deadline=90):
        """`user` writes to our alice. Returns None if it arrives, else the error that comes back."""
        alice = f"alice@{self.domain}"
        user.send_message(alice, body)
        arrived = asyncio.ensure_future(self.wait_message(body, deadline=deadline))
        refused = asyncio.ensure_future(user.wait_error(alice, deadline=deadline))
        done, left = await asyncio.wait((arrived, refused), return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        if refused in done:
            return refused.result()
        arrived.result()
        return None

    async def gets_in(self, user, body="to us"):
        """We write to `user` on a new stream, which EXTERNAL proves. False: we were not let in."""
        try:
            self._out = await self.connect()
        except (Refused, Closed):
            return False
        assert self._out.proof == "EXTERNAL"
        alice = f"alice@{self.domain}"
        await self.message(alice, user.jid, body)
        await user.wait_message(body, alice)
        return True

    async def wait_presence(self, sender, kind=None, since=0, deadline=15, fits=lambda stanza: True):
        """A presence of that bare address; kind "available" is one without a type."""
        return await self.arrived.wait_for(
            f"presence {kind or ''} of {sender}",
            lambda s: s.tag == SERVER + "presence" and s.get("from").split("/")[0] == sender and
            (kind is None or (s.get("type") or "available") == kind) and fits(s), since, deadline)

    async def wait_ended(self, stream, deadline=15):
        await until(stream.ended.is_set, deadline, f"{stream} was ended")
