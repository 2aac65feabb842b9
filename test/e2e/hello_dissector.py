"""`hello --json` says what an independent dissector (tshark) says, field by field.

    hello_dissector.py              the captured hellos of the unit tests, recut and cut at random
    hello_dissector.py FILE.pcap... the first flight of every TCP connection in these captures

Exit 77 = no tshark here.
"""

import json
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from support import hello
from support.router import BINARY

SKIPPED = 77
HELLOS = pathlib.Path(__file__).resolve().parents[1] / "unit" / "data" / "captured_hellos.h"
VERSIONS = {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2",
            0x0304: "TLSv1.3"}
FIELDS = ["tcp.stream", "tls.handshake.type", "tls.handshake.extensions_server_name",
          "tls.handshake.extensions_alpn_str", "tls.handshake.extensions.supported_version",
          "tls.handshake.version", "tls.handshake.extension.type", "_ws.malformed"]
ECH = "65037"


def tshark(capture, fields, *more):
    """The fields of every packet, as lists of texts."""
    command = ["tshark", "-r", str(capture), "-T", "fields", "-E", "separator=/t",
               "-E", "aggregator=|", "-E", "occurrence=a", *more]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, check=True)
    return [line.split("\t") for line in done.stdout.decode("latin-1").splitlines()]


def packet(index, client, flags, sequence, payload=b""):
    """A raw IPv4 packet of connection `index`, towards port 443 or from it."""
    ports = (20000 + index, 443) if client else (443, 20000 + index)
    acknowledged = 5000 if client else 1000
    tcp = struct.pack("!HHIIBBHHH", *ports, sequence, acknowledged, 5 << 4, flags, 65535, 0, 0)
    ends = (bytes([10, 0, 0, 1]), bytes([192, 0, 2, 1]))
    source, target = ends if client else ends[::-1]
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0, source,
                       target) + tcp + payload


def write_capture(path, flights, rng):
    """One connection for each flight, which is cut into segments at random."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 1 << 18, 101))
        for index, data in enumerate(flights):
            packets = [packet(index, True, 2, 999), packet(index, False, 18, 4999)]
            at = 0
            for size in hello.random_cuts(rng, len(data), rng.choice((1, 2, 6))):
                packets.append(packet(index, True, 24, 1000 + at, data[at:at + size]))
                at += size
            packets.append(packet(index, True, 17, 1000 + at))
            for number, raw in enumerate(packets):
                file.write(struct.pack("<IIII", index, number, len(raw), len(raw)) + raw)


def message_of(data):
    """The hello's handshake message without record headers, and what lies behind it."""
    message, at = b"", 0
    while at < len(data) and (len(message) < 4 or
                              len(message) < 4 + int.from_bytes(message[1:4], "big")):
        length = int.from_bytes(data[at + 3:at + 5], "big")
        message, at = message + data[at + 5:at + 5 + length], at + 5 + length
    return message, data[at:]


def built_in(rng):
    """The captured hellos: as they are, in random records, in one-byte records."""
    flights = []
    for body in re.findall(r"\.hex\s*=\s*((?:\"[0-9a-f]*\"\s*)+)", HELLOS.read_text()):
        data = bytes.fromhex("".join(re.findall(r"[0-9a-f]+", body)))
        message, behind = message_of(data)
        flights.append(data)
        flights.append(hello.records(message, [1]) + behind)
        for _ in range(4):
            cuts = hello.random_cuts(rng, len(message), rng.randrange(2, 20))
            flights.append(hello.records(message, cuts) + behind)
    assert len(flights) > 100, "the captured hellos were not found"
    return flights


def first_flights(capture):
    """What the client of each connection sent before the server said anything."""
    flights, done = {}, set()
    wanted = "tcp.len > 0 && !tcp.analysis.retransmission && !tcp.analysis.out_of_order"
    for stream, port, payload in tshark(capture, ["tcp.stream", "tcp.srcport", "tcp.payload"],
                                        "-Y", wanted):
        first, data = flights.get(stream, (port, b""))
        if stream in done or first != port:
            done.add(stream)
            continue
        flights[stream] = first, data + bytes.fromhex(payload.replace("|", ""))
    return [data for _, data in flights.values()]


def dissected(capture):
    """What tshark says about each connection, by index."""
    seen = {}
    for row in tshark(capture, FIELDS, "-d", "tcp.port==443,tls"):
        says = seen.setdefault(int(row[0]), {})
        says.update({key: value for key, value in zip(FIELDS, row) if value and key not in says})
    return seen


def printable(protocol):
    """As the router writes protocols: what is not printable is \\xhh."""
    return "".join(one if " " <= one <= "~" else f"\\x{ord(one):02x}"
                   for one in protocol.replace("\\", "\\\\"))


def expected(says):
    """The fields of `hello --json`, from what tshark says."""
    offered = says.get("tls.handshake.extensions.supported_version",
                       says.get("tls.handshake.version", "").split("|")[0])
    versions = [int(text, 16) for text in offered.split("|")]
    protocols = says.get("tls.handshake.extensions_alpn_str")
    name = says.get("tls.handshake.extensions_server_name")
    return {"sni": name.lower().removesuffix(".") if name else None,
            "alpn": [printable(one) for one in protocols.split("|")] if protocols else [],
            "versions": [VERSIONS.get(one, f"{one:#06x}") for one in versions
                         if one & 0x0f0f != 0x0a0a or one >> 8 != one & 0xff],
            "ech": ECH in says.get("tls.handshake.extension.type", "").split("|")}


def differences(value, says):
    """Sentences; none when both agree."""
    is_hello = says.get("tls.handshake.type", "").split("|")[0] == "1"
    if value["result"] != "ok":
        return [f"{value['result']}, but tshark sees a hello"] if is_hello else []
    if not is_hello or "_ws.malformed" in says:
        return ["ok, but tshark sees " + ("a malformed packet" if is_hello else "no hello")]
    return [f"{key}: {value[key]!r}, tshark: {other!r}"
            for key, other in expected(says).items() if value[key] != other]


def compare(flights, rng, directory):
    files = [pathlib.Path(directory, f"{index:05}.bin") for index in range(len(flights))]
    for file, data in zip(files, flights):
        file.write_bytes(data)
    capture = pathlib.Path(directory, "all.pcap")
    write_capture(capture, flights, rng)
    values, seen, wrong = [], dissected(capture), 0
    for start in range(0, len(files), 500):
        done = subprocess.run([BINARY, "hello", "--json", *files[start:start + 500]],
                              capture_output=True, check=False)
        values += [json.loads(line) for line in done.stdout.splitlines()]
    assert len(values) == len(files), "one line for each file"
    for index, value in enumerate(values):
        for what in differences(value, seen.get(index, {})):
            wrong += 1
            print(f"{index}: {what}\n    {flights[index][:24].hex()}...")
    print(f"{len(values)} first flights, {wrong} differences")
    return wrong


def main():
    if shutil.which("tshark") is None:
        print("skipped: no tshark")
        sys.exit(SKIPPED)
    rng = random.Random(29)
    captures = sys.argv[1:]
    flights = [data for capture in captures for data in first_flights(capture)]
    with tempfile.TemporaryDirectory(prefix="sni-router-") as directory:
        wrong = compare(flights if captures else built_in(rng), rng, directory)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
