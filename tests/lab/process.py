"""A program of a lab: started with its output in a log, waited for by a line or a port, stopped by its process id."""
import os
import pathlib
import re
import signal
import socket
import subprocess

from .waiting import TooLate, until

# What a sanitizer or a crashing program writes; one such line fails the test, whatever else it saw.
REPORTS = re.compile(r"(ERROR: (Address|Leak|Thread)Sanitizer|runtime error: |terminate called after|Assertion .* failed|"
                     r"panic:|Segmentation fault)")


class Process:
    """`polite` programs end on SIGTERM; others are killed at once. `crash_fails`: its crash or report is the test's failure."""

    def __init__(self, name, command, folder, env=None, crash_fails=True, polite=True):
        self.name, self.command = name, [str(part) for part in command]
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_file = self.folder / f"{name}.log"
        self._env = dict(os.environ, **(env or {}))
        self._crash_fails, self._polite = crash_fails, polite
        self._process = None
        self._read_from = 0  # a restarted program is ready by a new line, not by its old one
        self.problems = []

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def start(self):
        self._read_from = len(self.log())
        # setpriv: when the test dies, so does what it started.
        with open(self.log_file, "ab") as log:
            self._process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.command], stdout=log,
                                             stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=self._env,
                                             cwd=self.folder, start_new_session=True)
        return self

    async def _ready(self, predicate, what, deadline):
        def look():
            if not self.running:
                raise TooLate(f"{self.name} ended with {self._process.returncode} before {what}")
            return predicate()

        return await until(look, deadline, lambda: f"{self.name}: {what}")

    async def wait_line(self, pattern, deadline=20):
        """The first match of `pattern` in what this run of the program has written."""
        expression = re.compile(pattern, re.MULTILINE)
        return await self._ready(lambda: expression.search(self.log()[self._read_from:]), f"it wrote {pattern!r}", deadline)

    async def wait_port(self, port, address="127.0.0.1", deadline=20):
        def open_port():
            with socket.socket() as probe:
                probe.settimeout(1)
                return probe.connect_ex((address, port)) == 0

        await self._ready(open_port, f"port {port} was open", deadline)

    async def wait_end(self, deadline=10):
        """The exit code of a program that ends by itself."""
        await until(lambda: not self.running, deadline, lambda: f"{self.name} ended")
        return self._process.returncode

    def tail(self, lines=25):
        return "\n".join(f"    {self.name}| {line}" for line in self.log().splitlines()[-lines:])

    def kill(self):
        """kill -9, as a power cut does it to a process."""
        if self.running:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    async def stop(self, deadline=15):
        if self._process is None:
            return
        if self.running and not self._polite:
            self.kill()
        elif self.running:
            self._process.terminate()
            try:
                await until(lambda: not self.running, deadline, "")
            except TooLate:
                self.problems.append(f"{self.name} did not stop within {deadline} s of SIGTERM")
                self.kill()
        elif self._crash_fails and self._process.returncode not in (0, -signal.SIGKILL, -signal.SIGTERM):
            self.problems.append(f"{self.name} had ended with {self._process.returncode}")
        try:
            os.killpg(self._process.pid, signal.SIGKILL)  # children that it left behind; they share its process group
        except ProcessLookupError:
            pass
        if self._crash_fails:
            if self._process.returncode in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL):
                self.problems.append(f"{self.name} died of signal {-self._process.returncode}")
            report = REPORTS.search(self.log())
            if report:
                self.problems.append(f"{self.name} reported:\n{self.log()[max(0, report.start() - 200):][:6000]}")
