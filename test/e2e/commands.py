"""The commands around the router: check, explain, schema, hello; help, exit codes, streams.

Usage: commands.py PATH_TO_sni-router. One line per check, a count at the end; exit 0 = all passed.
"""

import json
import os
import pathlib
import pwd
import re
import shutil
import ssl
import struct
import subprocess
import sys
import tempfile
import traceback

BINARY = os.path.abspath(sys.argv[1] if len(sys.argv) > 1
                         else os.environ.get("SNI_ROUTER", "build/sni-router"))
SANITIZER = re.compile(r"Sanitizer|runtime error:")
OK, NO, USAGE, NO_INPUT, OS_ERROR, NO_PERMISSION, BAD_CONFIG = 0, 1, 64, 66, 71, 77, 78

GOOD = """{
  "listeners": [ { "name": "public", "address": "127.0.0.1:0" },
                 { "name": "inside", "address": "127.0.0.2:0" } ],
  "routes": [
    { "host": "shop.example.com", "backend": "shop" },
    { "host": ["*.example.com", "**.apps.example.com"], "backend": "web",
      "timeouts": { "idle": "90m", "connect": "250ms" } },
    { "host": "shop.example.com", "alpn": ["acme-tls/1"], "backend": "acme" },
    { "host": "shop.example.com", "alpn": ["acme-tls/1"], "from": ["192.0.2.0/24", "2001:db8::/32"],
      "backend": "web" },
    { "host": "**.example.com", "backend": "shop" },
    { "host": "*.one.test", "backend": "shop" },
    { "host": "**.one.test", "backend": "web" },
    { "host": "in.test", "listener": "inside", "backend": "shop" }
  ],
  "backends": {
    "shop": { "servers": [ { "address": "10.0.0.5:443", "weight": 3 }, "10.0.0.6:443" ] },
    "web":  { "servers": ["10.0.0.7:443"] },
    "acme": { "servers": ["127.0.0.1:9443"] }
  },
  "timeouts": { "idle": "1h", "hello": "7s" }
}
"""
WARNED = """{
  "listeners": [ { "address": "127.0.0.1:0" } ],
  "routes": [ { "host": "a.test", "backend": "a" } ],
  "backends": { "a": { "servers": ["127.0.0.1:9"] }, "unused": { "servers": ["127.0.0.1:9"] } },
  "policies": { "no_sni": "close", "malformed": "reset" }
}
"""
BROKEN = """{
  "listeners": [ { "address": "127.0.0.1:0" } ],
  "routes": [ { "host": "a..b", "backend": "a" } ],
  "bakends": { "a": { "servers": ["127.0.0.1:9"] } }
}
"""
BY_POLICY = """{
  "listeners": [ { "address": "127.0.0.1:0" } ],
  "routes": [ { "host": "a.test", "alpn": ["h2"], "backend": "a" } ],
  "backends": { "a": { "servers": ["127.0.0.1:9"] }, "rest": { "servers": ["127.0.0.1:10"] } },
  "policies": { "unknown_sni": { "backend": "rest" }, "malformed": "close" }
}
"""
SHORT = """{
  "listeners": "127.0.0.1:0",
  "routes": [ { "host": "a.test", "backend": ["10.0.0.1:1", "[::1]:2"] } ],
  "default": "unix:/x"
}
"""

passed, failed = 0, 0
scratch = None


def check(what, good, detail=""):
    global passed, failed
    passed, failed = (passed + 1, failed) if good else (passed, failed + 1)
    print(f"{'ok' if good else 'FAILED'}: {what}" + ("" if good else f"\n    {detail}"), flush=True)


class Done:
    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


def run(*arguments, stdin=b"", env=None, **more):
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    binary = more.pop("binary", BINARY)
    process = subprocess.run([binary, *arguments], input=stdin, cwd=scratch, timeout=240,
                             check=False, env=os.environ | (env or {}), **more)
    for name in "stdout", "stderr":
        setattr(process, name, (getattr(process, name) or b"").decode("utf-8"))
    done = Done(process)
    if SANITIZER.search(done.err):
        check(f"no sanitizer report from {arguments}", False, done.err)
    return done


def expect(what, done, code, out=None, err=None):
    """The exit code; patterns that stdout and stderr must hold, "" = nothing at all."""
    good = done.code == code
    for pattern, text in ((out, done.out), (err, done.err)):
        if pattern is not None:
            good = good and (text == "" if pattern == "" else re.search(pattern, text) is not None)
    check(what, good, done)
    return done


def one_json(what, done, code, *keys):
    """stdout is one line holding one JSON object that begins with these keys in this order."""
    value = {}
    try:
        value = json.loads(done.out)
    except ValueError:
        pass
    check(what, done.code == code and done.out.count("\n") == 1 and isinstance(value, dict)
          and (not keys or list(value)[:len(keys)] == list(keys)), done)
    return value


# --- help, version, usage errors ---

def test_help():
    done = expect("--version: its first line is the name and the version", run("--version"), OK,
                  r"\Asni-router 0\.1\.0\n", "")
    check("-V is --version", run("-V").out == done.out)
    overview = expect("--help goes to stdout", run("--help"), OK, "Usage:", "").out
    check("help and -h are --help", run("help").out == overview and run("-h").out == overview)
    for command in "run", "check", "explain", "schema", "hello":
        check(f"--help lists {command}", re.search(rf"^  {command} +\w", overview, re.M), overview)
        text = expect(f"{command} --help: usage and an example", run(command, "--help"), OK,
                      rf"(?s)\AUsage: sni-router {command}.*Examples?:\n  sni-router {command}",
                      "").out
        check(f"{command} -h and help {command} say the same",
              run(command, "-h").out == text and run("help", command).out == text)
        check(f"{command} --help fits a terminal", max(map(len, text.splitlines())) <= 96, text)
    done = expect("no command: usage on stderr", run(), USAGE, "", "Usage:")
    expect("--help works behind a wrong operand", run("check", "nope.json", "--help"), OK, "Usage:")


def test_usage_errors():
    """What a wrong line is told: command_lines.py."""
    expect("-- ends the options", run("check", "--", "--json"), NO_INPUT, "",
           "--json: no such file")
    expect("control characters of an argument reach no terminal", run("check", "--a\x1b[31m"),
           USAGE, "", r"\Asni-router check: unknown option --a\?\[31m")


# --- check ---

def test_check():
    expect("check: a good file", run("check", "good.json"), OK,
           r"\Agood\.json: OK: 8 routes, 4 servers, 3 backends, 2 listeners\n\Z", "")
    expect("check -q: silent about it", run("check", "-q", "good.json"), OK, "", "")
    expect("check: warnings go to stderr and pass", run("check", "warned.json"), OK,
           r"warned\.json: OK: 1 route, 2 servers.*1 warning\n",
           r"(?m)^warned\.json:4:\d+: warning: .*unused")
    expect("check -q: no word about warnings", run("check", "-q", "warned.json"), OK, "", "")
    expect("check --strict: they fail", run("check", "--strict", "-q", "warned.json"), BAD_CONFIG,
           "", r"warned\.json: FAILED: 0 errors, 1 warning\n")
    done = expect("check: every error with its place", run("check", "broken.json"), BAD_CONFIG, "",
                  r"(?ms)^broken\.json:3:\d+: error: .*^broken\.json:4:\d+: error: .*backends")
    check("check: with the source line and a caret", '"bakends"' in done.err and "^" in done.err)
    check("check: no colour off a terminal", "\x1b" not in done.err, done)
    expect("check: a file that is absent", run("check", "absent.json"), NO_INPUT, "",
           r"absent\.json: no such file")
    expect("check: a directory", run("check", "."), BAD_CONFIG, "", r"\.: cannot read: ")
    expect("check -: standard input", run("check", "-", stdin=GOOD.encode()), OK,
           r"^\(stdin\): OK: 8 routes")
    expect("check: an empty file", run("check", "-", stdin=b""), BAD_CONFIG, "", r"error: ")
    done = expect("check: the highest code of several files",
                  run("check", "good.json", "absent.json", "warned.json"), NO_INPUT,
                  r"(?s)good\.json: OK.*warned\.json: OK", "absent.json")
    expect("check: and of a worse one, in front", run("check", "broken.json", "absent.json"),
           BAD_CONFIG)


def test_check_json():
    keys = "file", "ok", "routes", "servers"
    value = one_json("check --json: a good file", run("check", "--json", "good.json"), OK, *keys)
    check("check --json: its numbers", value == {
        "file": "good.json", "ok": True, "routes": 8, "servers": 4, "backends": 3, "listeners": 2,
        "errors": 0, "warnings": 0, "diagnostics": []}, value)
    done = run("check", "--json", "broken.json")
    value = one_json("check --json: a broken file", done, BAD_CONFIG, *keys)
    found = value.get("diagnostics", [])
    check("check --json: its errors are data, not messages", done.err == "" and not value.get("ok")
          and value.get("errors") == len(found) >= 2, done)
    check("check --json: severity, line, column, message",
          all(list(one) == ["severity", "line", "column", "message"] for one in found)
          and {one["line"] for one in found} >= {3, 4}
          and all(one["severity"] == "error" and one["column"] > 0 for one in found), found)
    done = run("check", "--json", "--strict", "warned.json")
    value = one_json("check --json --strict: a warning", done, BAD_CONFIG, *keys)
    check("check --json --strict: is not ok", value.get("ok") is False and value.get("routes") == 1
          and [one["severity"] for one in value["diagnostics"]] == ["warning"], value)
    done = run("check", "--json", "absent.json", "good.json")
    lines = [json.loads(line) for line in done.out.splitlines()]
    check("check --json: one object per file", done.code == NO_INPUT
          and [(one["file"], one["ok"]) for one in lines]
          == [("absent.json", False), ("good.json", True)]
          and lines[0]["diagnostics"][0]["line"] == 0, done)
    many = '{"routes": [' + ",".join('{"host": "a..%d"}' % i for i in range(500)) + "]}"
    pathlib.Path(scratch, "many.json").write_text(many)
    value = one_json("check --json: a long list", run("check", "--json", "many.json"), BAD_CONFIG)
    check("check --json: all of it counted", value.get("errors", 0) >= 500, value.get("errors"))


def without_rights(*arguments):
    """As nobody when we are root, with a copy of the binary, since nobody may not enter here."""
    if os.getuid() != 0:
        return run(*arguments)
    binary = shutil.copy(BINARY, scratch)
    return run(*arguments, binary=binary, user=pwd.getpwnam("nobody").pw_uid, extra_groups=[])


def test_permission():
    secret = pathlib.Path(scratch, "secret.json")
    secret.write_text(GOOD)
    secret.chmod(0)
    expect("check: a file that may not be read", without_rights("check", "secret.json"),
           NO_PERMISSION, "", "secret.json: cannot read: Permission denied")
    expect("explain: likewise", without_rights("explain", "secret.json", "a.test"), NO_PERMISSION,
           "", "Permission denied")
    expect("hello: likewise", without_rights("hello", "secret.json"), NO_PERMISSION, "",
           "secret.json: cannot read: Permission denied")


# --- explain ---

EXPLAIN_KEYS = ("file", "host", "result", "route", "pattern", "line", "why", "backend", "balance",
                "servers", "timeouts", "candidates", "policy")


def explained(what, arguments, code, **expected):
    value = one_json(f"explain --json: {what}", run("explain", "--json", *arguments), code,
                     *EXPLAIN_KEYS)
    for key, want in expected.items():
        have = value.get(key)
        if key == "verdicts":
            have = [(one["pattern"], one["line"], one["verdict"]) for one in value["candidates"]]
        check(f"explain --json: {what}: {key}", have == want, f"{have!r}, not {want!r}")
    return value


def test_explain_precedence():
    value = explained(
        "exact name", ["good.json", "Shop.Example.com."], OK, host="Shop.Example.com.",
        result="ok", route="shop.example.com", pattern="shop.example.com", line=5, backend="shop",
        balance="round_robin", policy=None,
        servers=[{"name": "10.0.0.5:443", "address": "10.0.0.5:443", "weight": 3},
                 {"name": "10.0.0.6:443", "address": "10.0.0.6:443", "weight": 1}],
        verdicts=[("shop.example.com", 9, "failed_alpn"), ("shop.example.com", 8, "failed_alpn"),
                  ("shop.example.com", 5, "won"), ("*.example.com", 6, "beaten"),
                  ("**.example.com", 11, "beaten")])
    check("explain --json: why", "exact name" in value["why"] and "2 better" in value["why"], value)
    value = explained("more conditions win", ["good.json", "shop.example.com", "--alpn",
                                              "h2,acme-tls/1", "--from", "192.0.2.7"], OK,
                      line=9, backend="web")
    check("explain --json: more conditions", "more conditions than 2 others" in value["why"], value)
    explained("--from outside", ["good.json", "shop.example.com", "--alpn", "h2", "--alpn",
                                 "acme-tls/1", "--from", "192.0.3.7"], OK, line=8)
    explained("--from IPv6", ["good.json", "shop.example.com", "--alpn=acme-tls/1",
                              "--from=2001:db8::9"], OK, line=9)
    explained("--from IPv4 in IPv6", ["good.json", "shop.example.com", "--alpn=acme-tls/1",
                                      "--from=::ffff:192.0.2.7"], OK, line=9)
    explained("--from unknown", ["good.json", "shop.example.com", "--alpn=acme-tls/1"], OK, line=8)
    explained("one label goes before many", ["good.json", "a.one.test"], OK, line=12,
              verdicts=[("*.one.test", 12, "won"), ("**.one.test", 13, "beaten")])
    explained("two labels", ["good.json", "a.b.one.test"], OK, line=13, pattern="**.one.test")
    explained("the longest wildcard", ["good.json", "a.apps.example.com"], OK,
              pattern="**.apps.example.com", backend="web",
              timeouts={"hello_ms": 7000, "connect_ms": 250, "idle_ms": 5400000,
                        "half_close_ms": 60000})
    for listener, line in (("inside", 14), ("127.0.0.2:0", 14), ("public", None), (None, None)):
        arguments = ["--listener", listener] if listener else []
        explained(f"listener {listener}", ["good.json", "in.test", *arguments],
                  OK if line else NO, line=line)


def test_explain_policies():
    refused = {"route": None, "pattern": None, "line": None, "backend": None, "servers": []}
    explained("unknown name", ["good.json", "nowhere.test"], NO, candidates=[], **refused,
              policy={"case": "unknown_sni", "action": "alert", "reason": "no_route"})
    explained("no wildcard for its own base", ["good.json", "one.test"], NO, **refused)
    explained("an IP address", ["good.json", "192.0.2.1"], NO, **refused, result="ok",
              policy={"case": "unknown_sni", "action": "alert", "reason": "no_route"})
    for host in "a..b", "a_&.test", "b\u00fccher.test", "x" * 64:
        explained(f"illegal name {host[:20]!r}", ["good.json", host], NO, **refused,
                  result="malformed",
                  policy={"case": "malformed", "action": "alert", "reason": "malformed"})
    explained("the policy of the file", ["warned.json", "a..b"], NO,
              policy={"case": "malformed", "action": "reset", "reason": "malformed"})
    explained("a policy with a backend", ["policy.json", "nowhere.test"], OK, backend="rest",
              route=None, servers=[{"name": "127.0.0.1:10", "address": "127.0.0.1:10",
                                    "weight": 1}],
              policy={"case": "unknown_sni", "action": "backend", "reason": "no_route"})
    explained("every candidate failed", ["policy.json", "a.test"], OK, backend="rest",
              verdicts=[("a.test", 3, "failed_alpn")])
    explained("and the one that does not", ["policy.json", "a.test", "--alpn", "h2"], OK,
              backend="a", policy=None)


def test_explain_text():
    expect("explain: route, place, backend, servers, timeouts",
           run("explain", "good.json", "shop.example.com"), OK,
           r"(?s)backend shop, by route shop\.example\.com \(good\.json:5\).*pattern +shop\.example"
           r".*why +exact name.*10\.0\.0\.5:443 +weight 3, 75 %.*10\.0\.0\.6:443 +weight 1, 25 %"
           r".*hello 7s.*idle 1h.*candidates.*good\.json:9.*failed.*good\.json:5.*won.*beaten|but",
           "")
    expect("explain: times in their largest unit", run("explain", "good.json", "x.example.com"), OK,
           r"connect 250ms, idle 90m", "")
    expect("explain: conditions are shown",
           run("explain", "good.json", "shop.example.com", "--alpn", "acme-tls/1", "--from",
               "192.0.2.1"), OK, r"alpn acme-tls/1, from 192\.0\.2\.0/24 or 2001:db8::/32", "")
    expect("explain: a refusal", run("explain", "good.json", "nowhere.test"), NO,
           r"(?s)refused, by policy unknown_sni.*alert \(TLS alert 112\).*no_route.*none", "")
    expect("explain: an illegal name", run("explain", "good.json", "a..b"), NO,
           r"refused, by policy malformed(?s:.*)the host name is illegal", "")
    expect("explain: control characters of the name reach no terminal",
           run("explain", "good.json", "a\x1b[31m\n\x07\u009b.test"), NO,
           r"\Aa\?\[31m\?\?\?+\.test -> refused, by policy malformed\n", "")
    expect("explain: a policy with a backend", run("explain", "policy.json", "x.test"), OK,
           r"backend rest, by policy unknown_sni", "")
    expect("explain: servers in the place of a name", run("explain", "short.json", "a.test"), OK,
           r"(?s)\A.*backend 10\.0\.0\.1:1,\[::1\]:2, by .*10\.0\.0\.1:1 .*\[::1\]:2 ", "")
    expect("explain: the default", run("explain", "short.json", "x.test"), OK,
           r"backend unix:/x, by policy unknown_sni(?s:.*)backend, as \"default\" says\n", "")
    expect("explain: a broken file", run("explain", "broken.json", "a.test"), BAD_CONFIG, "",
           r"broken\.json:3:\d+: error")
    expect("explain: an absent file", run("explain", "absent.json", "a.test"), NO_INPUT, "",
           r"absent\.json: no such file")
    expect("explain -: from standard input", run("explain", "-", "a.test", stdin=WARNED.encode()),
           OK, r"backend a, by route a\.test \(\(stdin\):3\)", "")


# --- schema ---

def test_schema():
    done = run("schema")
    schema = json.loads(done.out)
    check("schema: JSON, draft-07", done.code == OK and done.err == ""
          and "draft-07" in schema["$schema"] and "routes" in schema["properties"], done)


# --- the manual ---

MANUAL = pathlib.Path(__file__).resolve().parents[2] / "docs" / "man"


def keys_of(schema):
    """Every key that the schema names, however deep."""
    if isinstance(schema, list):
        schema = dict(enumerate(schema))
    if not isinstance(schema, dict):
        return set()
    keys = set(schema["properties"]) if isinstance(schema.get("properties"), dict) else set()
    return keys.union(*map(keys_of, schema.values()))


def test_manual():
    page = (MANUAL / "sni-router.1").read_text()
    for command in "run", "check", "explain", "schema", "hello":
        for option in re.findall(r"--([a-z]+)", run(command, "--help").out.split("Options:")[1]):
            check(f"sni-router(1) knows --{option}", re.search(rf"(Fl|,) -{option}\b", page))
    page = (MANUAL / "sni-router.json.5").read_text()
    keys = keys_of(json.loads(run("schema").out))
    check("the schema names keys", {"listeners", "weight", "half_close"} <= keys, keys)
    missing = [key for key in keys if not re.search(rf"^\.(It )?Cm (.* )?{re.escape(key)}( |$)",
                                                    page, re.M)]
    check("sni-router.json(5) knows every key", not missing, missing)


# --- hello ---

def openssl_hello(name, alpn=()):
    """What OpenSSL sends first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if alpn:
        context.set_alpn_protocols(list(alpn))
    sent = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return sent.read()


def vector(size, body):
    return len(body).to_bytes(size, "big") + body


def message(extensions=None, version=0x0303):
    body = struct.pack(">H", version) + bytes(32) + vector(1, b"") + vector(2, b"\x13\x01\x00\x2f")
    body += vector(1, b"\0")
    if extensions is not None:
        body += vector(2, b"".join(struct.pack(">H", kind) + vector(2, data)
                                   for kind, data in extensions))
    return b"\x01" + vector(3, body)


def records(handshake, size=16384):
    return b"".join(b"\x16\x03\x01" + vector(2, handshake[at:at + size])
                    for at in range(0, len(handshake), size))


def sni(name):
    return 0, vector(2, b"\0" + vector(2, name))


def write(name, data):
    pathlib.Path(scratch, name).write_bytes(data)
    return name


HELLO_KEYS = "file", "result", "sni", "alpn", "versions", "ech", "bytes", "records"


def hello(what, data, code, *options, **expected):
    write("hello.bin", data)
    value = one_json(f"hello --json: {what}", run("hello", "--json", *options, "hello.bin"), code,
                     *HELLO_KEYS)
    for key, want in expected.items():
        check(f"hello --json: {what}: {key}", value.get(key) == want,
              f"{value.get(key)!r}, not {want!r}")
    return value


def test_hello():
    real = openssl_hello("Shop.Example.com", ["h2", "http/1.1"])
    hello("OpenSSL's", real, OK, file="hello.bin", result="ok", sni="shop.example.com",
          alpn=["h2", "http/1.1"], versions=["TLSv1.3", "TLSv1.2"], ech=False, bytes=len(real),
          records=1, name="host", highest="TLSv1.3", early_data=False)
    cut = records(real[5:], 1)
    hello("in records of one byte, data behind it", cut + b"\x17\x03\x03\0\1x", OK, result="ok",
          sni="shop.example.com", bytes=len(cut), records=len(real) - 5)
    hello("no name", openssl_hello(None), OK, sni=None, name="none", alpn=[])
    hello("an IP address", records(message([sni(b"192.0.2.1")])), OK, sni="192.0.2.1", name="ip")
    hello("SSLv3, no extensions", records(message(None, 0x0300)), OK, sni=None, versions=["SSLv3"],
          highest="SSLv3")
    odd = bytes(range(1, 256))
    value = hello("every byte in a protocol name", records(message(
        [(16, vector(2, vector(1, odd) + vector(1, b"\\x00\0") + vector(1, b"h2")))])), OK)
    back = [re.sub(r"\\(\\|x([0-9a-f]{2}))",
                   lambda m: "\\" if m[1] == "\\" else chr(int(m[2], 16)), name).encode("latin-1")
            for name in value.get("alpn", [])]
    check("hello --json: reads back without loss", back == [odd, b"\\x00\0", b"h2"], value)
    hello("unknown versions, GREASE, ECH, early data", records(message(
        [(43, vector(1, bytes.fromhex("0a0a7f1203047f34"))), (0xfe0d, b"\0"), (42, b"")])), OK,
        versions=["0x7f12", "TLSv1.3", "0x7f34"], ech=True, early_data=True)
    hello("two host names", records(message([(0, vector(2, 2 * (b"\0" + vector(2, b"a.test"))))])),
          NO, result="malformed", sni=None, alpn=[], versions=[], ech=False)
    hello("plain text", b"GET / HTTP/1.1\r\n\r\n", NO, result="not_tls", sni=None)
    hello("nothing", b"", NO, result="more")
    for cut_at in 1, 4, 5, 9, 60, len(real) - 1:
        value = hello(f"cut at {cut_at}", real[:cut_at], NO, result="more")
        check(f"hello --json: cut at {cut_at}: says how much is missing",
              cut_at < value["need"] <= len(real), value)
    announced = b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(1000)
    value = hello("16 MiB announced", announced, NO, result="too_large")
    check("hello --json: why", value.get("why"), value)


def test_hello_limit():
    big = records(message([sni(b"big.test"), (21, bytes(60000))]))
    hello("60 kB", big, OK, sni="big.test", records=4)
    hello("60 kB, limit 32k", big, NO, "--limit", "32k", result="too_large")
    write("endless.bin", records(message([sni(b"a.test")])) + bytes(4 << 20))
    expect("hello: a hello in front of megabytes", run("hello", "endless.bin"), OK,
           r"(?s)endless\.bin: ok\n  name +a\.test\n", "")


def test_hello_files():
    good, bad = write("good.bin", openssl_hello("a.test", ["h2"])), write("bad.bin", b"SSH-2.0\r\n")
    expect("hello: text, aligned", run("hello", good), OK,
           r"\Agood\.bin: ok\n  name        a\.test\n  alpn        h2\n  versions    TLSv1\.3, ",
           "")
    expect("hello: text of a bad one", run("hello", bad), NO, r"\Abad\.bin: not_tls: \w", "")
    expect("hello: text of a beginning", run("hello", "-", stdin=b"\x16\x03"), NO,
           r"\A-: more: 2 bytes are here, at least \d+ are needed\n", "")
    done = run("hello", "--json", good, "absent.bin", bad, ".", "-",
               stdin=openssl_hello("in.test"))
    values = [json.loads(line) for line in done.out.splitlines()]
    check("hello --json: the readable ones of several files",
          [(one["file"], one["result"], one["sni"]) for one in values]
          == [("good.bin", "ok", "a.test"), ("bad.bin", "not_tls", None), ("-", "ok", "in.test")],
          done)
    check("hello: messages about the others, exit 66", done.code == NO_INPUT
          and "absent.bin: no such file" in done.err and ".: cannot read" in done.err, done)
    check("hello: one bad among good ones", run("hello", good, bad, good).code == NO)
    name = b"caf\xe9 \"\\\n.bin"
    pathlib.Path(os.fsdecode(os.fsencode(scratch) + b"/" + name)).write_bytes(b"x")
    value = one_json("hello --json: any file name is valid JSON", run("hello", "--json", name), NO)
    check("hello --json: and readable", value.get("file") == "caf\ufffd \"\\\n.bin", value)
    expect("hello: control characters of a file's name reach no terminal", run("hello", name), NO,
           r"\Acaf\? \"\\\?\.bin: not_tls: ", "")
    for command in "hello", "check":
        expect(f"{command}: nor those of one that is absent", run(command, "a\x1b[31m\n.x"),
               NO_INPUT, "", r"\Asni-router \w+: a\?\[31m\?\.x: .*\n\Z")
    write("esc\x1b.json", GOOD.encode())
    expect("check: nor those of a good one", run("check", "esc\x1b.json"), OK,
           r"\Aesc\?\.json: OK", "")
    write("bad\x1b.json", BROKEN.encode())
    expect("check: nor those of a bad one", run("check", "bad\x1b.json"), BAD_CONFIG, "",
           r"\Abad\?\.json:3:\d+: error(?s:.*)\nbad\?\.json: FAILED")
    expect("explain: nor those of its file", run("explain", "esc\x1b.json", "shop.example.com"),
           OK, r"\A[^\x1b]*\(esc\?\.json:5\)[^\x1b]*\Z", "")
    expect("nor those of a command that is none", run("ch\x1beck"), USAGE, "",
           r"\Asni-router: unknown command 'ch\?eck'")


def test_hello_pipe():
    """A hello through a pipe that stays open is answered when it is whole."""
    process = subprocess.Popen([BINARY, "hello", "--json", "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    real = openssl_hello("pipe.test")
    for at in range(0, len(real), 100):
        process.stdin.write(real[at:at + 100])
        process.stdin.flush()
    out = process.stdout.read()
    process.stdin.close()
    check("hello -: needs no end of the input", process.wait(60) == OK
          and json.loads(out)["sni"] == "pipe.test", out)
    process.stdout.close()


# --- output that is lost ---

def test_lost_output():
    cases = (["--help"], ["--version"], ["check", "good.json"], ["check", "--json", "good.json"],
             ["explain", "good.json", "shop.example.com"],
             ["explain", "--json", "good.json", "nowhere.test"], ["schema"], ["check", "--help"],
             ["hello", "good.json"], ["hello", "--json", "good.json"])
    for arguments in cases:
        with open("/dev/full", "wb") as full:
            expect(f"{' '.join(arguments)} to a full disk", run(*arguments, stdout=full), OS_ERROR,
                   None, "cannot write to standard output")
    for arguments in cases:
        shell = subprocess.run(["sh", "-c", '"$@" >&-', "sh", BINARY, *arguments], cwd=scratch,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
        check(f"{' '.join(arguments)} to a closed stdout", shell.returncode == OS_ERROR
              and b"cannot write" in shell.stderr, shell)
    shell = subprocess.run(["sh", "-c", '"$@" 2>&-', "sh", BINARY, "check", "broken.json"],
                           cwd=scratch, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                           check=False)
    check("a closed stderr changes nothing else",
          shell.returncode == BAD_CONFIG and shell.stdout == b"", shell)


def test_colors():
    """On a terminal messages have colours, unless NO_COLOR says no."""
    for env, colored in (({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)):
        leader, follower = os.openpty()
        process = subprocess.Popen([BINARY, "check", "broken.json"], cwd=scratch, stderr=follower,
                                   env=os.environ | env)
        os.close(follower)
        seen = b""
        try:
            while part := os.read(leader, 4096):
                seen += part
        except OSError:  # the terminal's other side is closed
            pass
        process.wait(60)
        os.close(leader)
        check(f"check: colours with {env}", (b"\x1b[" in seen) == colored and b"error" in seen,
              seen)


def main():
    global scratch
    with tempfile.TemporaryDirectory(prefix="sni-router-commands-") as scratch:
        os.chmod(scratch, 0o755)
        for name, text in (("good", GOOD), ("warned", WARNED), ("broken", BROKEN),
                           ("policy", BY_POLICY), ("short", SHORT)):
            pathlib.Path(scratch, f"{name}.json").write_text(text)
        for name, test in sorted(globals().items()):
            if name.startswith("test_"):
                try:
                    test()
                except Exception:  # a broken answer must not hide the checks behind it
                    check(f"{name} ran to its end", False, traceback.format_exc())
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
