"""What was written between our users and a SIP partner's, what was answered, and what was found."""
import itertools
import time

BODY = "{jabber:client}body"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"


class Text:
    def __init__(self, name, number, conversation):
        self.name, self.number, self.conversation = name, number, conversation
        self.transmissions = 0   # how many times its XMPP sender began anew with it; a SIP peer repeats it as it is
        self.acknowledged = self.found = False
        self.deliveries = 0
        self.ids = set()     # what the receiver can tell a repetition by
        self.answered = []   # when, and as which request
        self.copies = {}     # inside a SIP session nothing tells: how many a life of the server

    @property
    def recipient(self):
        return self.conversation[1]

    def __repr__(self):
        return (f"{self.name} of {self.conversation[0]} to {self.recipient}: sent {self.transmissions} times, "
                f"{'acknowledged' if self.acknowledged else 'not acknowledged'}, delivered {self.deliveries} times as "
                f"{sorted(self.ids)} {self.copies} {self.answered}")


class Book:
    """A body is "NAME PADDING". The name is unique, whichever way it goes."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.texts = {}
        self.wrong = []
        self.acknowledged = 0
        self.life = 0   # of the server; counted by who starts it
        self._numbers = itertools.count(1)
        self._missing = {}
        self._last = {}  # by conversation: the number of the newest text found

    def new(self, sender, recipient):
        number = next(self._numbers)
        text = Text(f"{self.prefix}-{number}", number, (sender, recipient))
        self.texts[text.name] = text
        return text

    def on_acknowledged(self, text):
        if not text.acknowledged:
            text.acknowledged = True
            self.acknowledged += 1
            if not text.found:
                self._missing.setdefault(text.recipient, {})[text.name] = text

    def missing(self, recipient=None):
        names = self._missing if recipient is None else [recipient]
        return [text for name in names for text in self._missing.get(name, {}).values()]

    def _known(self, recipient, body):
        text = self.texts.get(body.split(" ")[0])
        if not text or text.recipient != recipient:
            self.wrong.append(f"{recipient} got {body[:30]!r}, which nobody sent like that")
            return None
        text.deliveries += 1
        return text

    def _found(self, text, in_order):
        if text.found:
            return
        text.found = True
        self._missing.get(text.recipient, {}).pop(text.name, None)
        if in_order and text.number < self._last.get(text.conversation, 0):
            self.wrong.append(f"{text} came after number {self._last[text.conversation]}")
        self._last[text.conversation] = text.number

    # An XMPP client of ours.
    def on_delivery(self, recipient, element):
        body = element.findtext(BODY, "")
        if element.get("type") == "error":
            self.wrong.append(f"{recipient} got an error from {element.get('from')} for {element.get('id')}")
            return
        if not body:
            return  # typing
        text = self._known(recipient, body)
        if text:
            ids = [child.get("id", "") for child in element.iterfind(STANZA_ID)]
            if len(ids) != 1 or not ids[0]:
                self.wrong.append(f"{text} came with {len(ids)} ids of the server")
            text.ids.update(ids)

    def on_confirmed(self, element):
        text = self.texts.get(element.findtext(BODY, "").split(" ")[0])
        if text:
            self._found(text, in_order=False)  # what waited comes beside what is new

    # The partner. `ids`: None inside a session.
    def on_sip_text(self, recipient, body, ids):
        text = self._known(recipient, body)
        if text:
            if ids:
                text.ids.add(ids)
            self._found(text, in_order=True)
        return text

    def on_sip_answered(self, text, request):
        text.answered.append(f"{time.monotonic():.3f} life {self.life}: {request}")
        text.copies[self.life] = text.copies.get(self.life, 0) + 1

    def on_sip_answer_lost(self, text):
        text.copies[self.life] = text.copies.get(self.life, 0) - 1

    def doubled(self):
        """Under more ids than its sender gave cause for; in a session, again in a life in which it was answered."""
        def most(text):
            return max(1, text.transmissions)

        return [text for text in self.texts.values() if len(text.ids) > most(text) or
                (not text.ids and any(count > most(text) for count in text.copies.values()))]

    def shown_again(self):
        """In a session, after a kill, though it had been answered: the answer had not reached the disk."""
        return [text for text in self.texts.values()
                if not text.ids and sum(text.copies.values()) > max(1, text.transmissions)]

    def count(self):
        """acknowledged, delivered, of these more than once, lost, doubled"""
        texts = self.texts.values()
        return (self.acknowledged, sum(t.deliveries > 0 for t in texts), sum(t.deliveries > 1 for t in texts),
                len(self.missing()), len(self.doubled()))
