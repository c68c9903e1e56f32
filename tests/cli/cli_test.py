#!/usr/bin/env python3
"""parleyctl and parleyd as an administrator meets them. PARLEY_BIN names the folder of the built programs.

    PARLEY_BIN=build/dev python3 tests/cli/cli_test.py [-v] [TestCase.test]
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

BIN = pathlib.Path(os.environ.get("PARLEY_BIN", "build/dev")).resolve()
HERE = pathlib.Path(__file__).resolve().parent
ENV = {**os.environ, "LC_ALL": "C", "LANG": "C"}
OFFSETS = (22, 23, 60, 61, 69, 70, 80, 81)
DEADLINE = 60  # seconds: programs built with sanitizers on a busy machine are slow


def free_base():
    """A port base whose eight ports are free now."""
    for base in range(20000 + os.getpid() % 97 * 100, 60000, 100):
        taken = []
        try:
            for offset in OFFSETS:
                s = socket.socket()
                taken.append(s)
                s.bind(("127.0.0.1", base + offset))
            return base
        except OSError:
            continue
        finally:
            for s in taken:
                s.close()
    raise RuntimeError("no free ports")


class Cli(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="parley-cli-"))
        self.node = self.folder / "node"
        self.daemons = []

    def tearDown(self):
        for daemon in self.daemons:
            if daemon.poll() is None:
                daemon.kill()
                daemon.wait()
            daemon.stdout.close()
            daemon.stderr.close()
        shutil.rmtree(self.folder)

    def ctl(self, *args, code=0, stdin="", node=True):
        command = [str(BIN / "parleyctl")] + (["--dir", str(self.node)] if node else []) + [str(a) for a in args]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=ENV, timeout=DEADLINE)
        self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout, done.stderr

    def init(self, domain="alpha.example"):
        self.base = free_base()
        return self.ctl("init", domain, "--port-base", self.base, "--listen", "127.0.0.1")

    def start(self, ready=True):
        errors = open(self.folder / "stderr", "w+")
        daemon = subprocess.Popen([str(BIN / "parleyd"), "--dir", str(self.node)], stdout=subprocess.PIPE,
                                  stderr=errors, text=True, env=ENV)
        daemon.stderr = errors
        self.daemons.append(daemon)
        if not ready:
            return daemon, ""
        line = daemon.stdout.readline()
        self.assertTrue(line.startswith("parleyd ready:"), line + self.said(daemon))
        return daemon, line

    @staticmethod
    def said(daemon):
        daemon.stderr.flush()
        return pathlib.Path(daemon.stderr.name).read_text()

    def stop(self, daemon):
        daemon.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(DEADLINE), 0, self.said(daemon))

    def edit(self, old, new):
        file = self.node / "parley.toml"
        text = file.read_text()
        self.assertIn(old, text)
        file.write_text(text.replace(old, new))


class Init(Cli):
    def test_a_complete_folder_that_passes_its_own_check(self):
        out, _ = self.init()
        self.assertIn("parleyd --dir", out)
        for path in ("parley.toml", "store", "run", "tls/alpha.example.crt", "tls/alpha.example.key"):
            self.assertTrue((self.node / path).exists(), path)
        self.assertEqual((self.node / "tls/alpha.example.key").stat().st_mode & 0o777, 0o600)
        self.assertEqual((self.node / "store").stat().st_mode & 0o777, 0o700)
        self.ctl("config", "check")
        text = (self.node / "parley.toml").read_text()
        for offset in OFFSETS:
            self.assertIn(f'"127.0.0.1:{self.base + offset}"', text)

    def test_it_overwrites_nothing(self):
        self.init()
        before = (self.node / "parley.toml").read_bytes()
        _, err = self.ctl("init", "beta.example", code=1)
        self.assertIn("nothing is overwritten", err)
        self.assertEqual((self.node / "parley.toml").read_bytes(), before)

    def test_standard_ports_without_a_base(self):
        out, _ = self.ctl("--json", "init", "alpha.example", "--listen", "127.0.0.1")
        self.assertEqual(json.loads(out)["ports"], {"c2s": 5222, "c2s_tls": 5223, "s2s": 5269, "s2s_tls": 5270,
                                                    "sip": 5060, "sip_tls": 5061, "web": 5280, "admin": 5281})

    def test_no_domain_no_folder(self):
        for domain in ("192.0.2.1", "not a domain", "-x.example"):
            self.ctl("init", domain, code=2)
        self.assertFalse(self.node.exists())


class Usage(Cli):
    def test_misspelled_verbs(self):
        for words, meant in ((["usr", "list"], '"user"'), (["user", "ad"], '"user add"'), (["fedration", "list"], '"federation"'),
                             (["federation", "alow", "x.example"], '"federation allow"'), (["staus"], '"status"')):
            _, err = self.ctl(*words, code=2)
            self.assertIn(f"did you mean {meant}?", err)
        _, err = self.ctl("banana", code=2)
        self.assertIn("there are: init, user", err)

    def test_help_has_an_example(self):
        for words in ([], ["init"], ["user", "add"], ["user", "import"], ["federation", "allow"], ["config", "check"], ["reload"]):
            out, _ = self.ctl(*words, "--help")
            self.assertIn("Example: ", out)

    def test_no_prompt_without_a_terminal(self):
        self.init()
        _, err = self.ctl("user", "add", "alice@alpha.example", code=2)
        self.assertIn("--password-stdin", err)
        self.ctl("user", "add", "alice@alpha.example", "--password-stdin", code=2)  # an empty password

    def test_nobody_there(self):
        self.init()
        _, err = self.ctl("status", code=3)
        self.assertIn("ctl.sock", err)
        out, _ = self.ctl("--json", "status", code=3)
        self.assertEqual(json.loads(out)["id"], "ctl.unreachable")
        self.ctl("reload", code=3)

    def test_no_folder(self):
        self.ctl("user", "list", code=2)

    def test_version(self):
        out, _ = self.ctl("version", node=False)
        self.assertRegex(out, r"^parleyctl \d+\.\d+\.\d+$")


class ConfigCheck(Cli):
    def test_every_problem_with_its_place(self):
        self.init()
        self.edit('level = "info"', 'level = "inof"\ncolour = 1')
        self.edit("tls/alpha.example.key", "tls/none.key")
        _, err = self.ctl("config", "check", code=1)
        self.assertRegex(err, r'parley\.toml:\d+:\d+: error: "inof" is none of the words that are known here \[config.not-one-of\]')
        self.assertIn('did you mean "info"?', err)
        self.assertIn("[config.unknown-key]", err)
        self.assertIn("[key.missing]", err)
        self.assertIn("^~~~", err)
        out, _ = self.ctl("--json", "config", "check", code=1)
        problems = json.loads(out)["problems"]
        self.assertEqual(sorted(p["id"] for p in problems), ["config.not-one-of", "config.unknown-key", "key.missing"])
        self.assertTrue(all(p["line"] > 0 and p["suggestion"] for p in problems))

    def test_japanese(self):
        self.init()
        out, _ = self.ctl("--lang", "ja", "config", "check")
        self.assertIn("問題は見つかりませんでした", out)

    def test_it_is_what_start_does(self):
        self.init()
        shutil.copy(HERE.parent / "config/tls/other.crt", self.node / "tls/alpha.example.crt")
        shutil.copy(HERE.parent / "config/tls/other.key", self.node / "tls/alpha.example.key")
        os.chmod(self.node / "tls/alpha.example.key", 0o600)
        _, check = self.ctl("config", "check", code=1)
        self.assertIn("does not name the domain alpha.example; it names: other.example", check)
        daemon, _ = self.start(ready=False)
        self.assertEqual(daemon.wait(DEADLINE), 1)
        self.assertIn("does not name the domain alpha.example", self.said(daemon))


class Stopped(Cli):
    """The node does not run: parleyctl works on its store."""

    def test_users(self):
        self.init()
        self.ctl("user", "add", "alice@alpha.example", "--password-stdin", stdin="secret\n")
        self.ctl("user", "add", "alice@alpha.example", "--password-stdin", stdin="secret\n", code=4)
        _, err = self.ctl("user", "add", "alice@beta.example", "--password-stdin", stdin="secret\n", code=4)
        self.assertIn("alpha.example", err)
        self.ctl("user", "import", "-", stdin="bob@alpha.example\tone\ncarol@alpha.example\ttwo words\n")
        out, _ = self.ctl("user", "list")
        self.assertEqual(out.split(), ["alice@alpha.example", "bob@alpha.example", "carol@alpha.example"])
        self.ctl("user", "passwd", "bob@alpha.example", "--password-stdin", stdin="other\n")
        self.ctl("user", "del", "bob@alpha.example")
        self.ctl("user", "del", "bob@alpha.example", code=4)
        out, _ = self.ctl("--json", "user", "list", "alpha.example")
        self.assertEqual(json.loads(out)["result"]["users"], ["alice@alpha.example", "carol@alpha.example"])
        audit = [json.loads(line) for line in (self.node / "audit.log").read_text().splitlines()]
        self.assertIn(("user.del", "bob@alpha.example"), [(a["act"], a["target"]) for a in audit])
        self.assertNotIn("secret", (self.node / "audit.log").read_text())

    def test_an_import_with_mistakes_stores_nothing(self):
        self.init()
        _, err = self.ctl("user", "import", "-", stdin="bob@alpha.example\tone\nno tab\n@x\ty\ncarol@alpha.example\t\n", code=4)
        for line in ("line 2", "line 3", "line 4"):
            self.assertIn(line, err)
        self.assertEqual(self.ctl("user", "list")[0], "")

    def test_federation(self):
        self.init()
        self.ctl("federation", "allow", "partner.example", "--via", "sip", "--profile", "ocs", "--next-hop", "192.0.2.1:5061",
                 "--tls-name", "sip.partner.example", "--comment", "sales")
        self.ctl("federation", "deny", "spam.example")
        self.ctl("federation", "default", "allow")
        _, err = self.ctl("federation", "allow", "x.example", "--tls", "off", code=4)
        self.assertIn("--plain-dialback", err)
        self.ctl("federation", "allow", "alpha.example", code=4)
        self.ctl("federation", "allow", "x.example", "--tls", "sometimes", code=2)
        out, _ = self.ctl("--json", "federation", "list")
        policy = json.loads(out)["result"]
        self.assertEqual(policy["xmpp_default"], "allow")
        rules = {rule["domain"]: rule for rule in policy["rules"]}
        self.assertEqual((rules["partner.example"]["via"], rules["partner.example"]["profile"], rules["partner.example"]["next_hop"],
                          rules["partner.example"]["tls_names"]), ("sip", "ocs", "192.0.2.1:5061", ["sip.partner.example"]))
        self.assertFalse(rules["spam.example"]["allowed"])
        out, _ = self.ctl("federation", "presence", "ocs")
        self.assertRegex(out, r"Do Not Disturb +Away \"Busy\" +Busy\n")
        self.assertRegex(out, r"Idle +Away  \*\n")
        self.assertNotIn("aol", out)
        out, _ = self.ctl("--json", "federation", "presence")
        self.assertEqual([kind["profile"] for kind in json.loads(out)], ["simple", "ocs", "lync", "aol", "xmpp", "parley", "googletalk", "sametime", "webex", "cup"])
        self.assertRegex(self.ctl("federation", "presence", "webex")[0], r"Busy +Idle\n")
        self.ctl("federation", "presence", "icq", code=2)
        self.ctl("federation", "allow", "gmail.example", "--profile", "googletalk")
        self.ctl("federation", "allow", "strict.example", "--profile", "googletalk", "--tls", "required", "--bidi")
        self.ctl("federation", "allow", "acme.example", "--profile", "webex", "--no-direct-tls")
        rules = {rule["domain"]: rule for rule in json.loads(self.ctl("--json", "federation", "list")[0])["result"]["rules"]}
        said = ("via", "tls", "dialback", "plain_dialback", "trusted_certificate", "ask_certificate", "direct_tls", "bidi")
        self.assertEqual([rules["gmail.example"][key] for key in said], ["xmpp", "optional", True, True, True, True, True, False])
        self.assertEqual([rules["strict.example"][key] for key in said], ["xmpp", "required", True, False, True, True, True, True])
        self.assertEqual([rules["acme.example"][key] for key in said], ["xmpp", "required", True, False, False, False, False, False])
        _, err = self.ctl("federation", "allow", "x.example", "--profile", "cup", "--release", "7.0", code=4)
        self.assertIn("release 7.0 is not supported", err)
        _, err = self.ctl("federation", "allow", "x.example", "--via", "xmpp", "--no-external-out", code=4)
        self.assertIn("--dialback", err)
        self.ctl("federation", "remove", "spam.example")
        self.ctl("federation", "remove", "spam.example", code=4)
        self.assertIn("partner.example", self.ctl("federation", "list")[0])


class Looks(Cli):
    def test_a_partner_without_a_rule_fails_the_test_with_a_reason(self):
        self.init()
        self.ctl("federation", "test", "partner.example", code=3)  # nobody there to look
        daemon, _ = self.start()
        out, _ = self.ctl("federation", "test", "partner.example", code=1)
        self.assertIn("[test.policy-none]", out)
        self.assertIn("parleyctl federation allow partner.example", out)
        answer = json.loads(self.ctl("--json", "federation", "test", "partner.example", code=1)[0])
        self.assertFalse(answer["ok"])
        self.assertEqual([f["id"] for f in answer["result"]["findings"]], ["test.policy-none"])
        self.ctl("federation", "test", "alpha.example", code=4)
        self.ctl("federation", "test", "two words", code=4)
        self.ctl("federation", "test", "partner.example", "--from", "other.example", code=4)
        self.stop(daemon)

    def test_a_closed_next_hop_is_named(self):
        self.init()
        daemon, _ = self.start()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))  # bound, not listening
            port = s.getsockname()[1]
            self.ctl("federation", "allow", "partner.example", "--via", "sip", "--next-hop", f"127.0.0.1:{port}")
            out, _ = self.ctl("federation", "test", "partner.example", code=1)
        self.assertIn("[test.tcp-refused]", out)
        self.assertIn("would not get through", out)
        self.stop(daemon)

    def test_show_sessions_and_status_of_old_tls(self):
        self.init()
        daemon, _ = self.start()
        out, _ = self.ctl("federation", "show", "partner.example")
        self.assertIn("no rule", out)
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 10 * 86400))
        out, _ = self.ctl("federation", "allow", "partner.example", "--profile", "ocs", "--legacy-tls-until", day)
        self.assertIn(f"until {day}", out)
        for verb in (("federation", "show", "partner.example"), ("status",)):
            out, _ = self.ctl(*verb)
            self.assertIn(f"OLD TLS: partner.example may speak TLS 1.0 until {day}", out)
            self.assertIn("has no RSA key", out)  # init makes an elliptic one
        self.assertIn("message sessions with SIP partners: 0", self.ctl("federation", "sessions")[0])
        self.ctl("federation", "allow", "partner.example", "--profile", "ocs")
        self.assertNotIn("OLD TLS", self.ctl("status")[0])
        self.stop(daemon)

    def test_a_next_hop_needs_a_protocol(self):
        self.init()
        _, err = self.ctl("federation", "allow", "partner.example", "--next-hop", "192.0.2.1:5061", code=4)
        self.assertIn("--via xmpp or --via sip", err)


class Running(Cli):
    def test_from_init_to_stop(self):
        self.init()
        daemon, line = self.start()
        self.assertIn(f"alpha.example c2s 127.0.0.1:{self.base + 22}", line)
        self.ctl("user", "add", "alice@alpha.example", "--password-stdin", stdin="secret\n")
        self.ctl("user", "import", "-", stdin="".join(f"u{i}@alpha.example\tp{i}\n" for i in range(20)))
        self.assertEqual(len(self.ctl("user", "list")[0].split()), 21)
        self.ctl("federation", "allow", "partner.example", "--comment", "sales")
        out, _ = self.ctl("status")
        self.assertIn("alpha.example", out)
        status = json.loads(self.ctl("--json", "status")[0])["result"]
        self.assertEqual(status["pid"], daemon.pid)
        self.assertIn({"name": "c2s", "address": f"127.0.0.1:{self.base + 22}"}, status["listeners"])
        self.stop(daemon)
        self.assertFalse((self.node / "run/ctl.sock").exists())
        self.assertEqual(len(self.ctl("user", "list")[0].split()), 21)

    def test_kill_and_start_again(self):
        self.init()
        daemon, _ = self.start()
        self.ctl("user", "add", "alice@alpha.example", "--password-stdin", stdin="secret\n")
        daemon.kill()
        daemon.wait()
        self.assertEqual(self.ctl("user", "list")[0], "alice@alpha.example\n")  # past the socket file it left
        daemon, _ = self.start()
        self.ctl("status")
        self.stop(daemon)

    def test_a_long_path(self):
        self.node = self.folder / ("n" * 100) / ("o" * 100)
        self.init()
        daemon, _ = self.start()
        self.ctl("status")
        self.stop(daemon)

    def test_only_one_at_a_time(self):
        self.init()
        first, _ = self.start()
        second, _ = self.start(ready=False)
        self.assertEqual(second.wait(DEADLINE), 1)
        self.assertIn(str(first.pid), self.said(second))
        self.ctl("status")
        self.stop(first)

    def test_a_port_in_use_names_its_holder(self):
        self.init()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", self.base + 22))
            taken.listen()
            daemon, _ = self.start(ready=False)
            self.assertEqual(daemon.wait(DEADLINE), 1)
            said = self.said(daemon)
        self.assertIn(f"127.0.0.1:{self.base + 22} (c2s) is in use by", said)
        self.assertIn(f"process {os.getpid()}", said)

    def test_an_unreadable_key(self):
        self.init()
        key = self.node / "tls/alpha.example.key"
        key.unlink()
        key.mkdir()  # unreadable for root too
        daemon, _ = self.start(ready=False)
        self.assertEqual(daemon.wait(DEADLINE), 1)
        self.assertIn("alpha.example.key cannot be read", self.said(daemon))

    def test_reload(self):
        self.init()
        daemon, _ = self.start()
        self.assertIn("has not changed", self.ctl("reload")[0])
        self.edit('# stanza_c2s = "256 KiB"', 'stanza_c2s = "128 KiB"')
        self.assertIn("limits.stanza_c2s: applied", self.ctl("reload")[0])
        self.edit(f'c2s = ["127.0.0.1:{self.base + 22}"]', f'c2s = ["127.0.0.1:{self.base + 22}", "127.0.0.1:{self.base + 99}"]')
        report = json.loads(self.ctl("--json", "reload")[0])["result"]
        self.assertTrue(report["applied"])
        self.assertEqual(report["restart"], ["listen.c2s"])
        # A broken file changes nothing, by either way of asking.
        self.edit('level = "info"', 'level = "loud"')
        _, err = self.ctl("reload", code=1)
        self.assertIn("the old one stays in force", err)
        self.assertIn("[config.not-one-of]", err)
        daemon.send_signal(signal.SIGHUP)
        end = time.monotonic() + DEADLINE
        pause = threading.Event()
        while "stays in force" not in self.said(daemon) and time.monotonic() < end:
            pause.wait(0.05)
        self.assertIn("stays in force", self.said(daemon))
        with socket.create_connection(("127.0.0.1", self.base + 22), timeout=DEADLINE):
            pass
        self.ctl("status")
        self.stop(daemon)

    def test_nonsense_on_the_socket(self):
        self.init()
        daemon, _ = self.start()
        for line in (b"\n", b"{}\n", b"[" * 1000 + b"\n", b'{"verb":"user.add"}\n', b"\xff\xfe\n"):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(DEADLINE)
                s.connect(str(self.node / "run/ctl.sock"))
                s.sendall(line)
                answer = b""
                while not answer.endswith(b"\n"):
                    part = s.recv(4096)
                    if not part:
                        break
                    answer += part
                self.assertEqual(json.loads(answer)["outcome"], "refused", line)
        self.ctl("status")
        self.stop(daemon)


if __name__ == "__main__":
    unittest.main()
