"""Runs every test of a build and prints `N passed, N failed` alone on the last line.

- GoogleTest programs: every executable `*_test` under the build folder, counted from its JSON report.
- Suites: the programs of SUITES that are there, told the build by PARLEY_BIN. One that ends with `N passed, N failed` or
  as Python's unittest does is counted by that; any other is one test, by its exit code.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM_DEADLINE = 900  # seconds; the slowest program needs a fraction of it
SUITE_DEADLINE = 1800
TALLY = re.compile(r"^(\d+) passed, (\d+) failed$")
UNITTEST = re.compile(r"^Ran (\d+) tests? in [\d.]+s\n\n(?:OK|FAILED \((?:failures=(\d+))?(?:, )?(?:errors=(\d+))?)", re.MULTILINE)
PYTHON = "/usr/bin/python3"  # Debian's, which has the packages that tools/install.sh brings


def suites(build):
    """(name, command, option that takes a filter or None: then the suite runs whole or not at all)"""
    return [
        ("cli", [PYTHON, ROOT / "tests/cli/cli_test.py"], ["-k"]),
        ("differential", [build / "tests/differential/sip_differential", "--count", "200000", "--seed", "1"], None),
        ("powercut", [ROOT / "tests/powercut/run", "--build", build], None),
        ("kill", [ROOT / "tests/kill/run"], None),
        ("kill-sip", [ROOT / "tests/kill/sip_run"], None),
        ("acceptance", [ROOT / "tests/acceptance/run"], []),
    ]


class Outcome:
    def __init__(self, name, passed, failed, seconds, log, note=""):
        self.name, self.passed, self.failed = name, passed, failed
        self.seconds, self.log, self.note = seconds, log, note


def test_programs(build):
    found = []
    for folder, _, files in os.walk(build):
        if "CMakeFiles" in folder or "test-results" in folder:
            continue
        found += [pathlib.Path(folder, f) for f in files if f.endswith("_test") and os.access(os.path.join(folder, f), os.X_OK)]
    return sorted(found)


def execute(command, log, env, deadline):
    """Returns (exit code or None when the deadline passed, seconds)."""
    start = time.monotonic()
    with open(log, "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env, cwd=ROOT,
                                   start_new_session=True)
        try:
            code = process.wait(deadline)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)  # its own session: the programs it started go with it
            process.wait()
            code = None
    return code, time.monotonic() - start


def run_program(program, results, name_filter):
    report = results / f"{program.name}.json"
    log = results / f"{program.name}.log"
    report.unlink(missing_ok=True)
    command = [str(program), f"--gtest_output=json:{report}", "--gtest_brief=1"]
    if name_filter:
        command.append(f"--gtest_filter=*{name_filter}*")
    code, seconds = execute(command, log, dict(os.environ), PROGRAM_DEADLINE)
    try:
        counts = json.loads(report.read_text())
        failed = counts["failures"] + counts["errors"]
        passed = counts["tests"] - failed - counts["disabled"]
    except (OSError, ValueError, KeyError):
        note = "did not end in time" if code is None else f"ended with {code} and left no report"
        return Outcome(program.name, 0, 1, seconds, log, note)
    if code != 0 and failed == 0:  # all tests passed, and then a sanitizer or a destructor spoke
        return Outcome(program.name, passed, 1, seconds, log, f"ended with {code}")
    return Outcome(program.name, passed, failed, seconds, log)


def count(code, text):
    """(passed, failed) of a suite's output."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if tally := TALLY.match(lines[-1]) if lines else None:
        return int(tally[1]), int(tally[2])
    if found := UNITTEST.search(text):
        failed = int(found[2] or 0) + int(found[3] or 0)
        return int(found[1]) - failed, failed
    return (1, 0) if code == 0 else (0, 1)


def run_suite(name, command, results, jobs):
    log = results / f"{name}.log"
    code, seconds = execute([str(word) for word in command], log, dict(os.environ, JOBS=str(jobs)), SUITE_DEADLINE)
    if code is None:
        return Outcome(name, 0, 1, seconds, log, "did not end in time")
    passed, failed = count(code, log.read_text(errors="replace"))
    if code != 0 and failed == 0:
        return Outcome(name, passed, 1, seconds, log, f"ended with {code}")
    return Outcome(name, passed, failed, seconds, log)


def show(outcome):
    word = "FAILED" if outcome.failed else "ok"
    print(f"{word:6} {outcome.name:24} {outcome.passed:5} passed {outcome.failed:3} failed {outcome.seconds:7.1f} s  {outcome.note}",
          flush=True)
    if outcome.failed:
        text = outcome.log.read_text(errors="replace")
        print("\n".join("    | " + line for line in text.splitlines()[-120:]), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("filter", nargs="?", default="")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    build = pathlib.Path(os.environ["PARLEY_BIN"]).resolve()
    results = build / "test-results"
    results.mkdir(exist_ok=True)

    chosen = []
    for name, command, filter_option in suites(build):
        if not os.access(command[0] if command[0] != PYTHON else command[1], os.R_OK):
            continue
        if not options.filter or options.filter in name:
            chosen.append((name, command))
        elif filter_option is not None:
            chosen.append((name, command + filter_option + [options.filter]))
    total = [0, 0]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        # Suites come after the programs: they have deadlines, and a machine busy with unit tests only makes them wait.
        for batch in (
            [pool.submit(run_program, p, results, options.filter) for p in test_programs(build)],
            lambda: [pool.submit(run_suite, name, command, results, max(1, options.jobs // 2)) for name, command in chosen],
        ):
            for done in concurrent.futures.as_completed(batch() if callable(batch) else batch):
                outcome = done.result()
                total[0] += outcome.passed
                total[1] += outcome.failed
                if outcome.passed or outcome.failed:
                    show(outcome)
    if total == [0, 0]:
        print("no test has that name" if options.filter else "there are no tests in this build")
        total[1] = 1
    print(f"{total[0]} passed, {total[1]} failed")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
