"""Raw TCP backends: they never decrypt, they count connections and say who they are."""

import contextlib
import hashlib
import os
import select
import socket
import threading

from support import net


class Backend:
    """Listens, and gives every connection to handler(sock) in a thread of its own.

    `connections` counts accepts; `errors` holds what handlers raised other than socket errors.
    """

    def __init__(self, handler, address=("127.0.0.1", 0), backlog=1024):
        self.handler = handler
        self.connections = 0
        self.errors = []
        self.sockets = []
        self.lock = threading.Lock()
        if isinstance(address, str):
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind("\0" + address[1:] if address.startswith("@") else address)
            self.text = "unix:" + address
        else:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            self.listener = socket.socket(family, socket.SOCK_STREAM)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(address)
            host, self.port = self.listener.getsockname()[:2]
            self.text = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.listener.listen(backlog)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.sockets.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            sock.settimeout(120)
            self.handler(sock)
        except OSError:
            pass
        except Exception as error:  # reported by the test, not lost in a thread
            self.errors.append(error)
        finally:
            sock.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)
        with self.lock:
            for sock in self.sockets:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def echo(sock):
    """Sends back what comes, to the end."""
    while data := sock.recv(1 << 18):
        sock.sendall(data)


def says(name):
    """A handler that sends its name and a newline first, then echoes."""
    def handler(sock):
        sock.sendall(name.encode() + b"\n")
        echo(sock)
    return handler


def swallow(sock):
    """Reads to the end, says nothing."""
    while sock.recv(1 << 18):
        pass


class Collector:
    """A handler that keeps every byte of every connection; `done` counts ended ones."""

    def __init__(self):
        self.received = []
        self.lock = threading.Lock()

    def __call__(self, sock):
        data = net.receive_all(sock)
        with self.lock:
            self.received.append(data)
        sock.sendall(b"seen")


class Echoes:
    """Sends back what comes, on every connection, in one thread.

    For many connections whose answers are waited for with a timeout of the router's: threads of
    their own (Backend) take turns at the interpreter, and on a busy machine the last of hundreds
    answers seconds later.
    """

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.text = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.ended, self.end = socket.socketpair()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        ready, sockets = select.epoll(), {}
        for source in (self.listener, self.ended):
            ready.register(source, select.EPOLLIN)
        while True:
            for fd, _ in ready.poll():
                if fd == self.ended.fileno():
                    ready.close()
                    for sock in sockets.values():
                        sock.close()
                    return
                if fd == self.listener.fileno():
                    sock, _ = self.listener.accept()
                    sockets[sock.fileno()] = sock
                    ready.register(sock, select.EPOLLIN)
                elif not self._echo(sockets[fd]):
                    sockets.pop(fd).close()

    @staticmethod
    def _echo(sock):
        try:
            data = sock.recv(1 << 16)
            sock.sendall(data)
            return data != b""
        except OSError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end.close()
        self.thread.join()
        self.ended.close()
        self.listener.close()


PATTERN_BYTES = 1 << 23


def pattern_file():
    """8 MiB of random bytes in memory, for sendfile()."""
    fd = os.memfd_create("pattern")
    os.write(fd, os.urandom(PATTERN_BYTES))
    return fd


def send_pattern(sock, fd, total):
    """Sends `total` bytes of the pattern, each turn from another place; returns their digest."""
    digest = hashlib.blake2b()
    writable = select.poll()
    writable.register(sock, select.POLLOUT)
    data = os.pread(fd, PATTERN_BYTES, 0)
    sent = turn = 0
    while sent < total:
        start = (turn * 4099) % 65536
        count = min(PATTERN_BYTES - start, total - sent)
        at, end = start, start + count
        while at < end:
            try:
                at += os.sendfile(sock.fileno(), fd, at, end - at)
            except BlockingIOError:
                if not writable.poll(net.DEADLINE_S * 1000):
                    raise TimeoutError("the peer takes nothing") from None
        digest.update(memoryview(data)[start:end])
        sent += count
        turn += 1
    return digest.hexdigest()


def digest_of(sock, total, digest=None):
    """Reads up to `total` bytes or the end, into `digest` or a new one; returns (count, digest)."""
    digest, count = digest or hashlib.blake2b(), 0
    buffer = bytearray(1 << 20)
    view = memoryview(buffer)
    while count < total:
        got = sock.recv_into(view[:min(len(buffer), total - count)])
        if got == 0:
            break
        digest.update(view[:got])
        count += got
    return count, digest.hexdigest()


def swallow_then_wait(sock):
    """Reads to the end, then keeps its own direction open until the peer is gone."""
    swallow(sock)
    poll = select.poll()
    poll.register(sock, 0)  # POLLHUP and POLLERR are always reported
    poll.poll(60_000)
