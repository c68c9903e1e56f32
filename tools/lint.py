"""Checks that need no compiler (layers, words, sizes), the format, and clang-tidy on the files that changed.

    tools/lint.py [--quick] [BASE]    BASE: the commit that changes are counted from; default: origin/main, else the
                                      parent of HEAD. --quick leaves clang-tidy out.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINES_AT_MOST = 600  # a longer file has usually two topics
# Words of unfinished work, switched-off tests, and paths that exist on one machine only.
FORBIDDEN = [
    (re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b"), "unfinished work: finish it, or file an issue"),
    (re.compile(r"\b(GTEST_SK" r"IP|DISABLED" r"_\w+)"), "a test that does not run"),
    (re.compile(r"(?<![\w.])/(work|farm|root)/|\.\.\/shared\b"), "a path of one machine"),
]
SLEEP = re.compile(r"\b(sleep_" r"for|u" r"sleep|time\.sl" r"eep)\s*\(")
VAGUE = re.compile(r"\b(?:class|struct)\s+\w*(Manager|Helper|Utils?)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([a-z_]+)/')


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)


def files():
    listed = git("ls-files", "-co", "--exclude-standard").stdout.split("\n")
    return [f for f in listed if f and (ROOT / f).is_file()]


def layers():
    allowed = {}
    for line in (ROOT / "src/LAYERS").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, needs = line.partition(":")
            allowed[name.strip()] = set(needs.split()) | {name.strip()}
    return allowed


def check_layers(paths):
    allowed = layers()
    for path in paths:
        parts = path.split("/")
        if parts[0] != "src" or len(parts) < 3 or not path.endswith((".cpp", ".hpp")):
            continue
        if parts[1] not in allowed:
            yield f"{path}:1: the folder {parts[1]} is not in src/LAYERS"
            continue
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            # A test may use the fakes of tests/support; the compiler says no to anything else that is not there.
            if found and found[1] in allowed and found[1] not in allowed[parts[1]]:
                yield f"{path}:{number}: {parts[1]} may not include {found[1]} (src/LAYERS)"


def check_words(paths):
    for path in paths:
        if path == "tools/lint.py" or "/corpus/" in path or path.startswith("LICENSE"):
            continue
        try:
            lines = (ROOT / path).read_text().splitlines()
        except UnicodeDecodeError:
            continue
        is_test = path.startswith("tests/") or path.endswith("_test.cpp")
        is_code = path.endswith((".cpp", ".hpp", ".py")) or path == "dev"
        for number, line in enumerate(lines, 1):
            for pattern, why in FORBIDDEN:
                if pattern.search(line):
                    yield f"{path}:{number}: {pattern.search(line)[0]}: {why}"
            if is_test and SLEEP.search(line):
                yield f"{path}:{number}: a test waits for an event, it does not sleep"
            if path.endswith((".cpp", ".hpp")) and VAGUE.search(line):
                yield f"{path}:{number}: {VAGUE.search(line)[1]} names nothing; use the field's own word"
        if is_code and len(lines) > LINES_AT_MOST:
            yield f"{path}:1: {len(lines)} lines; at most {LINES_AT_MOST}"


def check_format(paths):
    sources = [p for p in paths if p.endswith((".cpp", ".hpp"))]
    for start in range(0, len(sources), 200):
        done = subprocess.run(["clang-format-14", "--dry-run", "--ferror-limit=1", *sources[start:start + 200]], cwd=ROOT,
                              capture_output=True, text=True)
        for line in done.stderr.splitlines():
            if ": warning: " in line:
                yield line.split(": warning: ")[0] + ": not formatted (./dev fmt)"


def changed(base):
    if not base:
        upstream = git("rev-parse", "--verify", "-q", "origin/main").stdout.strip()
        head = git("rev-parse", "HEAD").stdout.strip()
        base = upstream if upstream and upstream != head else "HEAD~1"
    return set(git("diff", "--name-only", base).stdout.split()) | set(git("ls-files", "-o", "--exclude-standard").stdout.split())


def check_tidy(paths, base):
    touched = changed(base)
    sources = [p for p in paths if p in touched and p.startswith("src/") and p.endswith(".cpp")]
    if not sources:
        return
    version = subprocess.run(["clang-tidy-14", "--version"], capture_output=True, text=True).stdout
    if "LLVM version 14" not in version:  # a check that does not run must not look like one that found nothing
        yield "tools/packages.sh:1: clang-tidy-14 is there but does not work; reinstall its package"
        return
    # Only configured, never built: clang-tidy needs the commands, and a compiler it understands.
    configure = subprocess.run(["cmake", "--preset", "clang"], cwd=ROOT, capture_output=True, text=True)
    if configure.returncode:
        yield "CMakeLists.txt:1: the clang preset does not configure\n" + configure.stderr
        return

    def tidy(path):
        return subprocess.run(["clang-tidy-14", "-quiet", "-p", "build/clang", path], cwd=ROOT, capture_output=True, text=True)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(tidy, sources):
            if done.returncode:
                yield done.stdout.replace(f"{ROOT}/", "").strip() or done.stderr.strip()


def main():
    paths = files()
    arguments = [word for word in sys.argv[1:] if word != "--quick"]
    checks = [check_layers(paths), check_words(paths), check_format(paths)]
    if len(arguments) == len(sys.argv[1:]):
        checks.append(check_tidy(paths, arguments[0] if arguments else ""))
    count = 0
    for check in checks:
        for finding in check:
            count += 1
            print(finding, flush=True)
    print(f"lint: {count} findings in {len(paths)} files" if count else f"lint: {len(paths)} files are clean")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
