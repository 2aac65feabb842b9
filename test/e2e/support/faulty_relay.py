"""Routers with planted faults, in threads of the test: what verify and torture must find."""

import collections
import socket
import struct
import threading

CHUNK = 65536


def reset(sock):
    """Closes with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def end(sock):
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def message_of(data):
    """(handshake message, bytes on the wire) once it is whole, else None."""
    message, at = b"", 0
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4], "big"):
        size = int.from_bytes(data[at + 3:at + 5], "big")
        if len(data) < at + 5 + size:
            return None
        message += data[at + 5:at + 5 + size]
        at += 5 + size
    return message, at


def name_of(message):
    """The host name of a legal hello."""
    at = 38 + 1 + message[38]
    at += 2 + int.from_bytes(message[at:at + 2], "big")
    at += 1 + message[at] + 2
    while at < len(message):
        kind, size = struct.unpack(">HH", message[at:at + 4])
        if kind == 0:
            return message[at + 9:at + 4 + size].decode()
        at += 4 + size
    return None


class Listener:
    """Accepts on a port of its own and serves each connection in a thread."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.lock = threading.Lock()
        self.accepted = 0
        self.open = set()
        self.closing = False
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.listener.getsockname()[1]

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            if self.closing:
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number, self.accepted = self.accepted, self.accepted + 1
            threading.Thread(target=self._serve, args=(number, sock), daemon=True).start()

    def _serve(self, number, sock):
        with self.lock:
            self.open.add(sock)
        try:
            self.serve(number, sock)
        except OSError:
            pass
        finally:
            with self.lock:
                self.open.discard(sock)
            sock.close()

    def connect(self, address):
        if address.startswith("unix:"):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.connect(address[5:])
            return sock
        host, port = address.rsplit(":", 1)
        sock = socket.create_connection((host, int(port)), timeout=240)
        sock.settimeout(None)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def close(self):
        self.closing = True
        self.over.set()
        self.listener.close()
        with self.lock:
            left = list(self.open)
        for sock in left:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def pump(source, target, change=lambda data: data):
    """Until the source ends; change() sees every piece, and returns None to stop there."""
    try:
        while data := source.recv(CHUNK):
            data = change(data)
            if data is None:
                break
            target.sendall(data)
    except OSError:
        pass
    end(target)


def drain(sock):
    """Reads to the end, so that closing is a FIN and no RST."""
    try:
        while sock.recv(CHUNK):
            pass
    except OSError:
        pass


class FaultyRelay(Listener):
    """Routes by SNI and plants fault(number) in a connection; .planted counts those that took.

    None, misroute, flip_up, flip_down, cut_up, cut_down, reset, drop, stall, surplus, alert.
    """

    def __init__(self, backends, fault=lambda number: None):
        self.backends = backends  # list of (name, address)
        self.fault = fault
        self.planted = collections.Counter()
        super().__init__()

    def plant(self, kind):
        with self.lock:
            self.planted[kind] += 1

    def reset_all(self):
        """What a router that drops connections on reload does."""
        with self.lock:
            for sock in self.open:
                try:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    sock.shutdown(socket.SHUT_RD)
                except OSError:
                    continue  # it is ending by itself
                self.planted["reload"] += 1

    def serve(self, number, sock):
        fault = self.fault(number)
        data = b""
        while (found := message_of(data)) is None:
            piece = sock.recv(CHUNK)
            if not piece:
                return
            data += piece
        if fault in ("drop", "alert"):
            self.plant(fault)
            if fault == "alert":
                sock.sendall(b"\x15\x03\x03\x00\x02\x02\x70")
                end(sock)
                drain(sock)
            return
        message, hello_bytes = found
        index = [name for name, _ in self.backends].index(name_of(message))
        if fault == "misroute":
            self.plant(fault)
            index = (index + 1) % len(self.backends)
        with self.connect(self.backends[index][1]) as server:
            self.relay(sock, server, data, hello_bytes + 32, fault)

    def relay(self, sock, server, data, up_at, fault):
        """`up_at`: where the client's stream begins, behind hello and request."""
        state = {"up": 0, "down": 0, "banner": b"", "done": False, "reset": False}

        def up(piece):
            begin, state["up"] = state["up"], state["up"] + len(piece)
            if state["up"] <= up_at or state["done"]:
                return piece
            first = max(up_at - begin, 0)  # the stream's first byte that is in this piece
            if fault == "flip_up":
                state["done"] = True
                self.plant(fault)
                return piece[:first] + bytes([piece[first] ^ 1]) + piece[first + 1:]
            if fault == "cut_up":
                self.plant(fault)
                server.sendall(piece[:first])
                return None
            return piece

        def down(piece):
            begin, state["down"] = state["down"], state["down"] + len(piece)
            if len(state["banner"]) < 8:
                state["banner"] += piece[:8 - len(state["banner"])]
            down_at = 8 + int.from_bytes(state["banner"][6:8], "big")
            if state["down"] <= down_at or state["done"]:
                return piece
            first = max(down_at - begin, 0)
            if fault == "flip_down":
                state["done"] = True
                self.plant(fault)
                return piece[:first] + bytes([piece[first] ^ 1]) + piece[first + 1:]
            if fault == "cut_down":
                self.plant(fault)
                sock.sendall(piece[:first])
                return None
            if fault == "reset":
                self.plant(fault)
                sock.sendall(piece[:first])
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.shutdown(socket.SHUT_RD)
                state["reset"] = True
                return None
            if fault == "stall":
                self.plant(fault)
                sock.sendall(piece[:first])
                self.over.wait()
                return None
            return piece

        def carry_up():
            piece = up(data)
            if piece is not None:
                server.sendall(piece)
                pump(sock, server, up)
            else:
                end(server)
            drain(sock)

        def carry_down():
            try:
                while piece := server.recv(CHUNK):
                    piece = down(piece)
                    if piece is None:
                        break
                    sock.sendall(piece)
                else:
                    if fault == "surplus":
                        self.plant(fault)
                        sock.sendall(b"!")
            except OSError:
                pass
            if not state["reset"]:
                end(sock)

        thread = threading.Thread(target=carry_down, daemon=True)
        thread.start()
        try:
            carry_up()
        except OSError:
            pass
        end(server)
        thread.join()
        if state["reset"]:
            reset(sock)


class CarelessRouter(Listener):
    """Looks at nothing: `choose(number)` says which address a connection goes to, None = close."""

    def __init__(self, choose):
        self.choose = choose
        super().__init__()

    def serve(self, number, sock):
        address = self.choose(number)
        if address is None:
            return
        with self.connect(address) as server:
            thread = threading.Thread(target=pump, args=(server, sock), daemon=True)
            thread.start()
            pump(sock, server)
            thread.join()
