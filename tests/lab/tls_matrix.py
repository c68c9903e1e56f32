"""The lines of tests/data/tls-matrix.txt, and the table of the docs that is made of them:

    python3 -m tests.lab.tls_matrix     writes it into docs/partners/xmpp.md
"""
import collections
import itertools
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "tests" / "data" / "tls-matrix.txt"
PAGE = ROOT / "docs" / "partners" / "xmpp.md"
BEGIN, END = "<!-- made of tests/data/tls-matrix.txt -->\n", "<!-- end -->\n"
SETTINGS = {"off": ("--tls", "off", "--plain-dialback"), "optional": ("--tls", "optional", "--dialback", "--plain-dialback"),
            "required": ("--tls", "required", "--dialback"), "trusted": ("--tls", "required")}
Line = collections.namedtuple("Line", "port ours theirs certificate to_them to_us")


def lines():
    return [Line(*(cell.strip() for cell in text.split("|"))) for text in FILE.read_text().splitlines() if text and text[0] != "#"]


def table():
    out = "| port | ours | theirs | their certificate | we to them | they to us |\n|---|---|---|---|---|---|\n"
    same = lambda line: (line.port, line.ours, line.certificate, line.to_them, line.to_us)
    for key, group in itertools.groupby(sorted(lines(), key=lambda line: (line.port != "starttls", list(SETTINGS).index(line.ours),
                                                                         line.certificate == "bad", line.to_them, line.to_us)), same):
        port, ours, certificate, to_them, to_us = key
        theirs = ", ".join(line.theirs for line in group)
        out += f"| {port} | {ours} | {theirs} | {certificate} | {to_them} | {to_us} |\n"
    return out


def of_the_docs():
    return PAGE.read_text().split(BEGIN)[1].split(END)[0]


if __name__ == "__main__":
    text = PAGE.read_text()
    PAGE.write_text(text.split(BEGIN)[0] + BEGIN + table() + END + text.split(END)[1])
