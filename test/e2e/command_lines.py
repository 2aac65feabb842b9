"""Wrong command lines of the kinds that people write, and the whole answer to each; exit codes."""

import os
import pathlib
import pwd
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

from support.router import BINARY, SANITIZER

ROOT = pathlib.Path(__file__).resolve().parents[2]
NO, USAGE, NO_INPUT, OS_ERROR, NO_PERMISSION, BAD_CONFIG = 1, 64, 66, 71, 77, 78

GOOD = """{ "listeners": [ { "name": "public", "address": "127.0.0.1:0" } ],
  "routes": [ { "host": "a.test", "backend": "a" } ],
  "backends": { "a": { "servers": ["127.0.0.1:9"] } } }
"""

HUP = 'kill -HUP "$(pidof sni-router)"'
FOREGROUND = ("the router stays in the foreground: a service manager, or & at the end of the line, "
              "puts it into the background")
FIRST = "a command comes first: run, check, explain, schema, hello"


def meant(line):
    return f'did you mean "{line}"?'


# Before a command, or instead of one: the line, what is wrong, the remedy.
FIRST_WORDS = (
    # a file, as other programs take it
    ("good.json", "unknown command 'good.json'", meant("sni-router run -c good.json")),
    ("/etc/x.cfg", "unknown command '/etc/x.cfg'", meant("sni-router run -c /etc/x.cfg")),
    ("-c good.json", "unknown option -c before the command", meant("sni-router run -c good.json")),
    ("-f 'my file'", "unknown option -f before the command", meant("sni-router run -c 'my file'")),
    ("-f haproxy.cfg -db", "unknown option -f before the command",
     meant("sni-router run -c haproxy.cfg")),
    ("--config good.json", "unknown option --config before the command",
     meant("sni-router run -c good.json")),
    ("--configFile=x.yml", "unknown option --configFile=x.yml before the command",
     meant("sni-router run -c x.yml")),
    ("--config=x --v=2", "unknown option --config=x before the command",
     meant("sni-router run -c x")),
    ("-config x", "unknown option -config before the command", meant("sni-router run -c x")),
    ("-c", "unknown option -c before the command", meant("sni-router run -c FILE")),
    ("--listen :443 --route '*.a.test=[::1]:4'", "unknown option --listen before the command",
     meant("sni-router run --listen :443 --route '*.a.test=[::1]:4'")),
    ("-l :443 -r a.test=10.0.0.5:443", "unknown option -l before the command",
     meant("sni-router run -l :443 -r a.test=10.0.0.5:443")),
    # checks
    ("-t", "unknown option -t before the command", meant("sni-router check FILE")),
    ("-t -c good.json", "unknown option -t before the command",
     meant("sni-router check good.json")),
    ("--check good.json", "unknown option --check before the command",
     meant("sni-router check good.json")),
    ("-c -f good.json", "unknown option -c before the command",
     meant("sni-router check good.json")),
    ("test good.json", "unknown command 'test'", meant("sni-router check good.json")),
    ("validate --config good.json", "unknown command 'validate'",
     meant("sni-router check good.json")),
    ("configtest", "unknown command 'configtest'", meant("sni-router check FILE")),
    # starts, and what is asked of a running one
    ("start", "unknown command 'start'", meant("sni-router run -c FILE")),
    ("start good.json", "unknown command 'start'", meant("sni-router run -c good.json")),
    ("serve --listen :443 --route a.test=b:4", "unknown command 'serve'",
     meant("sni-router run --listen :443 --route a.test=b:4")),
    ("reverse-proxy --from :443 --to b:4", "unknown command 'reverse-proxy'",
     meant("sni-router run --listen :443 --route HOST=SERVER")),
    ("reload", "unknown command 'reload'", f"HUP has a running router read its file again: {HUP}"),
    ("-s reload", "unknown option -s before the command",
     f"HUP has a running router read its file again: {HUP}"),
    ("restart", "unknown command 'restart'", "end it with TERM and run it again; when only its "
     f"file has changed, HUP is enough: {HUP}"),
    ("stop", "unknown command 'stop'", 'TERM ends a running router: kill "$(pidof sni-router)"'),
    ("reopen", "unknown command 'reopen'", "USR1 has it open its access log again: kill -USR1 "
     '"$(pidof sni-router)"'),
    ("status", "unknown command 'status'",
     "this version cannot be asked while it runs: its logs tell what it does"),
    ("upgrade", "unknown command 'upgrade'",
     "USR2 has a running router start its file anew and hand over to it: kill -USR2 "
     '"$(pidof sni-router)"'),
    # options of other programs
    ("-D", "unknown option -D before the command", FOREGROUND),
    ("--workers 4", "unknown option --workers before the command",
     '"workers" is a key of the file'),
    ("--port 443", "unknown option --port before the command",
     'where to listen is --listen ADDRESS, or "listeners" in the file'),
    ("--cert x.pem", "unknown option --cert before the command",
     "nothing is decrypted, so no certificate or key is needed"),
    ("--entrypoints.web.address=:80", "unknown option --entrypoints.web.address=:80 before the "
     "command", 'where to listen is --listen ADDRESS, or "listeners" in the file'),
    # misspelt, and in the wrong order
    ("chekc", "unknown command 'chekc'", meant("check")),
    ("CHECK good.json", "unknown command 'CHECK'", meant("check")),
    ("expl", "unknown command 'expl'", meant("explain")),
    ("hepl", "unknown command 'hepl'", meant("help")),
    ("help explian", "unknown command 'explian'", meant("explain")),
    ("frobnicate", "unknown command 'frobnicate'", FIRST),
    ("''", "the command is empty", FIRST),
    ("--hlep", "unknown option --hlep before the command", meant("--help")),
    ("-version", "unknown option -version before the command", meant("--version")),
    ("--json check good.json", "unknown option --json before the command",
     meant("sni-router check --json good.json")),
    ("-q check good.json", "unknown option -q before the command",
     meant("sni-router check -q good.json")),
    ("-c good.json run", "unknown option -c before the command",
     meant("sni-router run -c good.json")),
    ("\u2013config good.json", "a typographic dash begins the option", "write --config"),
)

# Behind a command: the line, and the whole answer behind "sni-router COMMAND: ".
COMMANDS = (
    ("run", "there is nothing to run: say --config FILE, or --listen ADDRESS and "
     "--route HOST=SERVER"),
    ("run good.json", "unexpected 'good.json' (did you mean \"--config good.json\"?)"),
    ("run :443", "unexpected ':443' (did you mean \"--listen :443\"?)"),
    ("run -c good.json good.json",
     "unexpected 'good.json': the configuration is good.json already"),
    ("run -c good.json -c good.json", "--config can be said once only"),
    ("run -c", "option --config needs a value: --config FILE"),
    ("run --config=", "the value of --config is empty: --config FILE"),
    ("run -c ''", "the value of --config is empty: --config FILE"),
    ("run -c --relay copy",
     "option --config needs a value, --relay is an option: --config FILE"),
    ("run -c=good.json", '-c takes its value without "=": -c good.json'),
    ("run -config good.json", 'unknown option -config (did you mean "--config"?)'),
    ("run \u2014config good.json", "a typographic dash begins the option (write --config)"),
    ("run \u2013c good.json", "a typographic dash begins the option (write -c)"),
    ("run --Config good.json", 'unknown option --Config (did you mean "--config"?)'),
    ("run --listn=:1", 'unknown option --listn (did you mean "--listen"?)'),
    ("run --r x", "option --r is ambiguous: write it out"),
    ("run -f good.json", 'unknown option -f (did you mean "--config FILE"?)'),
    ("run --json", "unknown option --json (an option of check, explain and hello)"),
    ("run -q -c good.json", "unknown option -q (an option of check)"),
    ("run --version", "unknown option --version (the version is printed by: sni-router --version)"),
    ("run --daemon", f"unknown option --daemon ({FOREGROUND})"),
    ("run -t -c good.json", "unknown option -t (a file is checked by: sni-router check FILE)"),
    ("run --log-level debug",
     'unknown option --log-level (in the file: "log": { "level": "debug" })'),
    ("run --default=10.0.0.5:443",
     'unknown option --default (in the file: "default": "10.0.0.5:443")'),
    ("run -c good.json --relay fast", "--relay fast: say auto, copy or splice"),
    ("run -c good.json --route a.test=127.0.0.1:9",
     "--config and --route do not go together: put the route into the file, or do without it"),
    ("run -c good.json --listen :443",
     "--config and --listen do not go together: put the listener into the file, or do without it"),
    ("run --listen :443", "--listen needs at least one --route HOST=SERVER"),
    ("run --route a.test=b:4", "--route needs a --listen ADDRESS, such as --listen :443"),
    ("run --listen :443 --route a.test",
     "--route a.test: expected HOST=SERVER[,SERVER...], such as shop.example.com=10.0.0.5:443"),
    ("run --listen :443 --route a.test 10.0.0.5:443",
     "unexpected '10.0.0.5:443' (did you mean \"--route a.test=10.0.0.5:443\"?)"),
    ("run --listen :443 --route a.test=b:4 c.test=d:4",
     "unexpected 'c.test=d:4' (did you mean \"--route c.test=d:4\"?)"),
    ("run --listen :443 --route a.test=b:4 d:4", "unexpected 'd:4': it belongs to no option "
     "(servers of one host are separated by commas: HOST=S1,S2)"),
    ("run --listen :443 --route 'a.test=b:4 c:4'", "--route 'a.test=b:4 c:4' has a blank: servers "
     "are separated by commas, as in HOST=S1,S2"),
    ("run --listen :443,:444 --route a.test=b:4",
     "--listen ':443,:444': one address each, as in --listen :443 --listen :444"),
    ("check", "FILE is missing: sni-router check [--strict] [--json] [-q] FILE..."),
    ("check ''", "an argument is empty: sni-router check [--strict] [--json] [-q] FILE..."),
    ("check -c good.json", "unknown option -c (the file stands alone: sni-router check FILE)"),
    ("check --strct x", 'unknown option --strct (did you mean "--strict"?)'),
    ("check -strict x", 'unknown option -strict (did you mean "--strict"?)'),
    ("check --json=yes x", "option --json takes no value"),
    ("check --alpn h2 x", "unknown option --alpn (an option of explain)"),
    ("check -z x", "unknown option -z"),
    ("schema x", "unexpected 'x': schema takes no file (a file is checked by: sni-router check x)"),
    ("explain", "FILE and HOST are missing: sni-router explain FILE HOST"),
    ("explain good.json", "HOST is missing: sni-router explain good.json HOST"),
    ("explain a.test", "FILE is missing: sni-router explain FILE a.test"),
    ("explain a.test good.json", "FILE comes before HOST: sni-router explain good.json a.test"),
    ("explain good.json a.test b.test",
     "unexpected 'b.test': one HOST at a time (what else is known of the client: --alpn, --from, "
     "--listener)"),
    ("explain -c good.json a.test",
     "unknown option -c (the file stands alone: sni-router explain FILE HOST)"),
    ("explain good.json --sni a.test",
     "unknown option --sni (the host stands alone: sni-router explain FILE HOST)"),
    ("explain good.json https://a.test/",
     "'https://a.test/' is more than a host name: write a.test"),
    ("explain good.json a.test:443", "'a.test:443' is more than a host name: write a.test"),
    ("explain good.json a.test/x", "'a.test/x' is more than a host name: write a.test"),
    ("explain good.json '*.a.test'",
     "'*.a.test' is a pattern: write a name that it stands for, such as www.a.test"),
    ("explain good.json a.test --from shop",
     "--from: 'shop' is not an IP address, as 192.0.2.7 or 2001:db8::7"),
    ("explain good.json a.test --from 192.0.2.1/24",
     "--from: '192.0.2.1/24' is not an IP address, as 192.0.2.7 or 2001:db8::7"),
    ("explain good.json a.test --alpn h2,,h3",
     "--alpn: a protocol name has 1 to 255 bytes, as in --alpn h2,http/1.1"),
    ("explain good.json a.test --alpn 'h2 http/1.1'", "--alpn: 'h2 http/1.1' has a blank: names "
     "are separated by commas, as in --alpn h2,http/1.1"),
    ("explain good.json a.test --listener pulbic",
     "--listener: good.json has no listener 'pulbic' (did you mean \"public\"?)"),
    ("explain good.json " + "a" * 70000, "HOST is longer than 60000 bytes"),
    ("hello", "FILE is missing: sni-router hello [--json] [--limit SIZE] FILE..."),
    ("hello --limit many x",
     '--limit: \'many\': "many" is not a size (such as "512", "64k", "1m")'),
    ("hello --limit 0 x", "--limit: '0' is not within 1 and 16777215 bytes"),
)

# Values of --listen and --route that are judged as those of a file: the answer begins so.
VALUES = (
    ("--listen 18443 --route a.test=b:4", "--listen 18443: "),
    ("--listen localhost:18443 --route a.test=b:4", "--listen localhost:18443: "),
    ("--listen :18443 --route a.test=10.0.0.5", "--route a.test=10.0.0.5: "),
    ("--listen :18443 --route https://a.test=b:4", "--route https://a.test=b:4: "),
    ("--listen :18443 --route a.test=b:4 --route a.test=c:4", "--route a.test=c:4: "),
)


# To look for leaks costs more than all else that happens here.
ENVIRONMENT = os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}


def invoke(*arguments, cwd=None, user=None, binary=BINARY):
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=240,
                          stdin=subprocess.DEVNULL, check=False, user=user, cwd=cwd,
                          extra_groups=None if user is None else [], env=ENVIRONMENT)
    assert not SANITIZER.search(done.stderr), done.stderr
    return done


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.dir.chmod(0o755)
        (self.dir / "good.json").write_text(GOOD)


class WrongLines(Case):
    def each(self, rows, judge):
        """Runs all lines, two at a time, and has each judged."""
        with ThreadPoolExecutor(2) as pool:
            lines = [shlex.split(row[0]) for row in rows]
            for row, done in zip(rows, pool.map(lambda line: invoke(*line, cwd=self.dir), lines)):
                with self.subTest(row[0][:60]):
                    self.assertEqual((done.returncode, done.stdout), (USAGE, ""), done.stderr)
                    judge(row, done.stderr)

    def test_first_words(self):
        def judge(row, said):
            self.assertEqual(said, f"sni-router: {row[1]} ({row[2]})\nTry 'sni-router --help'.\n")
        self.each(FIRST_WORDS, judge)

    def test_commands(self):
        def judge(row, said):
            name = f"sni-router {row[0].split()[0]}"
            self.assertEqual(said, f"{name}: {row[1]}\nTry '{name} --help'.\n")
        self.each(COMMANDS, judge)

    def test_values(self):
        def judge(row, said):
            self.assertRegex(said, rf"\Asni-router run: {re.escape(row[1])}.{{20,}}\n"
                             r"Try 'sni-router run --help'\.\n\Z")
        self.each([("run " + line, answer) for line, answer in VALUES], judge)

    def test_all_wrong_values_are_told(self):
        said = invoke("run", "--listen", "18443", "--route", "a.test", "--route", "b.test=c").stderr
        self.assertEqual([line.split(": ")[1] for line in said.splitlines()[:-1]],
                         ["--route a.test", "--listen 18443", "--route b.test=c"])

    def test_a_remedy_can_be_pasted(self):
        """What is proposed as a line is one that works."""
        for line in ("good.json", "-t -c good.json", "--json check good.json", "test good.json"):
            said = invoke(*shlex.split(line), cwd=self.dir).stderr
            words = shlex.split(re.search(r'did you mean "(.*)"\?', said)[1])
            with self.subTest(line):
                if words[1] == "check":
                    self.assertEqual(invoke(*words[1:], cwd=self.dir).returncode, 0)
                else:
                    self.assertEqual(words, ["sni-router", "run", "-c", "good.json"])

    def test_what_is_right_is_not_refused(self):
        for line in ("check good.json --strict", "check --stri good.json", "-v", "version", "-?",
                     "help run", "help help", "check -- good.json",
                     "explain --from ::1 good.json a.test",
                     "explain good.json a.test --alpn=h2,http/1.1", "run -help"):
            with self.subTest(line):
                done = invoke(*shlex.split(line), cwd=self.dir)
                self.assertEqual((done.returncode, done.stderr), (0, ""))


class ExitCodes(Case):
    """Each code of the README's table is met, and every table has the same codes."""

    def as_nobody(self, *arguments):
        if os.getuid() != 0:
            return invoke(*arguments, cwd=self.dir)
        return invoke(*arguments, cwd=self.dir, user=pwd.getpwnam("nobody").pw_uid,
                      binary=shutil.copy(BINARY, self.dir))

    def met(self):
        """Code by code: situations, each with the code that it ended with."""
        (self.dir / "bad.json").write_text('{ "listeners": [] }')
        (self.dir / "secret.json").write_text(GOOD)
        (self.dir / "secret.json").chmod(0)
        taken = self.enterContext(socket.create_server(("127.0.0.1", 0)))
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        lines = {
            0: ("--help", "check good.json", "explain good.json a.test"),
            NO: ("explain good.json b.test", "hello good.json"),
            USAGE: ("", "run --listen 1 --route a.test=b:4", "run --listen :4 --route x", "check"),
            NO_INPUT: ("check x", "run -c x", "explain x a.test", "hello x", "run -c good.json/x"),
            OS_ERROR: (f"run --listen {address} --route a.test=127.0.0.1:9",
                       "run --listen unix:/nowhere/s --route a.test=127.0.0.1:9"),
            NO_PERMISSION: ("check secret.json", "run -c secret.json", "hello secret.json",
                            "explain secret.json a.test",
                            "run --listen unix:/root/s --route a.test=127.0.0.1:9"),
            BAD_CONFIG: ("check bad.json", "run -c bad.json", "explain bad.json a.test", "check .",
                         "run -c ."),
        }
        return {code: [(line, self.as_nobody(*shlex.split(line)).returncode) for line in some]
                for code, some in lines.items()}

    def test_tables(self):
        met = self.met()
        for code, situations in met.items():
            for line, got in situations:
                with self.subTest(line):
                    self.assertEqual(got, code)
        readme = (ROOT / "README.md").read_text()
        readme = readme[readme.index("| Exit code |"):].split("\n\n")[0]
        self.assertEqual({int(code) for code in re.findall(r"(?m)^\| (\d+) \|", readme)}, set(met))
        page = (ROOT / "docs/operations.md").read_text()
        page = page[page.index("### Exit codes"):page.index("## Signals")]
        self.assertEqual({int(code) for code in re.findall(r"(?m)^\| (\d+) \|", page)},
                         set(met) - {NO}, "a router that runs has no negative answer")
        manual = (ROOT / "docs/man/sni-router.1").read_text()
        manual = manual[manual.index(".Sh EXIT STATUS"):manual.index(".Sh EXAMPLES")]
        self.assertEqual({int(code) for code in re.findall(r"(?m)^\.It (\d+)", manual)}, set(met))


if __name__ == "__main__":
    unittest.main(verbosity=2)
