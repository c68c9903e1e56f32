"""Presence documents: what each kind of partner sends, and reading what it gets."""
import xml.etree.ElementTree as ElementTree

PIDF = "{urn:ietf:params:xml:ns:pidf}"
RPID = "{urn:ietf:params:xml:ns:pidf:rpid}"
PERSON = "{urn:ietf:params:xml:ns:pidf:data-model}person"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf"'


def drafts_document(user, basic="open", activity=None, display_name=None, entity="sip:", note=None):
    """One tuple with draft-era activities as text, as Microsoft's servers write it for a federated domain."""
    inner = f"\n  <ep:activities><ep:activity>{activity}</ep:activity></ep:activities>" if activity else ""
    text = f"<note>{note}</note>" if note else ""
    name = f"\n <ci:display-name>{display_name}</ci:display-name>" if display_name else ""
    return (
        f'{HEAD} xmlns:ep="urn:ietf:params:xml:ns:pidf:status:rpid-status"\n'
        f'          xmlns:ci="urn:ietf:params:xml:ns:pidf:cipid" entity="{entity}{user}">\n'
        f' <tuple id="0"><status><basic>{basic}</basic>{inner}</status>{text}</tuple>{name}</presence>'
    ).encode()


def aol_document(user, basic="open", activity=None, note=None):
    """The same form; the entity has no scheme."""
    return drafts_document(user, basic, activity, entity="", note=note)


def standard_document(user, basic="open", activities=(), show=None, idle=False, note=None, devices=()):
    """RFC 3863 with RFC 4479's person and RFC 4480's activities; `devices` are further tuples, (id, basic)."""
    tuples = "".join(f'<tuple id="{name}"><status><basic>{state}</basic></status></tuple>' for name, state in devices)
    person = f"<rpid:activities>{''.join(f'<rpid:{name}/>' for name in activities)}</rpid:activities>" if activities else ""
    person += '<rpid:user-input last-input="2026-01-01T10:00:00Z">idle</rpid:user-input>' if idle else ""
    return (
        f'{HEAD} xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:{user}">'
        f'{tuples}<tuple id="main"><status><basic>{basic}</basic>'
        f"{f'''<show xmlns='jabber:client'>{show}</show>''' if show else ''}</status>"
        f"{f'<note>{note}</note>' if note else ''}</tuple>"
        f'{f"""<dm:person id="p1">{person}</dm:person>""" if person else ""}</presence>'
    ).encode()


class Presence:
    """What a document says: `basic`, the activity words inside the tuple (the drafts' form) and of the person, `show`, whether the
    person is idle, notes, and how many tuples it has."""

    def __init__(self, body):
        root = ElementTree.fromstring(body)
        if root.tag != PIDF + "presence":
            raise AssertionError(f"not a PIDF document: {root.tag}")
        self.entity = root.get("entity")
        tuples = root.findall(PIDF + "tuple")
        self.tuples = len(tuples)
        self.basic = tuples[0].findtext(f"{PIDF}status/{PIDF}basic") if tuples else None
        self.show = root.findtext(".//{jabber:client}show")
        self.notes = [e.text for e in root.iter(PIDF + "note")]
        self.words = sorted(e.text.strip() for e in root.iter() if e.tag.rpartition("}")[2] == "activity" and e.text)
        self.person = sorted(child.tag.rpartition("}")[2] for person in root.iter(PERSON)
                             for activities in person.iter(f"{RPID}activities") for child in activities)
        self.idle = any(e.text == "idle" for e in root.iter(f"{RPID}user-input"))
        self.activities = {*self.words, *self.person}

    def as_pair(self):
        """("open", "busy"): what a watcher makes of it; "" where no activity counts."""
        counted = sorted(self.activities & {"busy", "away"})
        return self.basic, counted[0] if counted else ""
