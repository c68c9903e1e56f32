"""What was sent, what the server promised, and what was found."""
import itertools

BODY = "{jabber:client}body"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"


class Message:
    def __init__(self, name, number, recipient):
        self.name, self.number, self.recipient = name, number, recipient
        self.transmissions = 0  # how many times its sender began anew with it; a resumption goes on with the old one
        self.acknowledged = self.found = False
        self.deliveries = 0
        self.server_ids = set()  # XEP-0359: the server's own names for it

    def __repr__(self):
        return (f"{self.name} number {self.number} to {self.recipient}: sent {self.transmissions} times, "
                f"{'acknowledged' if self.acknowledged else 'not acknowledged'}, delivered {self.deliveries} times as "
                f"{sorted(self.server_ids)}")


class Book:
    """Numbers belong to ids one to one, so that a delivery that mixes two messages up is seen."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.messages = {}  # by id
        self.wrong = []     # sentences
        self.acknowledged = 0
        self._numbers = itertools.count(1)
        self._missing = {}  # recipient: the acknowledged and not yet found, in order

    def new(self, recipient):
        number = next(self._numbers)
        message = Message(f"{self.prefix}-{number}-{recipient}", number, recipient)
        self.messages[message.name] = message
        return message

    def on_acknowledged(self, message):
        if not message.acknowledged:
            message.acknowledged = True
            self.acknowledged += 1
            if not message.found:
                self._missing.setdefault(message.recipient, {})[message.name] = message

    def missing(self, recipient=None):
        names = self._missing if recipient is None else [recipient]
        return [message for name in names for message in self._missing.get(name, {}).values()]

    def on_delivery(self, recipient, element):
        name = element.get("id", "")
        body = element.findtext(BODY, "")
        message = self.messages.get(name)
        if element.get("type") == "error":
            why = element.find("{jabber:client}error")
            said = " ".join([each.tag.split("}")[1] for each in why] + list(why.itertext())) if why is not None else "nothing"
            self.wrong.append(f"{recipient} got an error for {message or name}: {said}")
            return
        if not message or message.recipient != recipient or body.split(" ")[0] != str(message.number):
            self.wrong.append(f"{recipient} got {name!r} with the body {body[:20]!r}, which nobody sent like that")
            return
        message.deliveries += 1
        ids = [child.get("id", "") for child in element.iterfind(STANZA_ID)]
        if len(ids) != 1 or not ids[0]:
            self.wrong.append(f"{message} came with {len(ids)} ids of the server")
        message.server_ids.update(ids)

    def on_confirmed(self, element):
        """Found: the recipient tells the server that it has it. What it keeps to itself must come again."""
        message = self.messages.get(element.get("id", ""))
        if message and not message.found:
            message.found = True
            self._missing.get(message.recipient, {}).pop(message.name, None)

    def doubled(self):
        """Under more than one id. A sender that begins anew with a message after a crash gives no cause for it: the
        server knows the message again."""
        return [message for message in self.messages.values() if len(message.server_ids) > 1]

    def count(self):
        """acknowledged, delivered, of these more than once, lost, doubled"""
        messages = self.messages.values()
        return (self.acknowledged, sum(m.deliveries > 0 for m in messages),
                sum(m.deliveries > 1 for m in messages), len(self.missing()), len(self.doubled()))
