"""Runs fuzz targets for a time each, on a working copy of their corpus; a finding is kept in build/fuzz/findings."""
import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "fuzz"


def run(target, seconds):
    grown = BUILD / "corpus" / target  # what the fuzzer finds goes here; the seeds in the source tree stay as they are
    findings = BUILD / "findings" / target
    grown.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    command = [str(BUILD / "fuzz" / f"fuzz_{target}"), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
               "-print_final_stats=1", f"-artifact_prefix={findings}/", str(grown)]
    seeds = ROOT / "fuzz" / "corpus" / target
    if seeds.is_dir():
        command.append(str(seeds))
    dictionary = ROOT / "fuzz" / f"{target}.dict"
    if dictionary.exists():
        command.insert(1, f"-dict={dictionary}")
    log = BUILD / f"{target}.log"
    with open(log, "wb") as out:
        code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=ROOT).returncode
    return target, code, log


def executions(log):
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("stat::number_of_executed_units:"):
            return line.split()[-1]
    return "?"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--target")
    options = parser.parse_args()
    targets = [options.target] if options.target else sorted(p.stem for p in (ROOT / "fuzz").glob("*.cpp"))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for done in concurrent.futures.as_completed([pool.submit(run, t, options.seconds) for t in targets]):
            target, code, log = done.result()
            if code == 0:
                print(f"ok     fuzz_{target}: {executions(log)} inputs in {options.seconds} s", flush=True)
                continue
            failed += 1
            print(f"FAILED fuzz_{target} (exit {code}); its input is in {BUILD / 'findings' / target}", flush=True)
            print("\n".join("    | " + line for line in log.read_text(errors="replace").splitlines()[-60:]), flush=True)
    print(f"{len(targets) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
