"""The demonstration of the README, played and verified by itself."""
import os
import subprocess
import sys

from tests.lab.lab import ROOT

DEADLINE = 110  # seconds; just below the one of the test itself, so that its output is seen


async def test_demo(lab):
    """Every step of `./dev demo --check` arrives, with the programs under test, and it leaves nothing running."""
    command = [sys.executable, str(ROOT / "tools" / "demo.py"), "--check", "--folder", str(lab.folder / "demo")]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              encoding="utf-8", timeout=DEADLINE,
                              env=dict(os.environ, PARLEY_BIN=str(lab.programs), PYTHONIOENCODING="utf-8"))
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"not over within {DEADLINE} s:\n{(late.stdout or b'').decode(errors='replace')}") from None
    print(done.stdout)
    assert done.returncode == 0, f"the demonstration ended with {done.returncode}"
    assert " 0 failed." in done.stdout, "it did not say that all was good"
