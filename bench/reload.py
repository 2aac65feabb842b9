"""How long sni-router takes from rename(2) to the last worker, and what it stops meanwhile.

For each size the file is replaced a few times by another one of as many routes, which differs in
the server of one name, without a signal: the router watches the file. Meanwhile one process
connects without a pause and asks for that name, and every millisecond a USR1 asks the control loop
for a line in the log. What is printed, of the rounds, the median and the worst:

  reloaded   from rename(2) to the line that says so, without `settle`
  workers    from rename(2) to the last connection that was still routed by the old file, likewise
  stall      the longest wait for an answer to a signal, until half a second after the reload (when
             the old table has been freed)
  idle       the same in as long a time without a reload: what the machine itself adds
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import pathlib
import re
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

SETTLE_S = 0.2
LISTENING = re.compile(r"listening on (\S+):(\d+) \(public\)")
PROBED = "probed.example.test"
AFTER_S = 0.5
LIMIT_S = 120


def hello(name):
    """A ClientHello for this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    to_us, from_us = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(to_us, from_us, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return from_us.read()


def serve(ports):
    """Two servers that say which they are, "a" and "b"."""
    async def run():
        def one(letter):
            async def answer(reader, writer):
                try:
                    writer.write(letter)
                    writer.write_eof()
                    while await reader.read(65536):
                        pass
                except OSError:
                    pass
                writer.close()
            return asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
        servers = [await one(b"a"), await one(b"b")]
        ports.send([server.sockets[0].getsockname()[1] for server in servers])
        await asyncio.Event().wait()
    asyncio.run(run())


def ask(port, greeting):
    """Which server answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.sendall(greeting)
        return sock.recv(1)


def probe(port, names, pipe):
    """When another server answers: sends when the last connection to the one before began."""
    for name in names:
        ask(port, hello(name))
    greeting, last, last_at = hello(PROBED), None, 0.0
    pipe.send("ready")
    while True:
        at = time.monotonic()
        answer = ask(port, greeting)
        if last not in (None, answer):
            pipe.send(last_at)  # of this worker; another may still follow
        last, last_at = answer, at


class Router:
    """sni-router, with what it says and when."""

    def __init__(self, binary, file):
        self.process = subprocess.Popen([binary, "run", "-c", file], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.rest = b""
        self.waiting = []

    def next_line(self):
        while not self.waiting:
            got = os.read(self.process.stderr.fileno(), 65536)
            if not got:
                raise SystemExit("sni-router has ended")
            *lines, self.rest = (self.rest + got).split(b"\n")
            self.waiting = [line.decode("utf-8", "replace") for line in lines]
        return self.waiting.pop(0)

    def wait_line(self, pattern):
        while True:
            line = self.next_line()
            if found := re.search(pattern, line):
                return found
            if " error " in line:
                raise SystemExit(line)

    def ping(self, lines):
        """How long the control loop takes to hear a signal; what else it says goes to `lines`."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGUSR1)
        while True:
            line = self.next_line()
            if "opening the access log again" in line:
                return time.monotonic() - began
            if " error " in line:
                raise SystemExit(line)
            lines.append((time.monotonic(), line))

    def stop(self):
        self.process.terminate()
        while os.read(self.process.stderr.fileno(), 65536):
            pass
        return self.process.wait(60)


def write(path, ports, side, options, routes):
    """`routes` names in as many routes over so many backends; the probed one goes to that side."""
    backends = {f"b{n}": {"servers": [{"address": f"127.0.0.1:{ports[0]}", "name": f"s{n}"}]}
                for n in range(options.backends)}
    backends["probed"] = {"servers": [f"127.0.0.1:{ports[side]}"]}
    config = {"listeners": [{"name": "public", "address": "127.0.0.1:0"}],
              "workers": options.workers, "log": {"access": "off"},
              "timeouts": {"drain": "1s"}, "backends": backends,
              "reload": {"settle": f"{round(SETTLE_S * 1000)}ms"},
              "routes": [{"host": PROBED, "backend": "probed"}]}
    config["routes"] += [{"host": f"host{n}.example.test", "backend": f"b{n % options.backends}"}
                         for n in range(routes - 1)]
    path.write_text(json.dumps(config), encoding="ascii")


def pings(router, seconds, lines):
    end, worst = time.monotonic() + seconds, 0.0
    while time.monotonic() < end:
        worst = max(worst, router.ping(lines))
        time.sleep(0.001)
    return worst


def received(pipe):
    """What has come so far."""
    values = []
    while pipe.poll():
        values.append(pipe.recv())
    return values


def one_round(router, probed, fresh, file):
    """(reloaded, workers, stall, idle), in seconds."""
    lines, worst, done = [], 0.0, None
    received(probed)
    began = time.monotonic()
    fresh.rename(file)
    while done is None or time.monotonic() < done + AFTER_S:
        worst = max(worst, router.ping(lines))
        time.sleep(0.001)
        done = done or next((at for at, line in lines if "configuration reloaded" in line), None)
        if time.monotonic() > began + LIMIT_S:
            raise SystemExit(f"no reload within {LIMIT_S} s")
    last = max(received(probed))
    idle = pings(router, time.monotonic() - began, [])
    return done - began - SETTLE_S, last - began - SETTLE_S, worst, idle


def measure(options, ports, routes, directory):
    names = [f"host{n}.example.test" for n in range(min(options.names, routes - 1))]
    file, fresh = directory / "routes.json", directory / "fresh.json"
    write(file, ports, 0, options, routes)
    router = Router(str(options.binaries / "sni-router"), str(file))
    found = router.wait_line(LISTENING)
    ours, theirs = multiprocessing.Pipe()
    prober = multiprocessing.Process(target=probe, args=(int(found[2]), names, theirs), daemon=True)
    prober.start()
    assert ours.recv() == "ready"
    results = []
    try:
        for number in range(options.rounds):
            write(fresh, ports, (number + 1) % 2, options, routes)
            results.append(one_round(router, ours, fresh, file))
    finally:
        prober.terminate()
        router.stop()
    return results


def main():
    parser = argparse.ArgumentParser(prog="bench/reload", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=pathlib.Path, required=True, metavar="DIR",
                        help="where sni-router is")
    parser.add_argument("--routes", type=int, nargs="+", default=[100_000, 1_000_000], metavar="N",
                        help="sizes of the table (100000 and 1000000)")
    parser.add_argument("--backends", type=int, default=1000, metavar="N",
                        help="backends that the routes lead to, one server each (1000)")
    parser.add_argument("--names", type=int, default=1000, metavar="N",
                        help="names that are connected to before, and so are counted (1000)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N",
                        help="reloads of each size (5)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="of the router (2)")
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    ports = ours.recv()
    print("routes     reloaded s     workers s      stall ms       idle ms")
    for routes in options.routes:
        with tempfile.TemporaryDirectory(prefix="sni-reload-") as directory:
            results = measure(options, ports, routes, pathlib.Path(directory))
        columns = list(zip(*results))
        cells = [f"{statistics.median(c) * scale:.{digits}f} / {max(c) * scale:.{digits}f}"
                 for c, scale, digits in zip(columns, (1, 1, 1000, 1000), (2, 2, 1, 1))]
        print(f"{routes:<10} " + " ".join(f"{cell:<14}" for cell in cells), flush=True)
    server.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
