"""Running sni-bench: backends that end with the test, results as dictionaries."""

import json
import os
import signal
import subprocess
import tempfile

import jsonschema

RUN_LIMIT_S = 300


class Serve:
    """`sni-bench serve` on ports of its own; .backends is a list of (name, address)."""

    def __init__(self, bench, *options):
        if "--listen" not in options:
            options = ("--listen", "127.0.0.1:0", *options)
        self.process = subprocess.Popen([bench, "serve", *options], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.backends = []
        for line in self.process.stdout:
            words = line.split()
            if words[0] == "ready":
                break
            self.backends.append((words[1], words[2]))
        else:
            said = self.process.communicate()[1]
            raise AssertionError(f"serve did not start: {said}")

    @property
    def address(self):
        return self.backends[0][1]

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        """What it said at its end."""
        if self.process.returncode is not None:
            return ""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=RUN_LIMIT_S)
        assert self.process.returncode == 0, f"serve ended with {self.process.returncode}: {err}"
        assert out == "" and "sanitizer" not in err.lower(), err
        return err

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if failure[0] is None:
            self.stop()
        else:
            self.process.kill()
            self.process.communicate()


_validators = {}


def validator(bench, of="run"):
    """Of what `sni-bench schema --of` prints; made once, since judging a schema takes long."""
    if (bench, of) not in _validators:
        text = subprocess.run([bench, "schema", "--of", of], capture_output=True, text=True,
                              check=True).stdout
        schema = json.loads(text)
        jsonschema.Draft7Validator.check_schema(schema)
        _validators[bench, of] = jsonschema.Draft7Validator(schema)
    return _validators[bench, of]


def validate(bench, of, result):
    validator(bench, of).validate(result)


def run(bench, *arguments):
    """Runs a load mode and returns (exit code, checked JSON result, stdout, stderr).

    On a machine that is busy enough every answer takes longer than the tool's own default.
    """
    if "--timeout" not in arguments:
        arguments = (*arguments, "--timeout", "2m")
    with tempfile.TemporaryDirectory(prefix="bench.") as scratch:
        path = os.path.join(scratch, "result.json")
        done = subprocess.run([bench, *map(str, arguments), "--json", path, "--quiet"],
                              capture_output=True, text=True, timeout=RUN_LIMIT_S)
        assert "sanitizer" not in done.stderr.lower(), done.stderr
        result = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                result = json.load(file)
            validate(bench, "run", result)
            check_consistent(result, done.returncode)
    return done.returncode, result, done.stdout, done.stderr


def check_consistent(result, code):
    """What holds for every result, on however busy a machine."""
    slip = result["phases"]["slip"]
    limited = (result["tool_use"]["cpu"] > 0.85 or
               slip["count"] > 0 and slip["p99_ns"] > 1_000_000 or came_too_late(result))
    assert result["limited_by_tool"] == limited, (result["tool_use"], slip["p99_ns"])
    assert result["valid"] or result["seconds"] == 0 or limited or result["samples"] is None
    check_series(result)
    assert result["valid"] == (result["reasons"] == [])
    assert result["measures_latency"] == result["config"]["open_loop"]
    expected = 1 if result["failed"] else 0 if result["valid"] else 2
    assert code in (expected, 99), f"exit {code}, expected {expected}"
    phases, operations = result["phases"], result["operations"]
    assert operations["recorded"] == phases["latency"]["count"]
    assert operations["unbegun"] <= operations["unended"] <= operations["recorded"], operations
    assert phases["service"]["count"] == operations["recorded"] - operations["unbegun"], operations
    for phase in phases.values():
        assert sum(count for _, count in phase["histogram"]) == phase["count"]


def came_too_late(result):
    """Whether the measured window is not as long as was asked for."""
    asked = result["config"]["duration_s"]
    opened = any(point["stage"] == "measuring" for point in result["series"])
    meant = not result["interrupted"] and result["config"]["count"] == 0
    return (opened and meant and total_errors(result) == 0 and
            abs(result["seconds"] - asked) > 0.1 * asked + 0.005)


def check_series(result):
    """Points follow one another without a gap, and add up to what the result says."""
    points = result["series"]
    measured = [point for point in points if point["stage"] == "measuring"]
    for key in ("connections", "requests", "bytes_in", "bytes_out"):
        assert sum(point[key] for point in measured) == result["totals"][key], key
    if measured:
        lengths = sum(point["seconds"] for point in measured)
        assert abs(lengths - result["seconds"]) < 1e-6, (lengths, result["seconds"])
        assert abs(measured[-1]["at_s"] - result["seconds"]) < 1e-6, measured[-1]
    for point in points:
        assert abs(point["requests_per_s"] * point["seconds"] - point["requests"]) < 1e-3, point
    assert [point["at_s"] for point in points] == sorted(point["at_s"] for point in points)


def total_errors(result):
    return sum(result["errors"].values())
