"""The lines of tests/data/fault-bench.txt, and the table of the docs that is made of them:

    python3 -m tests.lab.fault_bench     writes it into docs/partners/faults.md
"""
import collections
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "tests" / "data" / "fault-bench.txt"
PAGE = ROOT / "docs" / "partners" / "faults.md"
BEGIN, END = "<!-- made of tests/data/fault-bench.txt -->\n", "<!-- end -->\n"
VERDICTS = ("red", "warning", "green")
Line = collections.namedtuple("Line", "name protocol what verdict rules")


def lines():
    found = []
    for text in FILE.read_text().splitlines():
        if text and text[0] != "#":
            name, protocol, what, verdict, rules = (cell.strip() for cell in text.split("|"))
            assert verdict in VERDICTS, text
            found.append(Line(name, protocol, what, verdict, tuple(rules.split(", "))))
    return found


def table():
    out = "| what is wrong | over | verdict | rule ids |\n|---|---|---|---|\n"
    for line in lines():
        if line.verdict != "green":
            out += f"| {line.what} | {line.protocol} | {line.verdict} | {', '.join(f'`{rule}`' for rule in line.rules)} |\n"
    return out


def of_the_docs():
    return PAGE.read_text().split(BEGIN)[1].split(END)[0]


if __name__ == "__main__":
    page = PAGE.read_text()
    PAGE.write_text(page.split(BEGIN)[0] + BEGIN + table() + END + page.split(END)[1])
