"""Looking at an HTML report: what is in the text, and what a browser makes of it."""

import html.parser
import os
import re
import shutil
import struct
import subprocess
import tempfile
import zlib

VOID = {"meta", "br", "img", "link", "input", "hr", "base"}
# Attributes whose value a browser fetches or goes to.
FETCHED = {"src", "href", "srcset", "action", "formaction", "data", "poster", "background", "ping",
           "cite", "manifest", "archive", "codebase", "http-equiv"}


class Page(html.parser.HTMLParser):
    """Elements, tables as lists of rows of texts, scripts, and everything that could be fetched."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags = []
        self.fetched = []
        self.handlers = []
        self.tables = []
        self.scripts = []  # [attributes, content]
        self.styles = []
        self.texts = []
        self.open = []
        self.crossed = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in FETCHED:
                self.fetched.append((tag, name, value))
            if name.startswith("on") or name == "style":
                self.handlers.append((tag, name, value))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "script":
            self.scripts.append([dict(attributes), ""])
        elif tag == "style":
            self.styles.append("")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.crossed.append(tag)

    def handle_data(self, data):
        where = self.open[-1] if self.open else None
        if where == "script":
            self.scripts[-1][1] += data
        elif where == "style":
            self.styles[-1] += data
        else:
            self.texts.append(data)
            if "td" in self.open or "th" in self.open:
                self.tables[-1][-1][-1] += data

    @property
    def text(self):
        return "".join(self.texts)

    def script(self, ident):
        return next(content for attributes, content in self.scripts
                    if attributes.get("id") == ident)


class Chromium:
    """A headless browser that can reach nothing but files."""

    FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--v=0",
             "--virtual-time-budget=10000")

    def __init__(self):
        self.program = shutil.which("chromium")

    def run(self, path, *words):
        with tempfile.TemporaryDirectory(prefix="chromium.", ignore_cleanup_errors=True) as profile:
            done = subprocess.run(
                [self.program, *self.FLAGS, f"--user-data-dir={profile}", *words,
                 f"file://{os.path.abspath(path)}"],
                capture_output=True, timeout=180, check=False)
        said = done.stderr.decode(errors="replace")
        assert done.returncode == 0, said
        return done.stdout.decode(errors="replace"), re.findall(r".*:CONSOLE.*", said)

    def dom(self, path):
        """The document when scripts have run, and what they said on the console."""
        return self.run(path, "--dump-dom")

    def screenshot(self, path, width, height):
        """Rows of (r, g, b) bytes, and what was said on the console."""
        with tempfile.TemporaryDirectory(prefix="screenshot.") as scratch:
            png = os.path.join(scratch, "page.png")
            _, console = self.run(path, f"--screenshot={png}", f"--window-size={width},{height}")
            with open(png, "rb") as file:
                return read_png(file.read()), console


def unfilter(kind, line, before, size):
    """One row of a PNG (ISO/IEC 15948, 9.2), in place."""
    if kind == 2:
        for i, up in enumerate(before):
            line[i] = (line[i] + up) & 255
    elif kind == 1:
        for i in range(size, len(line)):
            line[i] = (line[i] + line[i - size]) & 255
    elif kind == 3:
        for i, up in enumerate(before):
            left = line[i - size] if i >= size else 0
            line[i] = (line[i] + (left + up) // 2) & 255
    elif kind == 4:
        for i, up in enumerate(before):
            left, corner = (line[i - size], before[i - size]) if i >= size else (0, 0)
            guess = left + up - corner
            a, b, c = abs(guess - left), abs(guess - up), abs(guess - corner)
            nearest = left if a <= b and a <= c else up if b <= c else corner
            line[i] = (line[i] + nearest) & 255
    else:
        assert kind == 0, f"filter {kind}"


def read_png(data):
    """Rows of a PNG with 8 bits a channel and no interlacing; each is bytes, r g b r g b .."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, size = 8, b"", 0
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, _, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and color in (2, 6) and interlaced == 0, (depth, color, interlaced)
            size = 3 if color == 2 else 4
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    raw = zlib.decompress(packed)
    stride = width * size + 1
    rows, before = [], bytes(width * size)
    for start in range(0, len(raw), stride):
        line = bytearray(raw[start + 1:start + stride])
        unfilter(raw[start], line, before, size)
        before = line
        rows.append(bytes(line) if size == 3 else
                    b"".join(line[i:i + 3] for i in range(0, len(line), 4)))
    return rows


def count_pixels(rows, color):
    """How many pixels have exactly that colour, "#rrggbb"."""
    wanted = bytes.fromhex(color[1:])
    count = 0
    for row in rows:
        at = row.find(wanted)
        while at >= 0:
            count += at % 3 == 0
            at = row.find(wanted, at + 1)
    return count
