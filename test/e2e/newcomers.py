"""What people write first who come from HAProxy, nginx, Traefik, Caddy, Envoy and Kubernetes:
command lines, and files (those of test/unit/fixtures/newcomers), with the whole answer to each."""

import os
import pathlib
import shlex
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

from support.router import BINARY, SANITIZER

FILES = pathlib.Path(__file__).resolve().parents[1] / "unit" / "fixtures" / "newcomers"
USAGE, NO_INPUT, BAD_CONFIG = 64, 66, 78

GOOD = """{ "listeners": [ { "address": "127.0.0.1:0" } ],
  "routes": [ { "host": "shop.example.com", "backend": "10.0.0.5:443" } ] }
"""
RUN = "run --listen :443 --route "

# The line, its exit code, all that is said; "Try ... --help" follows when the code is 64.
LINES = (
    (RUN + "shop.example.com:10.0.0.5:443", USAGE,
     "sni-router run: --route shop.example.com:10.0.0.5:443: expected "
     "HOST=SERVER[,SERVER...], such as shop.example.com=10.0.0.5:443"),
    (RUN + "'shop.example.com -> 10.0.0.5:443'", USAGE,
     "sni-router run: --route 'shop.example.com -> 10.0.0.5:443': write --route "
     "shop.example.com=10.0.0.5:443"),
    (RUN + "'shop.example.com 10.0.0.5:443'", USAGE,
     "sni-router run: --route 'shop.example.com 10.0.0.5:443': write --route "
     "shop.example.com=10.0.0.5:443"),
    (RUN + "'shop.example.com = 10.0.0.5:443'", USAGE,
     "sni-router run: --route 'shop.example.com = 10.0.0.5:443': write --route "
     "shop.example.com=10.0.0.5:443"),
    (RUN + "'shop.example.com=>10.0.0.5:443'", USAGE,
     "sni-router run: --route 'shop.example.com=>10.0.0.5:443': write --route "
     "shop.example.com=10.0.0.5:443"),
    (RUN + "shop.example.com 10.0.0.5:443", USAGE,
     "sni-router run: unexpected '10.0.0.5:443' (did you mean \"--route "
     'shop.example.com=10.0.0.5:443"?)'),
    (RUN + "=10.0.0.5:443", USAGE,
     "sni-router run: --route =10.0.0.5:443 has no host (such as --route "
     "shop.example.com=10.0.0.5:443)"),
    (RUN + "'*=10.0.0.5:443'", USAGE,
     "sni-router run: --route '*=10.0.0.5:443': \"*\" alone is not a host: for all other "
     'names, run a file with "default": "10.0.0.5:443"'),
    (RUN + "'a.test=10.0.0.5:443;10.0.0.6:443'", USAGE,
     "sni-router run: --route 'a.test=10.0.0.5:443;10.0.0.6:443': servers are separated "
     "by commas, as in HOST=S1,S2"),
    (RUN + "'a.test=10.0.0.5:443 10.0.0.6:443'", USAGE,
     "sni-router run: --route 'a.test=10.0.0.5:443 10.0.0.6:443' has a blank: servers "
     "are separated by commas, as in HOST=S1,S2"),
    (RUN + "a.test,b.test=10.0.0.5:443", USAGE,
     "sni-router run: --route 'a.test,b.test=10.0.0.5:443': one host each, as in "
     "--route a.test=10.0.0.5:443 --route ..."),
    (RUN + "'\"a.test=10.0.0.5:443\"'", USAGE,
     'sni-router run: --route "a.test=10.0.0.5:443" has quotes in it: write '
     "a.test=10.0.0.5:443"),
    (RUN + "'a.test=$BACKEND:443'", USAGE,
     'sni-router run: --route a.test=$BACKEND:443: "$BACKEND:443" has a variable, which '
     "is not filled in: write its value"),
    (RUN + "'a.test={{ .Values.backend }}'", USAGE,
     "sni-router run: --route 'a.test={{ .Values.backend }}' has a blank: servers are "
     "separated by commas, as in HOST=S1,S2"),
    (RUN + "a.test=https://10.0.0.5", USAGE,
     'sni-router run: --route a.test=https://10.0.0.5: "https://10.0.0.5" is a URL: '
     'write "10.0.0.5:443"'),
    (RUN + "https://a.test/=10.0.0.5:443", USAGE,
     'sni-router run: --route https://a.test/=10.0.0.5:443: "https://a.test/" is a URL: '
     'write only the host ("a.test")'),
    (RUN + "'HostSNI(`a.test`)=10.0.0.5:443'", USAGE,
     'sni-router run: --route HostSNI(`a.test`)=10.0.0.5:443: "HostSNI(`a.test`)" is a '
     'rule of Traefik: write "a.test"'),
    (RUN + "'~^a=10.0.0.5:443'", USAGE,
     'sni-router run: --route ~^a=10.0.0.5:443: "~^a" is a regular expression: write '
     'names, or "*.example.com" (one more label), "**.example.com" (one or more)'),
    (RUN + "a.test=shop", USAGE,
     'sni-router run: --route a.test=shop: "shop" has no port (such as "shop:443")'),
    ("run --listen ':443 ssl' --route a.test=10.0.0.5:443", USAGE,
     "sni-router run: --listen ':443 ssl' has more than an address: write --listen :443"),
    ("run --listen '\":443\"' --route a.test=10.0.0.5:443", USAGE,
     'sni-router run: --listen ":443" has quotes in it: write :443'),
    ("run --listen 443 --route a.test=10.0.0.5:443", USAGE,
     'sni-router run: --listen 443: "443" is a port alone: write ":443" to listen on '
     "all addresses"),
    ("run --listen 443/tcp --route a.test=10.0.0.5:443", USAGE,
     'sni-router run: --listen 443/tcp: "443/tcp" has a protocol: write ":443"'),
    ("run --listen 8443:443 --route a.test=10.0.0.5:443", USAGE,
     'sni-router run: --listen 8443:443: "8443:443" has two ports: write one (such as '
     '":8443")'),
    ("run --listen eth0:443 --route a.test=10.0.0.5:443", USAGE,
     'sni-router run: --listen eth0:443: "eth0" is a name: a listener takes an IP '
     'address or unix:/path ("*:443" listens on all addresses)'),
    ("run --listen :443 --default 10.0.0.5:443", USAGE,
     'sni-router run: unknown option --default (in the file: "default": "10.0.0.5:443")'),
    ("run --config-path good.json", USAGE,
     'sni-router run: unknown option --config-path (did you mean "--config FILE"?)'),
    ("run --config=good.json --watch", USAGE,
     "sni-router run: unknown option --watch (the file is watched, unless it says "
     '"reload": { "watch": false })'),
    ("run -D -p /run/x.pid -f good.json", USAGE,
     "sni-router run: unknown option -D (the router stays in the foreground: a service "
     "manager, or & at the end of the line, puts it into the background)"),
    ("run --entryPoints.web.address=:443", USAGE,
     "sni-router run: unknown option --entryPoints.web.address (where to listen is "
     '--listen ADDRESS, or "listeners" in the file)'),
    ("run --from :443 --to 10.0.0.5:443", USAGE,
     "sni-router run: unknown option --from (what goes where is --route HOST=SERVER, or "
     '"routes" in the file)'),
    ("--configFile=good.json", USAGE,
     "sni-router: unknown option --configFile=good.json before the command (did you "
     'mean "sni-router run -c good.json"?)'),
    ("--config-path good.json", USAGE,
     "sni-router: unknown option --config-path before the command (did you mean "
     '"sni-router run -c good.json"?)'),
    ("-f good.json -c", USAGE,
     'sni-router: unknown option -f before the command (did you mean "sni-router check '
     'good.json"?)'),
    ("-s reload", USAGE,
     "sni-router: unknown option -s before the command (HUP has a running router read "
     'its file again: kill -HUP "$(pidof sni-router)")'),
    ("adapt --config Caddyfile", USAGE,
     "sni-router: unknown command 'adapt' (files of other programs are not converted: "
     "sni-router.json(5) has an example)"),
    ("reverse-proxy --from :443 --to 10.0.0.5:443", USAGE,
     "sni-router: unknown command 'reverse-proxy' (did you mean \"sni-router run "
     '--listen :443 --route HOST=SERVER"?)'),
    ("validate --config good.json", USAGE,
     "sni-router: unknown command 'validate' (did you mean \"sni-router check "
     'good.json"?)'),
    ("explain good.json shop.example.com --path /cart", USAGE,
     "sni-router explain: unknown option --path (TLS hides paths, headers and all else "
     "of HTTP from a router that does not decrypt)"),
    ("explain good.json https://shop.example.com/", USAGE,
     "sni-router explain: 'https://shop.example.com/' is more than a host name: write "
     "shop.example.com"),
    ("hello shop.example.com:443", NO_INPUT,
     "sni-router hello: shop.example.com:443: no such file (what a client sent is read "
     "from a file, or - for standard input)"),
    ("check conf.d", BAD_CONFIG,
     "sni-router check: conf.d: cannot read: Is a directory (name a file in it)"),
    ("run -c conf.d", BAD_CONFIG,
     "sni-router run: conf.d: cannot read: Is a directory (name a file in it)"),
)

# To look for leaks costs more than all else that happens here.
ENVIRONMENT = os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}


def invoke(*arguments, cwd):
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=240,
                          stdin=subprocess.DEVNULL, check=False, cwd=cwd, env=ENVIRONMENT)
    assert not SANITIZER.search(done.stderr), done.stderr
    return done


def try_help(said):
    """The line that follows a wrong command line."""
    return f"Try '{said.partition(':')[0]} --help'.\n"


class Newcomers(unittest.TestCase):
    def test_lines(self):
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (directory / "good.json").write_text(GOOD)
        (directory / "conf.d").mkdir()
        with ThreadPoolExecutor(2) as pool:
            lines = [shlex.split(line) for line, _, _ in LINES]
            answers = pool.map(lambda line: invoke(*line, cwd=directory), lines)
            for (line, code, said), done in zip(LINES, answers):
                with self.subTest(line[:60]):
                    end = try_help(said) if code == USAGE else ""
                    self.assertEqual((done.returncode, done.stdout, done.stderr),
                                     (code, "", f"{said}\n{end}"))

    def test_files(self):
        """One call for all of them: each answer is whole, and its errors are counted."""
        names = sorted(path.name for path in FILES.glob("*.json"))
        self.assertGreater(len(names), 40)
        said, whole = invoke("check", *names, cwd=FILES), ""
        for name in names:
            answer = (FILES / name).with_suffix(".expected").read_text()
            errors = sum(line.startswith(f"{name}:") for line in answer.splitlines())
            warnings = sum(line.startswith(f"{name}:") and ": warning: " in line
                           for line in answer.splitlines())
            count = f"{errors - warnings} error{'s' * (errors - warnings != 1)}"
            whole += f"{answer}{name}: FAILED: {count}, {warnings} warning"
            whole += f"{'s' * (warnings != 1)}\n"
        self.assertEqual(said.returncode, BAD_CONFIG)
        self.assertEqual((said.stdout + said.stderr).splitlines(), whole.splitlines())


if __name__ == "__main__":
    unittest.main()
