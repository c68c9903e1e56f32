"""What differs on the wire between the SIP partners that the lab plays: Office Communications Server 2007 R2, Lync 2010, AOL's
SIP Access Gateway, and a standard SIMPLE domain. An edge (edge.py) has one of them."""
import random

from .pidf import aol_document, drafts_document, standard_document

KEY_INFO = "AAEAAT5QsZ8tvPJz" + "Q7xVb2m9" * 35 + "kA__"  # 300 characters, as the signed URIs of Microsoft's edges have
ROUTE_SIG = "bmYq3Vw8Rk2pT6zLd9Xc4Hf7Js1Gu5Ne0Mo-Qa_EiBtA"  # 44 characters


def hex_digits(count):
    return "".join(random.choice("0123456789abcdef") for _ in range(count))


class Ocs:
    profile = "ocs"
    title = "OCS"
    srv = "federation"  # _sipfederationtls
    client = "UCCP/2.0.6362.0 OC/2.0.6362.0 (Microsoft Office Communicator)"
    server = "RTC/3.5"
    longest_grant = 7200  # it may grant and ask for more; we may not
    sessions = True       # messages lie in an INVITE session
    in_dialog_by_contact = True  # its requests inside a dialog go to the Contact of the other side
    display_name = '"Alice"'  # no space before the address
    accept = ("application/msrtc-event-categories+xml, application/xpidf+xml, text/xml+msrtc.pidf, application/pidf+xml, "
              "application/rlmi+xml, multipart/related")
    piggyback = True

    def record_routes(self, edge):
        return [f"<sip:{edge.host}:{edge.port};transport=tls;lr;ms-key-info={edge.key_info};ms-route-sig={ROUTE_SIG}>"
                ";tag=3A78FB75E877D0A0B16EB39156A3983A"]

    def vias(self, connection):
        """The edge's own, an inner hop's, and a client's, which has no branch."""
        return [
            f"SIP/2.0/TLS 127.0.0.1:{connection.local_port()};branch=z9hG4bK{hex_digits(8).upper()}.D119DEC5;branched=FALSE",
            f"SIP/2.0/TLS 10.55.55.33:47696;branch=z9hG4bK{hex_digits(8).upper()}.1A435385;branched=FALSE"
            ";ms-received-port=47696;ms-received-cid=200",
            "SIP/2.0/TLS 10.55.55.22:4317;ms-received-port=4317;ms-received-cid=67F00",
        ]

    def contact(self, edge, user, epid="XHiWcZA4TlaDkwMgksvyrQAA"):
        return f"sip:{user};opaque=user:epid:{epid};gruu"

    def from_suffix(self, epid):
        return f";epid={epid}"

    def call_id(self):
        return hex_digits(32)

    def subscribe_headers(self, with_benotify=True):
        headers = [("Accept", self.accept), ("Supported", "com.microsoft.autoextend")]
        if with_benotify:
            headers += [("Supported", "ms-benotify"), ("Proxy-Require", "ms-benotify")]
        return headers + [("Supported", "ms-piggyback-first-notify")]

    def invite_headers(self, caller, callee, text):
        return [
            ("ms-text-format", f"text/plain; charset=UTF-8;msgr={STYLE};ms-body={text}"),
            ("Supported", "ms-delayed-accept"),
            ("Supported", "timer"),
            ("Supported", "com.microsoft.rtc-multiparty"),
            ("ms-keep-alive", "UAC;hop-hop=yes"),
            ("Ms-Conversation-ID", "AdPQwQ+QHyGgNm5cnnI5Sv0cCiqWRg=="),
            ("Roster-Manager", f"sip:{caller}"),
            ("EndPoints", f"<sip:{caller}>, <sip:{callee}>"),
        ]

    def document(self, user, basic="open", activity=None, display_name=None):
        return drafts_document(user, basic, activity, display_name)

    def document_of(self, user, state, note=None):
        """What its server says of a user in a state of tests/data/presence-tables.txt: its form has no more words."""
        activity = {"Available": None, "Offline": None, "Busy": "busy", "Do Not Disturb": "busy", "Be Right Back": "away", "Away": "away"}
        return drafts_document(user, "closed" if state == "Offline" else "open", activity[state], note=note)

    def shows(self, presence):
        """The state, as its users see it, of one of our documents: of the two forms it may read either, so both must agree."""
        assert presence.tuples == 1, f"{presence.tuples} tuples; this peer handles one"
        assert presence.words == presence.person, f"the two forms differ: {presence.words} and {presence.person}"
        if presence.basic != "open":
            assert not presence.words, "offline, and yet an activity"
            return "Offline"
        return {"": "Available", "busy": "Busy", "away": "Away"}[" ".join(presence.words)]


STYLE = "WAAtAE0ATQBTAC0A"  # the start of the client's font settings, base64 of UTF-16


class Lync(Ocs):
    profile = "lync"
    title = "Lync"
    client = "UCCAPI/4.0.7577.0 OC/4.0.7577.0 (Microsoft Lync 2010)"
    server = "RTC/4.0"

    def record_routes(self, edge):
        """The edge's, with header parameters behind the bracket, and that of the pool inside."""
        return [
            f"<sip:{edge.host}:{edge.port};transport=tls;opaque=state:F;lr;ms-key-info={edge.key_info};ms-route-sig={ROUTE_SIG}>"
            f";ms-rrsig=ac0123456789abcdef{ROUTE_SIG};tag=3A78FB75E877D0A0B16EB39156A3983A",
            f"<sip:pool.{edge.domain}:5061;transport=tls;ms-fe=fe1.{edge.domain};opaque=state:F:Ci.R67f00;lr;ms-route-sig={ROUTE_SIG}>"
            f";tag={hex_digits(32).upper()};ms-rrsig=bd0123456789abcdef{ROUTE_SIG}",
        ]

    def subscribe_headers(self, with_benotify=True):
        return super().subscribe_headers(with_benotify) + [("Supported", "ms-dialog-route-set-update")]

    def invite_headers(self, caller, callee, text):
        formats = [("ms-im-format", f"text/{kind}; charset=UTF-8; ms-body={text}") for kind in ("html", "rtf")]
        tokens = ("ms-dialog-route-set-update", "ms-embedded-first-message", "ms-renders-isf", "ms-renders-gif",
                  "ms-renders-mime-alternative", "histinfo", "ms-safe-transfer", "ms-sender", "ms-early-media", "ms-conf-invite")
        more = [("Supported", token) for token in tokens]
        more += [("Subject", "lunch"), ("history-info", f"<sip:{callee}>;index=1"), ("ms-subnet", "10.78.251.0")]
        return super().invite_headers(caller, callee, text) + formats + more


class Aol:
    """Plain RFC headers: nothing of this gateway's own is known. It ignores Record-Route: what it asks inside a dialog has no Route."""

    profile = "aol"
    title = "AOL"
    srv = "federation"
    client = server = "AOL-SAG"
    longest_grant = 3600
    sessions = True
    in_dialog_by_contact = False
    display_name = ""
    accept = "application/pidf+xml"
    piggyback = False

    def record_routes(self, edge):
        return []

    def vias(self, connection):
        return [f"SIP/2.0/TLS 127.0.0.1:{connection.local_port()};branch=z9hG4bK{hex_digits(16)}"]

    def contact(self, edge, user, epid=None):
        return f"sip:{user.rpartition('@')[0]}@{edge.host}:{edge.port};transport=tls"

    def from_suffix(self, epid):
        return ""

    def call_id(self):
        return f"{hex_digits(20)}@10.1.1.1"

    def subscribe_headers(self, with_benotify=True):
        return [("Accept", self.accept)]

    def invite_headers(self, caller, callee, text):
        return []

    def document(self, user, basic="open", activity=None, display_name=None):
        return aol_document(user, basic, activity)

    def document_of(self, user, state, note=None):
        basic, activity = {"Available": ("open", None), "Away": ("open", "away"), "Invisible": ("closed", None), "Offline": ("closed", None)}[state]
        return aol_document(user, basic, activity, note)

    shows = Ocs.shows


class Simple(Aol):
    """A presence server and proxy by the RFCs."""

    profile = "simple"
    title = "SIMPLE"
    srv = "standard"  # _sips
    client = server = "plain SIP server"
    sessions = False
    in_dialog_by_contact = True
    accept = "application/pidf+xml, application/pidf-diff+xml;q=0.5"

    def record_routes(self, edge):
        return [f"<sip:{edge.host}:{edge.port};transport=tls;lr;ftag={hex_digits(8)}>"]

    def document(self, user, basic="open", activity=None, display_name=None):
        return standard_document(user, basic, [activity] if activity else [])

    def document_of(self, user, state, note=None):
        return standard_document(user, "closed" if state == "Offline" else "open",
                                 {"Busy": ["busy"], "Away": ["away"]}.get(state, ()),
                                 show={"Do Not Disturb": "dnd", "Extended Away": "xa"}.get(state), idle=state == "Idle", note=note)

    def shows(self, presence):
        assert presence.tuples == 1, f"{presence.tuples} tuples for one user"
        if presence.basic != "open":
            return "Offline"
        if presence.show in ("dnd", "xa"):
            return {"dnd": "Do Not Disturb", "xa": "Extended Away"}[presence.show]
        if presence.idle:
            assert presence.person == ["away"], presence.person
            return "Idle"
        return {"": "Available", "busy": "Busy", "away": "Away"}[" ".join(presence.person)]


OCS, LYNC, AOL, SIMPLE = Ocs(), Lync(), Aol(), Simple()
