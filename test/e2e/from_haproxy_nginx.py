"""docs/from-haproxy-nginx.md: each recipe beside the peer's own configuration, by the same clients.

HAProxy, nginx and sni-router are started with the blocks of the document as they stand there. Each
program has a network namespace of its own, in which all of 10.0.0.0/8 and 192.0.2.0/24 is this
machine; the three are tried at the same time. What a client meets is the address of the server that
answered it (and got the very bytes of its hello), or how it was refused.

Skipped: without namespaces; in part: where haproxy or nginx is not installed.
"""

import collections
import functools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from support import backend, net

SKIPPED = 77
TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = TOP / "docs" / "from-haproxy-nginx.md"
OURS, HAPROXY, NGINX = "sni-router", "haproxy", "nginx"
PATH = os.environ["PATH"] + ":/usr/sbin"
STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"
BINARY = os.environ.get("SNI_ROUTER", "build/sni-router")
PUBLIC = ("192.0.2.1", 443)
NO_NAME = None
HTTP = b"GET / HTTP/1.0\r\n\r\n"
REFUSED = "refused"
PROXIED = " behind a PROXY line"
TCPLOG = re.compile(r"([\d.]+):\d+ \[\d\d/\w{3}/\d{4}:[\d:.]+\] public shop/one "
                    r"\d+/\d+/\+?\d+ \d+ (\S\S) \d+/\d+/\d+/\d+/\d+ \d+/\d+(?: sni=\S+)?$", re.M)


# --- the document ---

def sections():
    """{heading: [(language, text of a block)]}, in order."""
    found, title, language, block = {"": []}, "", None, []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            if language is not None:
                found[title].append((language, "\n".join(block) + "\n"))
            language, block = (None, []) if language is not None else (line[3:], [])
        elif language is not None:
            block.append(line)
        elif line.startswith("## "):
            title = line[3:]
            found[title] = []
    return found


SECTIONS = sections()
RECIPES = {title: blocks for title, blocks in SECTIONS.items()
           if title and any(language == "json" for language, _ in blocks)}


def text_of(title, language):
    """The block of a section in this language; None if there is none."""
    found = [text for of, text in SECTIONS[title] if of == language]
    assert len(found) <= 1, f"{title!r} has {len(found)} blocks of {language}"
    return found[0] if found else None


def files_of(title, program):
    """This program's configuration for a recipe; None if there is none."""
    text = text_of(title, "json" if program == OURS else program)
    http = text_of(title, "nginx-http")
    if program == HAPROXY and text:
        return text_of("", HAPROXY) + text
    if program == NGINX and http:
        return f"events {{ }}\nhttp {{\naccess_log off;\n{http}}}\n"
    if program == NGINX and text:
        whole = text_of("", NGINX)
        assert "    # a recipe's block\n" in whole
        return whole.replace("    # a recipe's block\n", text)
    return text


# --- clients ---

@functools.cache
def hello_of(name, *protocols):
    """The ClientHello that OpenSSL makes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(protocols)
    out = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    sent = out.read()
    assert name is None or name.lower().encode() in sent.lower()
    return sent


def connect(to, source=None):
    return socket.create_connection(to, net.DEADLINE_S, (source, 0) if source else None)


def receive_line(sock):
    """Up to a line's end, or what there was when the connection ended."""
    got = b""
    try:
        while not got.endswith(b"\n"):
            part = sock.recv(1)
            if not part:
                break
            got += part
    except ConnectionResetError:
        pass
    return got


def outcome(sock, sent):
    """Sends what a client sends first; where that came out."""
    sock.sendall(sent)
    line = receive_line(sock)
    if not line.endswith(b"\n") or b":" not in line:
        return REFUSED
    got, behind = net.receive(sock, 5), ""
    if got == b"PROXY":
        receive_line(sock)
        got, behind = b"", PROXIED
    assert got + net.receive(sock, len(sent) - len(got)) == sent, "the hello has been changed"
    return line.decode().strip() + behind


def ask(name, *protocols, to=PUBLIC, source=None, raw=None):
    """One client: where it came out."""
    with connect(to, source) as sock:
        return outcome(sock, raw or hello_of(name, *protocols))


# --- what is tried with each recipe; what is to come of it with every program ---

SHOP, BLOG, WEB, APPS, ACME = ("10.0.0.5:443", "10.0.0.6:443", "10.0.0.7:443", "10.0.0.8:443",
                               "10.0.0.9:10443")
ADMIN = BLOG
INTERNAL = ("10.0.0.1", 8443)
OFFICE = "10.20.1.1"


def several_names(_):
    return {name: ask(name) for name in (
        "shop.example.com", "www.shop.example.com", "blog.example.com", "SHOP.Example.com",
        "other.example.com", "example.com", "a.shop.example.com", NO_NAME)} | {
            "http": ask(None, raw=HTTP)}


def wildcards(_):
    return {name: ask(name) for name in (
        "shop.example.com", "example.com", "www.example.com", "a.b.example.com", "WWW.EXAMPLE.com",
        "notexample.com", "one.apps.example.org", "a.one.apps.example.org", "apps.example.org")}


def default_backend(_):
    return {name: ask(name) for name in ("shop.example.com", "other.test", NO_NAME)} | {
        "http": ask(None, raw=HTTP)}


def acme(_):
    return {f"{name} {protocols}": ask(name, *protocols)
            for name in ("shop.example.com", "blog.example.com")
            for protocols in (("acme-tls/1",), ("h2", "http/1.1"), ())}


def some_clients(_):
    return {f"{name} from {source}": ask(name, source=source)
            for name in ("shop.example.com", "admin.example.com", "other.example.com")
            for source in (OFFICE, "10.21.0.1", "192.0.2.77")}


def several_listeners(_):
    return {f"{name} at {to}": ask(name, to=to)
            for name in ("shop.example.com", "admin.example.com")
            for to in (PUBLIC, ("192.0.2.2", 443), INTERNAL)}


def weights(_):
    return collections.Counter(ask("shop.example.com") for _ in range(12))


def server_down(_):
    return [ask("shop.example.com") for _ in range(6)]


def timeouts(_):
    """One that says nothing, one that says half, one that has its server and is silent."""
    sent = hello_of("shop.example.com")
    with connect(PUBLIC) as silent, connect(PUBLIC) as half, connect(PUBLIC) as idle:
        half.sendall(sent[:len(sent) // 2])
        found = {"idle": outcome(idle, sent)}
        return found | {"silent then": net.ending(silent)[1], "half then": net.ending(half)[1],
                        "idle then": net.ending(idle)[1]}


def log_line(program):
    answered = ask("shop.example.com", source="10.20.1.1")
    client, how = net.wait_until("a line like tcplog's",
                                 lambda: TCPLOG.findall(program.said()))[0]
    return {"answered": answered, "client": client, "how": how}


def client_address(_):
    return {"shop.example.com": ask("shop.example.com")}


def port_80(program):
    """The TLS port is ours, the other the peer's: each is asked what it has."""
    if program.name == OURS:
        return {"shop.example.com": ask("shop.example.com")}
    found = {}
    for path in ("/page", "/.well-known/acme-challenge/token"):
        with connect(("192.0.2.1", 80)) as sock:
            sock.sendall(f"GET {path} HTTP/1.0\r\nHost: shop.example.com\r\n\r\n".encode())
            got = net.receive_all(sock).decode()
        location = re.search(r"(?i)^location: (\S+)", got, re.M)
        found[path] = location.group(1) if location else got.rpartition("\r\n")[2]
    return found


REDIRECTED = {"/page": "https://shop.example.com/page",
              "/.well-known/acme-challenge/token": "challenge"}
# title: (clients, what every program is to do, where ours differs as the document says)
TRIED = {
    "Several names": (several_names, {
        "shop.example.com": SHOP, "www.shop.example.com": SHOP, "blog.example.com": BLOG,
        "SHOP.Example.com": SHOP, "other.example.com": REFUSED, "example.com": REFUSED,
        "a.shop.example.com": REFUSED, "null": REFUSED, "http": REFUSED}, {}),
    "Wildcards and suffixes": (wildcards, {
        "shop.example.com": SHOP, "example.com": WEB, "www.example.com": WEB,
        "a.b.example.com": WEB, "WWW.EXAMPLE.com": WEB, "notexample.com": REFUSED,
        "one.apps.example.org": APPS, "a.one.apps.example.org": REFUSED,
        "apps.example.org": REFUSED}, {}),
    "A default backend": (default_backend, {
        "shop.example.com": SHOP, "other.test": WEB, "null": WEB, "http": WEB}, {}),
    "ACME challenges by ALPN (acme-tls/1)": (acme, {
        "shop.example.com ('acme-tls/1',)": ACME, "shop.example.com ('h2', 'http/1.1')": SHOP,
        "shop.example.com ()": SHOP, "blog.example.com ('acme-tls/1',)": ACME,
        "blog.example.com ('h2', 'http/1.1')": BLOG, "blog.example.com ()": BLOG}, {}),
    "Only some clients": (some_clients, {
        "shop.example.com from 10.20.1.1": SHOP, "shop.example.com from 10.21.0.1": SHOP,
        "shop.example.com from 192.0.2.77": SHOP, "admin.example.com from 10.20.1.1": ADMIN,
        "admin.example.com from 10.21.0.1": REFUSED, "admin.example.com from 192.0.2.77": REFUSED,
        "other.example.com from 10.20.1.1": REFUSED, "other.example.com from 10.21.0.1": REFUSED,
        "other.example.com from 192.0.2.77": REFUSED}, {}),
    "Several listeners": (several_listeners, {
        f"shop.example.com at {PUBLIC}": SHOP, "shop.example.com at ('192.0.2.2', 443)": SHOP,
        f"shop.example.com at {INTERNAL}": SHOP, f"admin.example.com at {PUBLIC}": REFUSED,
        "admin.example.com at ('192.0.2.2', 443)": REFUSED,
        f"admin.example.com at {INTERNAL}": ADMIN}, {}),
    "Weights": (weights, {SHOP: 9, BLOG: 3}, {}),
    "A server that is down": (server_down, [BLOG] * 6, {}),
    "Timeouts": (timeouts, {"idle": SHOP, "silent then": "eof", "half then": "eof",
                            "idle then": "eof"}, {}),
    "HAProxy's log": (log_line, {"answered": SHOP, "client": "10.20.1.1", "how": "--"}, {}),
    "The client's address": (client_address, {"shop.example.com": SHOP + PROXIED},
                             {"shop.example.com": SHOP}),
    "Port 80": (port_80, REDIRECTED, {"shop.example.com": SHOP}),
}
DOWN = {"A server that is down": {SHOP}}


# --- inside a namespace: one program, recipe after recipe ---

def challenge(sock):
    """An HTTP server that has one answer."""
    sock.recv(4096)
    sock.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nchallenge")


class Servers:
    """All servers that a recipe names, but those that are down. Each says its address first."""

    def __init__(self, title):
        texts = "\n".join(text for _, text in RECIPES[title])
        self.running = []
        for address in sorted(set(re.findall(r"10\.0\.0\.[5-9]:\d+", texts)) -
                              DOWN.get(title, set())):
            host, port = address.split(":")
            handler = challenge if port == "80" else backend.says(address)
            self.running.append(backend.Backend(handler, (host, int(port))))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.running:
            server.close()


def listening():
    """Addresses at which TCP sockets of this namespace listen."""
    found = set()
    for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, own, _, state = line.split()[:4]
        if state == "0A":
            host, port = own.split(":")
            host = socket.inet_ntoa(struct.pack("=I", int(host, 16)))
            found.add(f"{host}:{int(port, 16)}")
    return found


class Program:
    """haproxy, nginx or sni-router with a recipe's configuration, on one CPU: one worker.

    `master`: with that process of HAProxy which reloads.
    """

    def __init__(self, name, text, scratch, master=False):
        self.name, self.scratch = name, pathlib.Path(scratch)
        self.file = self.scratch / "configuration"
        self.log = self.scratch / "said"
        self.write(text)
        command = {OURS: [BINARY, "run", "-c", self.file],
                   HAPROXY: ["haproxy", *(["-W"] if master else []), "-db", "-f", self.file],
                   NGINX: ["nginx", "-p", scratch, "-e", "stderr", "-c", self.file, "-g",
                           f"daemon off; user root; pid {scratch}/pid;"]}[name]
        cpus = list(os.sched_getaffinity(0))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=lambda: os.sched_setaffinity(0, {random.choice(cpus)}),
                env={**os.environ, "PATH": PATH})
        addresses = set(re.findall(r"(?:192\.0\.2\.\d|10\.0\.0\.1):\d+", text))
        assert addresses, text
        net.wait_until(f"{name} to listen", lambda: self.up(addresses))

    def up(self, addresses):
        assert self.process.poll() is None, f"{self.name} ended:\n{self.said()}"
        return addresses <= listening()

    def write(self, text):
        self.file.write_text(text, encoding="utf-8")

    def said(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def reload(self, text):
        self.write(text)
        if self.name == HAPROXY:
            # Its master may lose a signal while it starts, when its worker serves already.
            net.wait_until("the master to hear", self.heard_usr2)
        else:
            self.process.send_signal(signal.SIGHUP)

    def heard_usr2(self):
        self.process.send_signal(signal.SIGUSR2)
        time.sleep(0.05)  # that it does not hear ten where one is enough
        return "Reloading HAProxy" in self.said()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(net.DEADLINE_S)
        if kind is not None:
            print(self.said(), file=sys.stderr)
        elif self.name == OURS:
            assert code == 0 and "Sanitizer" not in self.said(), f"exit {code}:\n{self.said()}"


def try_recipe(name, title):
    text = files_of(title, name)
    if text is None:
        return None
    with tempfile.TemporaryDirectory(prefix="sni-router-") as scratch:
        os.chmod(scratch, 0o755)
        with Servers(title), Program(name, text, scratch) as program:
            return TRIED[title][0](program)


def try_reload(name):
    """The first recipe; a name changes, a connection goes on."""
    title = "Several names"
    text = files_of(title, name)
    with tempfile.TemporaryDirectory(prefix="sni-router-") as scratch:
        os.chmod(scratch, 0o755)
        with Servers(title), Program(name, text, scratch, master=True) as program, \
                connect(PUBLIC) as kept:
            found = {"kept": outcome(kept, hello_of("blog.example.com"))}
            program.reload(text.replace("blog.example.com", "news.example.com"))
            net.wait_until("the reload", lambda: ask("news.example.com") == BLOG)
            net.wait_until("the reload", lambda: ask("blog.example.com") == REFUSED)
            kept.sendall(b"more")
            return found | {"kept then": net.receive(kept, 4).decode(),
                            "shop.example.com": ask("shop.example.com")}


def inside(name):
    """Prints what came of every recipe as JSON."""
    for command in ("link set lo up", "addr add 10.0.0.1/8 dev lo", "addr add 192.0.2.1/24 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)
    found = {title: try_recipe(name, title) for title in RECIPES}
    print(json.dumps(found | {"reload": try_reload(name)}))


# --- outside ---

def start_inside(name):
    return subprocess.Popen(["unshare", "-rn", sys.executable, __file__, name],
                            stdout=subprocess.PIPE, text=True)


def installed(name):
    return shutil.which(name, path=PATH) and (name != NGINX or os.path.exists(STREAM_MODULE))


class Recipes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        running = {name: start_inside(name) for name in (OURS, HAPROXY, NGINX)
                   if name == OURS or installed(name)}
        outputs = {name: process.communicate(timeout=600)[0] for name, process in running.items()}
        for name, process in running.items():
            assert process.returncode == 0, f"{name} could not be tried, see above"
        cls.found = {name: json.loads(out) for name, out in outputs.items()}

    def test_every_recipe_is_tried(self):
        self.assertEqual(set(RECIPES), set(TRIED))
        for title in RECIPES:
            self.assertTrue(any(files_of(title, peer) for peer in (HAPROXY, NGINX)), title)

    def check(self, name):
        if name not in self.found:
            self.skipTest(f"{name} is not installed")
        for title, (_, expected, ours) in TRIED.items():
            with self.subTest(recipe=title):
                if self.found[name][title] is None:
                    self.assertNotEqual(name, OURS)
                else:
                    self.assertEqual(self.found[name][title],
                                     ours if ours and name == OURS else expected)
        with self.subTest("reload"):
            self.assertEqual(self.found[name]["reload"], {
                "kept": BLOG, "kept then": "more", "shop.example.com": SHOP})

    def test_sni_router(self):
        self.check(OURS)

    def test_haproxy(self):
        self.check(HAPROXY)

    def test_nginx(self):
        self.check(NGINX)


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(inside(sys.argv[1]))
    probe = subprocess.run(["unshare", "-rn", "ip", "link", "set", "lo", "up"],
                           capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        print(f"from_haproxy_nginx ... skipped (no namespaces: {probe.stderr.strip()})")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
