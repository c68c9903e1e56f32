"""Presence documents: what an OCS edge sends, and reading what it gets."""
import xml.etree.ElementTree as ElementTree

PIDF = "{urn:ietf:params:xml:ns:pidf}"


def ocs_document(user, basic="open", activity=None, display_name=None):
    """One tuple with draft-era activities as text, as this family of servers writes it for a federated domain."""
    inner = f"\n  <ep:activities><ep:activity>{activity}</ep:activity></ep:activities>" if activity else ""
    name = f"\n <ci:display-name>{display_name}</ci:display-name>" if display_name else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:ep="urn:ietf:params:xml:ns:pidf:status:rpid-status"\n'
        f'          xmlns:ci="urn:ietf:params:xml:ns:pidf:cipid" entity="sip:{user}">\n'
        f' <tuple id="0"><status><basic>{basic}</basic>{inner}</status></tuple>{name}</presence>'
    ).encode()


class Presence:
    """What a document says: `basic`, the set of activity words of either form, notes, and how many tuples it has."""

    def __init__(self, body):
        root = ElementTree.fromstring(body)
        if root.tag != PIDF + "presence":
            raise AssertionError(f"not a PIDF document: {root.tag}")
        self.entity = root.get("entity")
        tuples = root.findall(PIDF + "tuple")
        self.tuples = len(tuples)
        self.basic = tuples[0].findtext(f"{PIDF}status/{PIDF}basic") if tuples else None
        self.notes = [e.text for e in root.iter(PIDF + "note")]
        self.activities = set()
        for element in root.iter():
            space, _, name = element.tag.rpartition("}")
            if name == "activity" and element.text:  # the draft's form: <activity>away</activity>
                self.activities.add(element.text.strip())
            elif name == "activities" and space.endswith(":pidf:rpid"):  # RFC 4480: <away/>
                self.activities |= {child.tag.rpartition("}")[2] for child in element}

    def as_pair(self):
        """("open", "busy"): what a watcher of this family makes of it; "" where no activity counts."""
        counted = sorted(self.activities & {"busy", "away"})
        return self.basic, counted[0] if counted else ""
