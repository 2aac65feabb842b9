"""Builds ClientHellos byte by byte (RFC 8446 section 4.1.2), legal ones and others.

Independent of the router's own builder on purpose: a shared misunderstanding would go unseen.
"""

import random
import struct

SERVER_NAME, GROUPS, SIGNATURES, ALPN, PADDING = 0, 10, 13, 16, 21
SUPPORTED_VERSIONS, KEY_SHARE, GREASE = 43, 51, 0x2A2A


def vector(width, data):
    """`data` with its length in `width` bytes before it."""
    return len(data).to_bytes(width, "big") + data


def extension(kind, data):
    return struct.pack(">H", kind) + vector(2, data)


def server_name(*names):
    """The extension with these host names; bytes are taken as they are."""
    raw = [name.encode() if isinstance(name, str) else name for name in names]
    return extension(SERVER_NAME, vector(2, b"".join(b"\x00" + vector(2, name) for name in raw)))


def alpn(*protocols):
    return extension(ALPN, vector(2, b"".join(vector(1, p.encode()) for p in protocols)))


def usual_extensions(rng):
    return [extension(GREASE, b""),
            extension(SUPPORTED_VERSIONS, vector(1, b"\x3a\x3a\x03\x04\x03\x03")),
            extension(GROUPS, vector(2, b"\x00\x1d\x00\x17")),
            extension(SIGNATURES, vector(2, b"\x04\x03\x08\x04\x04\x01")),
            extension(KEY_SHARE, vector(2, b"\x00\x1d" + vector(2, rng.randbytes(32))))]


SUITES = b"\x4a\x4a\x13\x01\x13\x02\xc0\x2b"


def handshake(name=None, protocols=(), extra=(), size=0, seed=1, suites=SUITES):
    """A ClientHello message (4-byte header and body), padded up to `size` bytes."""
    rng = random.Random(seed)
    extensions = usual_extensions(rng)
    if name is not None:
        extensions.insert(1, server_name(name))
    if protocols:
        extensions.append(alpn(*protocols))
    extensions += extra

    def build(parts):
        body = (b"\x03\x03" + rng_bytes + vector(1, session) +
                vector(2, suites) + vector(1, b"\x00") + vector(2, b"".join(parts)))
        return b"\x01" + vector(3, body)

    rng_bytes, session = rng.randbytes(32), rng.randbytes(32)
    short = size - len(build(extensions))
    if short > 0:
        extensions.append(extension(PADDING, bytes(max(short - 4, 0))))
    return build(extensions)


def record(payload, kind=22, version=0x0301):
    return struct.pack(">BH", kind, version) + vector(2, payload)


def records(message, cuts=(16384,)):
    """Wraps the message; `cuts` are the payload lengths in turn, the last one repeated."""
    out, at, turn = [], 0, 0
    while at < len(message):
        cut = cuts[min(turn, len(cuts) - 1)]
        out.append(record(message[at:at + cut]))
        at, turn = at + cut, turn + 1
    return b"".join(out)


def too_large(name):
    """A whole and legal hello of 70,000 bytes: long lists of suites and of padding."""
    return records(handshake(name, size=70_000, suites=SUITES * 5000))


def hello(name=None, **more):
    """The bytes on the wire of a usual hello for `name`."""
    return records(handshake(name, **more))


def random_cuts(rng, length, pieces):
    """`length` cut into `pieces` parts of random sizes, at least one byte each."""
    marks = sorted(rng.sample(range(1, length), min(pieces, length) - 1))
    return [end - start for start, end in zip([0] + marks, marks + [length])]


SSLV2 = (b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" +
         b"\x01\x00\x80\x02\x00\x80\x03\x00\x80\x04\x00\x80\x05\x00\x80\x06\x00\x40\x07\x00\xc0" +
         bytes(range(16)))
PLAIN_HTTP = b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"
