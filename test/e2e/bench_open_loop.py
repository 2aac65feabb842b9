"""Latency by the clock: a backend that stalls 200 ms once a second.

The open loop's percentiles agree with a computation from the schedule and from what the backend
itself wrote down; a closed loop against the same backend hides the stall.
"""

import bisect
import selectors
import socket
import sys
import threading
import time

from support import bench

RATE = 1000
SECONDS = 6
STALL_S = 0.2
EVERY_S = 1.0
REQUEST = 32
ANSWER = b"SNIr\x01\x00\x00\x05stall"


class StallingBackend(threading.Thread):
    """Speaks bench/wire.h: skips the hello's record, reads the request, answers each 100 bytes."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.listener.setblocking(False)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.sent_ns = []
        self.stalls = []
        self.ending = False

    def begin_connection(self, sock, selector):
        sock.setblocking(True)
        sock.settimeout(10)
        header = self.exactly(sock, 5)
        self.exactly(sock, header[3] << 8 | header[4])
        request = self.exactly(sock, REQUEST)
        assert request[:4] == b"SNIb" and request[5] == 5, request
        sock.sendall(ANSWER)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ, {"pending": 0})

    @staticmethod
    def exactly(sock, count):
        data = b""
        while len(data) < count:
            piece = sock.recv(count - len(data))
            assert piece, "the client ended too early"
            data += piece
        return data

    def answer(self, key, selector):
        data = key.fileobj.recv(65536)
        if not data:
            selector.unregister(key.fileobj)
            key.fileobj.close()
            return
        key.data["pending"] += len(data)
        while key.data["pending"] >= 100:
            key.data["pending"] -= 100
            key.fileobj.sendall(b"x" * 100)
            self.sent_ns.append(time.monotonic_ns())

    def run(self):
        selector = selectors.DefaultSelector()
        selector.register(self.listener, selectors.EVENT_READ, None)
        next_stall = time.monotonic() + EVERY_S
        while not self.ending:
            ready = selector.select(timeout=0.05)
            if time.monotonic() >= next_stall:
                began = time.monotonic_ns()
                time.sleep(STALL_S)
                self.stalls.append((began, time.monotonic_ns()))
                next_stall += EVERY_S
            for key, _ in ready:
                if key.data is None:
                    self.begin_connection(self.listener.accept()[0], selector)
                else:
                    self.answer(key, selector)


def percentile(ordered, percent):
    return ordered[max(0, -(-int(len(ordered) * percent) // 100) - 1)]


def scheduled(result):
    clock = result["clock"]
    times = [clock["begin_ns"] + i * 10**9 // RATE
             for i in range(int(RATE * (SECONDS + 2)))]
    measured = result["phases"]["latency"]["count"]
    first = bisect.bisect_left(times, clock["measure_ns"])
    return times[first:first + measured], first


def from_stalls(times, stalls):
    """Latencies if the stalls were all there is: a request waits for the end of its stall."""
    waits = []
    for when in times:
        ends = [end for began, end in stalls if began <= when < end]
        waits.append(ends[0] - when if ends else 0)
    return sorted(waits)


def from_log(times, first, sent):
    """Latencies from the backend's log: the n-th answer is for the n-th request."""
    return sorted(done - due for due, done in zip(times, sorted(sent)[first:]))


def agree(what, reported_ns, computed_ns):
    """An answer is received after it was sent: how much later is the machine's business, so that
    the bound is wide. A stall that is hidden, or counted twice, is outside all the same."""
    print(f"{what}: reported {reported_ns / 1e6:.1f} ms, computed {computed_ns / 1e6:.1f} ms")
    assert computed_ns * 0.97 - 5e6 <= reported_ns <= computed_ns * 1.3 + 100e6, what


def open_loop(tool, backend):
    backend.sent_ns.clear()
    backend.stalls.clear()
    code, result, out, err = bench.run(
        tool, "latency", backend.address, "--rate", RATE, "-c", "64", "--req", "100", "--resp",
        "100", "-d", f"{SECONDS}s", "--warmup", "500ms")
    assert code in (0, 2), (code, out, err)
    assert bench.total_errors(result) == 0, result["errors"]
    latency = result["phases"]["latency"]
    assert latency["count"] == RATE * SECONDS, latency["count"]
    times, first = scheduled(result)
    log = from_log(times, first, backend.sent_ns)
    stalls = from_stalls(times, backend.stalls)
    for percent, key in ((90, "p90_ns"), (95, "p95_ns"), (99, "p99_ns")):
        agree(f"p{percent} by the backend's log", latency[key], percentile(log, percent))
    # Nothing can be faster than the stalls allow.
    assert latency["p99_ns"] >= percentile(stalls, 99) - 2e6
    assert percentile(stalls, 99) > 0.15e9, "the backend did not stall as it should"
    return slow(latency)


def slow(phase):
    """How many requests took half a stall or longer."""
    return sum(count for value_ns, count in phase["histogram"] if value_ns >= STALL_S / 2 * 1e9)


def closed_loop(tool, backend):
    code, result, out, _ = bench.run(tool, "latency", backend.address, "--max", "-c", "1", "--req",
                                     "100", "--resp", "100", "-d", f"{SECONDS}s")
    assert code in (0, 2), (code, out)
    assert "not a latency measurement" in out and not result["measures_latency"]
    return slow(result["phases"]["service"])


def main():
    tool = sys.argv[2]
    backend = StallingBackend()
    backend.start()
    opened = open_loop(tool, backend)
    closed = closed_loop(tool, backend)
    print(f"slow requests: open loop {opened}, closed loop {closed}")
    # One at a time, so that there is not time for many, however slow the machine is.
    assert closed < opened / 4, "the closed loop should have hidden the stall"
    backend.ending = True
    backend.join()


if __name__ == "__main__":
    main()
