"""The lines of tests/data/presence-tables.txt: what a user in one state is shown as to another kind of user."""
import collections
import pathlib

FILE = pathlib.Path(__file__).resolve().parent.parent / "data" / "presence-tables.txt"
Line = collections.namedtuple("Line", "table sender state viewer shown added")


def lines(sender=None, viewer=None):
    """Those of a sender, a viewer or both; `table` is a number, or "-" where it is our own choice."""
    found = []
    for text in FILE.read_text().splitlines():
        if not text or text.startswith("#"):
            continue
        line = Line(*(cell.strip() for cell in text.split("|")))
        if sender in (None, line.sender) and viewer in (None, line.viewer):
            found.append(line._replace(added="" if line.added == "-" else line.added))
    return found
