"""An XMPP client (slixmpp) that writes down what it gets, for tests to wait on."""
import asyncio
import xml.etree.ElementTree as ElementTree

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from .waiting import Journal, TooLate


NATIVE = "urn:parley:native:0"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
BUSY = "{urn:parley:presence:0}busy"
IDLE = "{urn:xmpp:idle:1}idle"
SHOWS = {"Away": "away", "Busy": "away", "Idle": "away", "Extended Away": "xa", "Do Not Disturb": "dnd"}


class LoginFailed(AssertionError):
    pass


class XmppClient:
    """`async with XmppClient(lab, jid, password, (host, port)) as alice:`"""

    def __init__(self, lab, jid, password, address, resource=None, direct_tls=False, plugins=(), mechanism=None, priority=0,
                 as_packaged=False, native=False, features=()):
        self.address, self.direct_tls, self.priority = address, direct_tls, priority
        self.stream = slixmpp.ClientXMPP(f"{jid}/{resource}" if resource else jid, password, sasl_mech=mechanism)
        self.stream.ca_certs = str(lab.ca.file)
        self.stream.auto_authorize = None  # tests decide themselves what to answer to a subscription request
        self.stream.auto_subscribe = False
        self.stream.auto_reconnect = False
        if not as_packaged:
            self._without_channel_binding()
        for plugin in ("xep_0030", "xep_0199", "xep_0085", *plugins, *["xep_0115"] * bool(native or features)):
            self.stream.register_plugin(plugin)
        self.native = native  # says by its capabilities that it can show busy and idle
        self.features = (*features, *[NATIVE] * native)
        self.jid = jid
        self.journal = Journal(jid)
        self._fates = asyncio.Queue()
        for kind in ("message", "presence", "iq"):
            self.stream.register_handler(
                Callback(f"journal {kind}", MatchXPath("{jabber:client}" + kind), self.journal.add))
        for event in ("session_start", "failed_all_auth", "connection_failed", "disconnected",
                      "stream_error", "ssl_invalid_chain"):
            self.stream.add_event_handler(event, lambda data, event=event: self._fates.put_nowait((event, data)))
        lab.add(self)

    def __str__(self):
        return f"client {self.jid}"

    def _without_channel_binding(self):
        """COMPAT(slixmpp 1.8): it knows only tls-unique, which TLS 1.3 has not, and says "y" (the server has no channel
        binding) to servers that have said they do, which these have to take for an attack. Its SCRAM works with "n"."""
        mechanisms = self.stream["feature_mechanisms"]
        mechanisms.use_mechs = mechanisms.use_mechs or {"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"}
        credentials = mechanisms.sasl_callback
        mechanisms.sasl_callback = lambda required, optional: {**credentials(required, optional), "channel_binding": None}

    async def start(self, presence=True, roster=True, deadline=15):
        self.stream.connect(self.address, use_ssl=self.direct_tls, force_starttls=not self.direct_tls, disable_starttls=False)
        try:
            event, data = await asyncio.wait_for(self._fates.get(), deadline)
        except asyncio.TimeoutError:
            raise TooLate(f"{self.jid} was not logged in within {deadline} s") from None
        if event != "session_start":
            raise LoginFailed(f"{self.jid}: {event} {data}")
        if roster:
            await asyncio.wait_for(self.stream.get_roster(), deadline)
        for feature in self.features:
            self.stream["xep_0030"].add_feature(feature)
        if self.features:
            await self.stream["xep_0115"].update_caps(broadcast=False)
        if presence:
            self.send_presence()
        return self

    async def stop(self):
        if self.stream.is_connected():
            await self.stream.disconnect(wait=1.0)
        elif self.stream.transport:
            self.stream.abort()

    def drop(self):
        """Closes the socket without a word, as a lost network does."""
        self.stream.abort()

    async def __aenter__(self):
        return await self.start()

    async def __aexit__(self, *_):
        await self.stop()

    @property
    def full_jid(self):
        return str(self.stream.boundjid)

    # Acts.
    def send_presence(self, show=None, status=None, kind=None, to=None):
        self.stream.send_presence(pshow=show, pstatus=status, ptype=kind, pto=to, ppriority=self.priority or None)

    def set_state(self, state, note=None):
        """The presence of a state of tests/data/presence-tables.txt, with a text of the user's own or none."""
        presence = self.stream.make_presence(ptype="unavailable" if state == "Offline" else None, pshow=SHOWS.get(state), pstatus=note)
        if state == "Busy":
            presence.append(ElementTree.Element(BUSY))
        if state == "Idle":
            presence.append(ElementTree.Element(IDLE, since="2026-01-01T10:00:00Z"))
        presence.send()

    def state_shown(self, presence):
        """The state, as a client of this kind shows it, and the text beside it."""
        xml = presence.xml
        if xml.get("type") == "unavailable":
            return "Offline", presence["status"]
        assert xml.get("type") is None, f"no presence that shows a state: {presence}"
        show = xml.findtext("{jabber:client}show") or ""
        state = {"": "Available", "chat": "Available", "away": "Away", "xa": "Extended Away", "dnd": "Do Not Disturb"}[show]
        if self.native and state == "Away":
            state = "Busy" if xml.find(BUSY) is not None else "Idle" if xml.find(IDLE) is not None else "Away"
        return state, presence["status"]

    def send_message(self, to, body, kind="chat", ident=None):
        message = self.stream.make_message(mto=to, mbody=body, mtype=kind)
        message["id"] = ident or self.stream.new_id()
        message.send()
        return message["id"]

    def subscribe(self, contact):
        self.stream.send_presence_subscription(pto=contact, ptype="subscribe")

    def allow(self, contact):
        self.stream.send_presence_subscription(pto=contact, ptype="subscribed")

    def refuse(self, contact):
        self.stream.send_presence_subscription(pto=contact, ptype="unsubscribed")

    def unsubscribe(self, contact):
        self.stream.send_presence_subscription(pto=contact, ptype="unsubscribe")

    async def roster(self):
        """{contact: subscription} as the server has it now."""
        request = self.stream.make_iq_get("jabber:iq:roster")  # without a version, so that all of it comes
        answer = await asyncio.wait_for(request.send(), 10)
        return {item.get("jid"): item.get("subscription") for item in answer.xml.iter("{jabber:iq:roster}item")}

    # Waits. Each looks at all that came since `since` (a `mark()`), so nothing that was fast is missed.
    def mark(self):
        return self.journal.mark()

    async def wait_message(self, body, sender=None, since=0, deadline=15, kind=None):
        def fits(stanza):
            return (stanza.name == "message" and stanza["body"] == body and stanza["type"] != "error" and
                    (sender is None or stanza["from"].bare == sender) and (kind is None or stanza["type"] == kind))

        return await self.journal.wait_for(f"message {body!r} from {sender or 'anyone'}", fits, since, deadline)

    async def wait_error(self, sender=None, condition=None, since=0, deadline=15):
        def fits(stanza):
            return (stanza["type"] == "error" and (sender is None or stanza["from"].bare == sender) and
                    (condition is None or stanza.xml.find(f"{{jabber:client}}error/{STANZAS}{condition}") is not None))

        return await self.journal.wait_for(f"error {condition or ''} from {sender or 'anyone'}", fits, since, deadline)

    async def wait_presence(self, sender, kind=None, show=None, status=None, since=0, deadline=15):
        """kind: "available", "unavailable", "subscribe", ...; show: "away", "dnd", ... (and "" for none)."""

        def fits(stanza):
            if stanza.name != "presence" or stanza["from"].bare != sender:
                return False
            wire_type = stanza.xml.attrib.get("type", "")
            wire_show = stanza.xml.findtext("{jabber:client}show") or ""
            return ((kind is None or wire_type == ("" if kind == "available" else kind)) and
                    (show is None or wire_show == show) and (status is None or stanza["status"] == status))

        wanted = " ".join(f"{n}={v!r}" for n, v in (("kind", kind), ("show", show), ("status", status)) if v is not None)
        return await self.journal.wait_for(f"presence {wanted} from {sender}", fits, since, deadline)

    def messages(self, sender=None, since=0):
        """Bodies of the messages that came, in order."""
        return [stanza["body"] for stanza in self.journal.entries[since:]
                if stanza.name == "message" and stanza["body"] and stanza["type"] != "error" and
                (sender is None or stanza["from"].bare == sender)]

    def presences(self, sender, since=0):
        return [s for s in self.journal.entries[since:] if s.name == "presence" and s["from"].bare == sender]


async def befriend(one, other, deadline=20):
    """Both see each other's presence when this returns: subscription `both`."""
    for asker, asked in ((one, other), (other, one)):
        mark, asker_mark = asked.mark(), asker.mark()
        asker.subscribe(asked.jid)
        await asked.wait_presence(asker.jid, "subscribe", since=mark, deadline=deadline)
        asked.allow(asker.jid)
        await asker.wait_presence(asked.jid, "subscribed", since=asker_mark, deadline=deadline)
        await asker.wait_presence(asked.jid, "available", since=asker_mark, deadline=deadline)
