"""The JSON Schema and the program judge alike: every fixture, and many random values.

Usage: schema_agrees.py PATH_TO_sni-router. A schema cannot see everything (names that lead nowhere,
two routes that tie, duplicate keys): such files are in bad_semantic/ and are left out here.
"""

import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import jsonschema

BINARY = os.path.abspath(sys.argv[1] if len(sys.argv) > 1
                         else os.environ.get("SNI_ROUTER", "build/sni-router"))
FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "unit" / "fixtures"
OK, BAD_CONFIG = 0, 78
BATCH = 80  # fewer than the errors that are printed
PER_KIND = 800


def run_check(paths):
    """The set of the files that `check` accepts, and what it says of the others. One process."""
    done = subprocess.run([BINARY, "check", *map(str, paths)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    said = done.stderr.decode(errors="replace")
    accepted = {path for path in paths if f"{path}: OK: ".encode() in done.stdout}
    refused = {path for path in paths if f"\n{path}: FAILED: " in "\n" + said}
    if done.returncode != (BAD_CONFIG if refused else OK) or accepted ^ refused != set(paths):
        sys.exit(f"check: exit {done.returncode}, {len(accepted)} accepted, {len(refused)} refused "
                 f"of {len(paths)}\n{done.stdout.decode(errors='replace')}\n{said}")
    return accepted, said


def said_of(path, said):
    return "\n".join(line for line in said.split("\n") if line.startswith(f"{path}:"))


def schema_accepts(validator, path):
    """A text that is no JSON is as wrong as one that the schema refuses."""
    try:
        text = path.read_bytes().decode("utf-8").removeprefix("\ufeff")
        return validator.is_valid(json.loads(text))
    except ValueError:
        return False


def check_fixtures(validator):
    wrong = 0
    files = {kind: sorted((FIXTURES / kind).glob("*.json"))
             for kind in ("good", "warn", "bad", "bad_semantic")}
    for kind, paths in files.items():
        if len(paths) < 10:
            sys.exit(f"only {len(paths)} fixtures in {kind}/")
    accepted, said = run_check([path for paths in files.values() for path in paths])
    for kind, good in (("good", True), ("warn", True), ("bad", False)):
        for path in files[kind]:
            schema = schema_accepts(validator, path)
            if (path in accepted) != good or schema != good:
                wrong += 1
                print(f"{kind}/{path.name}: check says {path in accepted}, the schema {schema}\n"
                      + said_of(path, said))
    for path in accepted.intersection(files["bad_semantic"]):
        wrong += 1
        print(f"bad_semantic/{path.name}: check accepts it")
    print(f"fixtures: {sum(map(len, files.values()))} judged, {wrong} wrong")
    return wrong


# --- random values -------------------------------------------------------------------------------

R = random.Random(20240229)


def ipv4():
    count = R.choice([4, 4, 4, 4, 3, 5])
    edge = [0, 1, 9, 10, 99, 100, 199, 200, 249, 250, 255, 256, 300, "01", ""]
    return ".".join(str(R.choice(edge) if R.random() < .3 else R.randint(0, 255))
                    for _ in range(count))


def ipv6():
    text = ":".join("%x" % R.choice([0, 1, 0xffff, R.randint(0, 0x1ffff)])
                    for _ in range(R.randint(0, 9)))
    for _ in range(R.randint(0, 2)):
        at = R.randint(0, len(text))
        text = text[:at] + R.choice([":", "::", ""]) + text[at:]
    return text + ":" + ipv4() if R.random() < .3 else text


def port():
    return str(R.choice([0, 1, 9, 443, 9999, 10000, 59999, 60000, 64999, 65000, 65499, 65500, 65529,
                         65530, 65535, 65536, 65540, 66000, 70000, 99999, 100000, "01", "", "a"]))


def name():
    lengths = [0, 1, 2, 5, 5, 5, 62, 63, 64]
    labels = ("".join(R.choice("abzAZ09-_") for _ in range(R.choice(lengths)))
              for _ in range(R.randint(1, 6)))
    return ".".join(labels) + R.choice(["", "", "", ".", ".."])


def address():
    return R.choice([lambda: ipv4() + ":" + port(), lambda: f"[{ipv6()}]:{port()}",
                     lambda: name() + ":" + port(), lambda: "*:" + port(), lambda: ":" + port(),
                     lambda: "unix:" + R.choice("/@x") + "a" * R.choice([0, 1, 5, 105, 106, 107]),
                     lambda: ipv6() + ":" + port()])()


def network():
    bits = R.choice([0, 1, 8, 9, 10, 19, 20, 29, 30, 31, 32, 33, 99, 100, 110, 119, 120, 127, 128,
                     129, 130, 200, "", "01", "a", 1000])
    return R.choice([ipv4, ipv6])() + R.choice(["", f"/{bits}"])


def host():
    long = "a." * 125 + R.choice(["a", "ab", "abc", "abcd", "abc.", "abcd."])
    return (R.choice(["", "", "", "*.", "**.", "***.", "*", "."])
            + R.choice([name, name, ipv4, lambda: long])())


def duration():
    digits = ["0", "1", "5", "60", "00", "12", "123456789", "1234567890", "0000000000", ""]
    units = ["ms", "s", "m", "h", "d", "", "x", "S"]
    return "".join(R.choice(digits) + R.choice(units) for _ in range(R.randint(1, 3)))


def size():
    number = R.choice([0, 1, 63, 64, 65, 99, 511, 1000, 1023, 1024, 1029, 1030, 1099, 1100, 1999,
                       2000, 9999, 10000, 59999, 60000, 64999, 65000, 65499, 65500, 65535, 65536,
                       65537, 65540, 70000, "064", "01024"])
    return str(number) + R.choice(["", "", "k", "K", "m", "kb", " "])


def buffer_size():
    """Around the edges of what is allowed, 4 KiB and 1 GiB, and of each digit on the way."""
    edge = R.choice([1, 4, 1024, 4096, 1048576, 1073741824]) + R.choice([-1, 0, 1])
    digits = R.choice([str(edge), str(R.randint(0, 2 ** R.randint(1, 31))),
                       "1073741824"[:R.randint(1, 10)].ljust(R.randint(1, 10), R.choice("09"))])
    return digits + R.choice(["", "", "k", "K", "m", "M", "g", " "])


def held_size():
    """The same for 512 KiB, and "off"."""
    if R.random() < 0.1:
        return R.choice(["off", "Off", "of", ""])
    if R.random() < 0.5:
        return buffer_size()
    edge = R.choice([512, 524288]) + R.choice([-1, 0, 1])
    return (str(R.choice([edge, R.randint(400, 600), R.randint(500000, 600000)])) +
            R.choice(["", "", "k", "K", "m"]))


def mode():
    return R.choice(["", "0", "00", "1"]) + "".join(R.choice("01678")
                                                    for _ in range(R.randint(1, 4)))


def alpn():
    length = R.choice([0, 1, 2, 3, 5, 254, 255, 256])
    return "".join(R.choice("ah2/-!~ \x7f") for _ in range(length))


def spoiled(text):
    """Now and then one character is another."""
    if text and R.random() < .05:
        at = R.randrange(len(text))
        text = text[:at] + R.choice(".:[]*/ %a0\u00e9\x01\n") + text[at + 1:]
    return text


BACKEND = {"b": {"servers": ["192.0.2.1:443"]}}
LISTENER = [{"address": "192.0.2.2:443"}]


# Each value stands on a line of its own, so that errors lead back to it.
def route_lines(lines):
    return (f'{{ "listeners": {json.dumps(LISTENER)}, "backends": {json.dumps(BACKEND)}, '
            + '"routes": [\n' + ",\n".join(lines) + "\n] }")


def with_listeners(values, key):
    extra = '"address": "unix:/%d", ' if key == "mode" else ""
    lines = [f'{{ {extra % i if extra else ""}"{key}": {json.dumps(v)} }}'
             for i, v in enumerate(values)]
    return '{ "listeners": [\n' + ",\n".join(lines) + "\n] }"


def with_routes(values, key):
    lines = []
    for i, value in enumerate(values):
        fields = {"host": f"h{i}.test", "backend": "b"}
        fields[key] = value
        lines.append(json.dumps(fields))
    return route_lines(lines)


def with_servers(values, _):
    lines = [f'"b{i}": {{ "servers": [ {json.dumps(v)} ] }}' for i, v in enumerate(values)]
    return f'{{ "listeners": {json.dumps(LISTENER)}, "backends": {{\n' + ",\n".join(lines) + "\n} }"


def with_timeouts(values, _):
    lines = [f'{{ "host": "h{i}.test", "backend": "b", "timeouts": {{ "idle": {json.dumps(v)} }} }}'
             for i, v in enumerate(values)]
    return route_lines(lines)


def random_values(pattern_of):
    """kind -> (generator, document writer, its key, the schema's pattern)"""
    return {
        "listen address": (address, with_listeners, "address", pattern_of("listeners", "address")),
        "mode": (mode, with_listeners, "mode", pattern_of("listeners", "mode")),
        "server address": (address, with_servers, None, pattern_of("servers", None)),
        "host": (host, with_routes, "host", pattern_of("routes", "host")),
        "network": (network, with_routes, "from", pattern_of("routes", "from")),
        "ALPN": (alpn, with_routes, "alpn", pattern_of("routes", "alpn")),
        "duration": (duration, with_timeouts, None, pattern_of("timeouts", "idle")),
    }


def pattern_finder(schema):
    inside, definitions = schema["properties"], schema["definitions"]

    def find(where, key):
        if where == "servers":
            return definitions["server"]["anyOf"][0]["pattern"]
        if where == "timeouts":
            return inside["timeouts"]["properties"][key]["pattern"]
        field = (definitions["listener"]["anyOf"][1] if where == "listeners"
                 else inside[where]["items"])["properties"][key]
        return (field["anyOf"][0] if "anyOf" in field else field)["pattern"]
    return find


# Errors that only the whole can show, which random values run into as well.
WHOLE = re.compile(r"has a listener already|has a route already|another listener has the name")


def lines_refused(text, path):
    path.write_text(text, encoding="utf-8")
    _, said = run_check([path])
    lines = set()
    for line in said.splitlines():
        found = re.match(re.escape(str(path)) + r":(\d+):\d+: error: ", line)
        if found and not WHOLE.search(line):
            lines.add(int(found.group(1)))
    return lines


def unix_bytes(value):
    """A unix path's limit is in bytes, a pattern's in characters."""
    return value.startswith("unix:") and len(value.encode()) > len(value)


def check_random(schema, folder):
    wrong = 0
    kinds = random_values(pattern_finder(schema))
    for kind, (generate, write, key, pattern) in kinds.items():
        judged = {True: 0, False: 0}
        for _ in range(PER_KIND // BATCH):
            values = [spoiled(generate()) for _ in range(BATCH)]
            refused = lines_refused(write(values, key), folder / "random.json")
            for i, value in enumerate(values):
                said, schema_says = i + 2 not in refused, bool(re.search(pattern, value))
                judged[said] += 1
                if said != schema_says and not unix_bytes(value):
                    wrong += 1
                    print(f"{kind} {value!r}: check says {said}, the schema {schema_says}")
        print(f"{kind}: {judged[True]} accepted, {judged[False]} refused")
        if min(judged.values()) < 20:
            wrong += 1
            print(f"{kind}: the random values are too one-sided to show anything")
    return wrong


def access():
    """The short form of the access log: a path that cannot be taken for a word."""
    return spoiled("".join(R.choice(["a", ".", "/", "-", "off", "json"])
                           for _ in range(R.randint(0, 3))))


def check_single(schema, folder):
    """One value to a document: there is one place for it only."""
    wrong = 0
    for section, key, random_value in (("limits", "hello", size), ("sockets", "send", buffer_size),
                                      ("sockets", "held", held_size), ("log", "access", access)):
        field = schema["properties"][section]["properties"][key]
        pattern = (field["anyOf"][0] if "anyOf" in field else field)["pattern"]
        values = dict(enumerate(sorted({random_value() for _ in range(200)})))
        paths = {n: folder / f"{key}-{n}.json" for n in values}
        for n, value in values.items():
            paths[n].write_text(json.dumps({"listeners": LISTENER, section: {key: value}}))
        accepted, _ = run_check(list(paths.values()))
        for n, value in values.items():
            said, schema_says = paths[n] in accepted, bool(re.search(pattern, value))
            if said != schema_says:
                wrong += 1
                print(f"{key} {value!r}: check says {said}, the schema {schema_says}")
    return wrong


def main():
    printed = subprocess.run([BINARY, "schema"], stdout=subprocess.PIPE, check=True).stdout
    schema = json.loads(printed)
    jsonschema.Draft7Validator.check_schema(schema)
    wrong = check_fixtures(jsonschema.Draft7Validator(schema))
    with tempfile.TemporaryDirectory() as folder:
        wrong += check_random(schema, pathlib.Path(folder))
        wrong += check_single(schema, pathlib.Path(folder))
    print("agree" if wrong == 0 else f"{wrong} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
