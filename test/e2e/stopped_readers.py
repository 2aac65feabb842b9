"""1,000 clients that do not read what their server sends: they keep no pipe from others, cost what
is bounded, and when they have gone everything is back.
"""

import socket
import threading
import unittest

from support import hello, net
from support.router import Router, routing, sanitized

COUNT = 1000
BUFFER = 8192  # of the test's own sockets; the router's are as small by its configuration
HELLO = hello.hello("a.test")
CHUNK = bytes(1 << 16)
BULK = 8 << 20
LEAK_BYTES = 32  # less than any object of the router's
TURNS_MAX = 6


class Sender:
    """A server whose answer is longer than all buffers on the way."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1024)
        self.text = "127.0.0.1:%d" % self.listener.getsockname()[1]

    def fill(self):
        """Accepts one, sends until nothing goes any more, for now."""
        sock, _ = self.listener.accept()
        net.receive(sock, len(HELLO))
        sock.setblocking(False)
        self.press(sock)
        return sock

    @staticmethod
    def press(sock):
        try:
            while True:
                sock.send(CHUNK)
        except BlockingIOError:
            pass


class StoppedReaders(unittest.TestCase):
    def setUp(self):
        net.raise_descriptor_limit()
        self.sender = Sender()
        self.addCleanup(self.sender.listener.close)
        config = routing({"a.test": self.sender.text},
                         sockets={"receive": "8k", "send": "8k"}, timeouts={"drain": "1s"})
        self.router = self.enterContext(Router(config, relay="splice"))
        self.workers = config["workers"]

    def client(self):
        sock = socket.socket()
        sock.settimeout(net.DEADLINE_S)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        sock.connect(self.router.address())
        sock.sendall(HELLO)
        return sock

    def others_are_served(self):
        """One that reads gets all of a long answer."""
        with self.client() as sock:
            server, _ = self.sender.listener.accept()
            with server:
                net.receive(server, len(HELLO))
                thread = threading.Thread(target=lambda: server.sendall(bytes(BULK)))
                thread.start()
                self.assertEqual(len(net.receive(sock, BULK)), BULK)
                thread.join()

    def stop_all(self):
        clients, servers = [], []
        for _ in range(COUNT):
            clients.append(self.client())
            servers.append(self.sender.fill())
        for sock in servers:  # what the router has taken meanwhile is filled up again
            self.sender.press(sock)
        return clients + servers

    def has_kept_more(self, memory):
        """Whether the last turn has left something behind, as every turn would that leaks."""
        if sanitized() or memory[-1] - max(memory[:-1]) < COUNT * LEAK_BYTES:
            return False
        self.assertLess(len(memory), TURNS_MAX, f"each turn keeps more memory: {memory}")
        return True

    def test_they_keep_nothing_from_others_and_leave_nothing(self):
        before = self.router.open_now()
        memory = []
        while len(memory) < 2 or self.has_kept_more(memory):
            sockets = self.stop_all()
            self.others_are_served()
            self.assertGreaterEqual(self.router.open_now()[0], before[0] + 2 * COUNT)
            self.assertLessEqual(self.router.open_now()[1], before[1] + 2 * self.workers)
            for sock in sockets:
                sock.close()
            self.router.wait_descriptors(*before)
            memory.append(self.router.private_bytes())


if __name__ == "__main__":
    unittest.main(verbosity=2)
