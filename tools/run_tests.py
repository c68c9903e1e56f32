"""Runs every test of a build and prints `N passed, N failed` alone on the last line.

Two kinds of tests:
- GoogleTest programs: every executable `*_test` under the build folder; counted from their JSON report.
- Suites: every executable `tests/<suite>/run`. It finds the programs by PARLEY_BIN, may use JOBS cores, takes a filter
  as its only argument, and says `N passed, N failed` on its last line.
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
FILTERED_SUITES = {"acceptance", "cli"}  # they pick single tests by name; the others run whole or not at all


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


def run_suite(suite, results, name_filter, jobs):
    log = results / f"{suite}.log"
    command = [str(ROOT / "tests" / suite / "run")]
    if name_filter and name_filter not in suite:
        command.append(name_filter)
    code, seconds = execute(command, log, dict(os.environ, JOBS=str(jobs)), SUITE_DEADLINE)
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    tally = TALLY.match(lines[-1]) if lines else None
    if code is None or not tally:
        return Outcome(suite, 0, 1, seconds, log, "did not end in time" if code is None else f"ended with {code} and no count")
    passed, failed = int(tally[1]), int(tally[2])
    if code != 0 and failed == 0:
        return Outcome(suite, passed, 1, seconds, log, f"ended with {code}")
    return Outcome(suite, passed, failed, seconds, log)


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

    suites = sorted(p.parent.name for p in ROOT.glob("tests/*/run") if os.access(p, os.X_OK))
    if options.filter:
        suites = [s for s in suites if options.filter in s or s in FILTERED_SUITES]
    total = [0, 0]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        # Suites come after the programs: they have deadlines, and a machine busy with unit tests only makes them wait.
        for batch in (
            [pool.submit(run_program, p, results, options.filter) for p in test_programs(build)],
            lambda: [pool.submit(run_suite, s, results, options.filter, max(1, options.jobs // 2)) for s in suites],
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
