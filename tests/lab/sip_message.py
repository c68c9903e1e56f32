"""SIP messages as a peer sees them: header lines in their order and spelling, nothing normalised. Shares no code with parley."""
import re


class SipMessage:
    def __init__(self, start_line, headers, body=b""):
        self.start_line, self.headers, self.body = start_line, list(headers), body

    @classmethod
    def from_text(cls, text, body=b""):
        """From a readable block of lines; Content-Length is computed and put last."""
        lines = [line for line in text.strip("\n").split("\n")]
        headers = [tuple(part.strip(" ") if i else part for i, part in enumerate(line.split(":", 1))) for line in lines[1:]]
        body = body if isinstance(body, bytes) else body.encode()
        headers = [h for h in headers if h[0].lower() != "content-length"] + [("Content-Length", str(len(body)))]
        return cls(lines[0], headers, body)

    def encode(self):
        head = "\r\n".join([self.start_line] + [f"{name}: {value}" for name, value in self.headers])
        return head.encode() + b"\r\n\r\n" + self.body

    @property
    def is_response(self):
        return self.start_line.startswith("SIP/2.0 ")

    @property
    def method(self):
        """Of a request its own, of a response the one it answers."""
        return self.get("CSeq").split()[1] if self.is_response else self.start_line.split()[0]

    @property
    def request_uri(self):
        return self.start_line.split()[1]

    @property
    def status(self):
        return int(self.start_line.split()[1]) if self.is_response else None

    COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type",
               "o": "event", "u": "allow-events", "k": "supported", "s": "subject", "e": "content-encoding"}

    def get_all(self, name):
        """Values in order, one a header line (a line with several values stays one)."""
        wanted = name.lower()
        return [v for n, v in self.headers if self.COMPACT.get(n.lower(), n.lower()) == wanted]

    def get(self, name, default=""):
        values = self.get_all(name)
        return values[0] if values else default

    @property
    def call_id(self):
        return self.get("Call-ID")

    @property
    def cseq(self):
        return int(self.get("CSeq").split()[0])

    def tag(self, name):
        found = re.search(r";\s*tag=([^;\s]+)", self.get(name).rpartition(">")[2] or self.get(name))
        return found[1] if found else None

    def uri(self, name):
        """The URI of a name-addr header."""
        return uri_of(self.get(name))

    def __str__(self):
        return self.encode().decode("utf-8", "replace").replace("\r\n", "\n    ")


def uri_of(value):
    found = re.search(r"<([^>]*)>", value)
    return found[1] if found else value.split(";")[0].strip()


def host_of(uri):
    """(user, host, port or None) of a SIP URI."""
    rest = uri.split(":", 1)[1].split(";")[0]
    user, _, place = rest.rpartition("@")
    host, _, port = place.partition(":")
    return user, host, int(port) if port else None


async def read_message(reader):
    """The next message of a stream, None at its end. Blank lines before it are skipped, as keep-alives."""
    while True:
        line = await reader.readline()
        if not line:
            return None
        if line.strip():
            break
    lines = [line]
    while True:
        line = await reader.readline()
        if not line:
            return None
        if line == b"\r\n":
            break
        if not line.endswith(b"\r\n"):
            raise ValueError(f"a header line that does not end in CRLF: {line!r}")
        lines.append(line)
    texts = [entry.decode("utf-8").rstrip("\r\n") for entry in lines]
    headers = []
    for text in texts[1:]:
        if text[0] in " \t":  # a folded line
            headers[-1] = (headers[-1][0], headers[-1][1] + " " + text.strip())
        else:
            name, _, value = text.partition(":")
            headers.append((name.strip(), value.strip()))
    message = SipMessage(texts[0], headers)
    length = message.get_all("Content-Length")
    if len(length) != 1:
        raise ValueError(f"on a stream a message needs one Content-Length, not {length}:\n{message}")
    message.body = await reader.readexactly(int(length[0]))
    return message
