"""sni-bench report: the page by its text, by a browser's eyes, and with hostile contents.

An argument behind the binaries says which: Report or Browser.
"""

import copy
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from support import bench, page

TOOL = sys.argv[2]
BROWSER = page.Chromium()
PLACES = ("direct", "alpha", "beta")
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;\u2028\x01|`"


def tool(*arguments, **options):
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, timeout=120,
                          check=False, **options)
    out, err = (text.decode("utf-8", errors="strict") for text in (done.stdout, done.stderr))
    assert "sanitizer" not in err.lower(), err
    return done.returncode, out, err


def three_digits(value):
    """As the tables print numbers."""
    size = abs(value)
    if 0 < size < 0.09995:
        return f"{value:.3g}"
    digits = 0 if size >= 99.95 or size == 0 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    return f"{value:.{digits}f}"


class Made(unittest.TestCase):
    """One comparison, made once; each test looks at it, or at copies with other contents."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="report.")
        cls.scratch = pathlib.Path(cls.directory.name)
        cls.compared = cls.scratch / "compare.json"
        cls.page = cls.scratch / "compare.html"
        with bench.Serve(TOOL) as serve:
            code, out, err = tool(
                "compare", "--direct", serve.address,
                "--via", f"alpha={serve.address},pid={serve.pid}",
                "--via", f"beta={serve.address},pid={serve.pid}", "--rounds", 3, "--json",
                cls.compared, "--html", cls.page, "--", "latency", "--rate", "400", "-c", "4", "-d",
                "600ms", "--warmup", "100ms", "--interval", "50ms")
            assert code == 2, out + err  # three rounds are too few to be valid
            cls.loose = []
            for name in ("one", "two"):
                path = cls.scratch / f"{name}.json"
                code, out, err = tool("conn", serve.address, "--rate", "100", "-d", "300ms",
                                      "--warmup", "0s", "--json", path, "--quiet", "--html",
                                      cls.scratch / f"{name}.html", "--interval", "50ms")
                assert code in (0, 2), err
                cls.loose.append(path)
        cls.document = json.loads(cls.compared.read_text(encoding="utf-8"))

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def write(self, name, document):
        path = self.scratch / name
        if isinstance(document, bytes):
            path.write_bytes(document)
        else:
            path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def make(self, *paths):
        """The page made from these files."""
        path = self.scratch / "made.html"
        code, out, err = tool("report", *paths, "--html", path)
        self.assertEqual(code, 0, err)
        return path, page.Page(path.read_text(encoding="utf-8")), out

    def hostile(self):
        document = copy.deepcopy(self.document)
        document["title"] = HOSTILE
        for target in document["targets"]:
            target["name"] += HOSTILE
        for run in document["runs"]:
            run["target"] += HOSTILE
            run["result"]["environment"] = {"cpu": HOSTILE, "kernel": HOSTILE,
                                            HOSTILE: {HOSTILE: HOSTILE}}
        document["command"] = [HOSTILE]
        return document


class Report(Made):
    def check_alone(self, parsed):
        """Nothing in it is fetched from anywhere, and nothing runs but what it brings along."""
        self.assertEqual(parsed.crossed, [])
        self.assertEqual(parsed.open, [])
        self.assertEqual(parsed.fetched, [("meta", "http-equiv", "Content-Security-Policy")])
        self.assertEqual(parsed.handlers, [])
        self.assertEqual(len(parsed.scripts), 4)
        self.assertFalse({"img", "iframe", "link", "object", "embed", "base", "form"} &
                         set(parsed.tags))
        for style in parsed.styles:
            self.assertIsNone(re.search(r"url\(|@import|expression", style))

    def test_stands_alone(self):
        for path in (self.page, self.scratch / "one.html"):
            text = path.read_text(encoding="utf-8")
            self.assertTrue(text.startswith("<!DOCTYPE html>"))
            self.assertIn("default-src 'none'", text)
            self.check_alone(page.Page(text))

    def test_keeps_the_licence_of_uplot(self):
        parsed = page.Page(self.page.read_text(encoding="utf-8"))
        owner = "Copyright (c) 2022 Leon Sorokin"
        self.assertIn(owner, parsed.text)
        library = next(content for _, content in parsed.scripts if "uPlot=function" in content)
        self.assertIn(owner, library)
        self.assertIn("Permission is hereby granted, free of charge", library)

    def test_the_comparison_comes_first_and_needs_no_script(self):
        text = self.page.read_text(encoding="utf-8")
        self.assertLess(text.index('class="comparison"'), text.index("data-chart"))
        self.assertLess(text.index("data-chart"), text.index("<script"))
        table = page.Page(re.sub(r"<script.*?</script>", "", text, flags=re.S)).tables[0]
        self.assertEqual(table[0], ["", *PLACES])
        rows = iter(table[1:])
        for metric in self.document["metrics"]:
            if metric["kind"] == "count" and all(v["max"] == 0 for v in metric["values"]):
                continue
            row = next(rows)
            self.assertEqual(row[0], metric["label"] + metric["unit"])
            spreads = {value["target"]: value for value in metric["values"]}
            for cell, name in zip(row[1:], PLACES):
                self.check_cell(cell, spreads.get(name))
        self.assertIsNone(next(rows, None))

    def check_cell(self, cell, spread):
        if spread is None:
            self.assertEqual(cell, "–")
            return
        expected = (f"{three_digits(spread['median'])} ({three_digits(spread['min'])}–"
                    f"{three_digits(spread['max'])})")
        for name, ratio in (("alpha", spread["to_first"]), ("direct", spread["to_direct"])):
            if ratio is not None and not (spread["target"] == "direct" and name == "alpha"):
                noise = ", within noise" if ratio["within_noise"] else ""
                expected += f"{three_digits(ratio['ratio'])}× {name}{noise}"
        expected += "‡" if spread["doubtful"] else ""
        failed = next(target["runs_failed"] for target in self.document["targets"]
                      if target["name"] == spread["target"])
        self.assertEqual(cell, expected + ("†" if failed else ""))

    def test_says_what_is_wrong_and_where_it_ran(self):
        parsed = page.Page(self.page.read_text(encoding="utf-8"))
        self.assertIn("fewer than 5 rounds", parsed.text)
        environment = self.document["runs"][0]["result"]["environment"]
        facts = {row[0]: row[1] for table in parsed.tables for row in table if len(row) == 2}
        self.assertEqual(facts["kernel"], environment["kernel"])
        self.assertEqual(facts["cpus"], str(environment["cpus"]))
        self.assertIn("--rate 400", parsed.text)

    def test_percentiles_of_all_rounds(self):
        parsed = page.Page(self.page.read_text(encoding="utf-8"))
        table = next(t for t in parsed.tables if t[0][1:3] == ["count", "p50"])
        for name, row in zip(PLACES, table[1:]):
            results = [r["result"] for r in self.document["runs"] if r["target"] == name]
            total = sum(r["phases"]["latency"]["count"] for r in results)
            self.assertEqual(row[:2], [name, str(total)])
            largest = max(r["phases"]["latency"]["max_ns"] for r in results) / 1e6
            self.assertAlmostEqual(float(row[-1]), largest, delta=largest * 0.02)

    def test_holds_the_raw_results(self):
        _, parsed, _ = self.make(self.compared, *self.loose)
        raw = json.loads(parsed.script("raw"))
        paths = [self.compared, *self.loose]
        self.assertEqual([entry["file"] for entry in raw], [str(path) for path in paths])
        for entry, path in zip(raw, paths):
            self.assertEqual(entry["document"], json.loads(path.read_text(encoding="utf-8")))

    def test_sections(self):
        _, parsed, out = self.make(self.compared, *self.loose)
        self.assertEqual(parsed.tags.count("section"), 1 + 2 + 3)
        overview = parsed.tables[0]
        self.assertEqual(overview[0], ["", *PLACES])
        self.assertTrue(overview[1][0].startswith(self.document["title"]))
        self.assertEqual(overview[2], ["", "one.json", "two.json"])
        self.assertTrue(overview[3][0].startswith("conn"), overview)
        self.assertIn("one.json", out)

    def test_runs_of_one_name_are_rounds(self):
        documents = []
        for number in range(3):
            document = json.loads(self.loose[0].read_text(encoding="utf-8"))
            document["labels"] = {"router": "same", "title": "three"}
            document["totals"]["connections_per_s"] = 100.0 + number
            document |= {"valid": True, "limited_by_tool": False, "reasons": []}
            documents.append(self.write(f"same{number}.json", document))
        code, out, err = tool("report", *documents, "--md")
        self.assertEqual(code, 0, err)
        self.assertIn("### three", out)
        self.assertIn("| connections, /s | 101 (100..102) |", out)

    def test_marks_what_does_not_count(self):
        """Of a run that the tool limited costs hold; of one that failed nothing does."""
        document = copy.deepcopy(self.document)
        for run in document["runs"]:
            limited = run["target"] == "beta" and run["round"] == 2
            run["result"] |= {"valid": not limited, "limited_by_tool": limited, "reasons":
                              ["it was <late>"] if limited else [],
                              "failed": run["target"] == "alpha"}
        _, parsed, _ = self.make(self.write("marks.json", document))
        for row in parsed.tables[0][1:]:
            cost = row[0].startswith(("CPU", "memory", "context"))
            self.assertEqual(["†" in cell for cell in row[1:]],
                             [False, row[2] != "–", False], row)
            self.assertEqual("‡" in row[3], not cost and row[3] != "–", row)
            self.assertNotIn("‡", row[1] + row[2])
        self.assertIn("† alpha: 3 of 3 runs failed.", parsed.text)
        self.assertIn("‡ beta: 1 of 3 runs limited by the load tool", parsed.text)
        self.assertIn("beta, round 2: it was <late>", parsed.text)

    # -- hostile contents --

    def test_everything_is_escaped(self):
        path, parsed, out = self.make(self.write("hostile.json", self.hostile()))
        self.check_alone(parsed)
        shown = HOSTILE.replace("\x01", "\ufffd")
        self.assertEqual(parsed.tables[0][0][1], "direct" + shown)
        facts = {row[0]: row[1] for table in parsed.tables for row in table if len(row) == 2}
        self.assertEqual(facts[f"{shown} {shown}"], shown)
        raw = json.loads(parsed.script("raw"))
        self.assertEqual(raw[0]["document"]["title"], HOSTILE)
        self.assertNotIn("\x01", path.read_text(encoding="utf-8"))
        self.assertNotIn("\x01", out)
        code, out, _ = tool("report", self.scratch / "hostile.json", "--md")
        self.assertEqual(code, 0)
        self.assertNotIn("<script", out)
        head = next(line for line in out.split("\n") if line.startswith("|"))
        self.assertEqual(len(re.findall(r"(?<!\\)\|", head)), 5)

    def test_bytes_that_are_no_text(self):
        text = json.dumps(self.document).encode()
        text = text.replace(b'"alpha"', b'"al\xff\xc0\xafpha"')
        _, parsed, _ = self.make(self.write("bytes.json", text))
        self.check_alone(parsed)
        self.assertEqual(parsed.tables[0][0][2], "al\ufffd\ufffd\ufffdpha")

    def test_files_that_are_no_results(self):
        whole = self.compared.read_bytes()
        rows = ((b"", "is not JSON"), (whole[:len(whole) // 2], "is not JSON"),
                (b"[]", "no result of"), (b"{}", "no result of"), (b"\x00\x01", "is not JSON"),
                (b"[" * 100000, "is not JSON"), (b'{"tool":"sni-bench"}', "no result of"))
        paths = []
        for number, (text, _) in enumerate(rows):
            paths.append(self.write(f"bad{number}.json", text))
        code, _, err = tool("report", *paths, self.scratch / "absent.json", self.compared, "--html",
                            self.scratch / "never.html")
        self.assertEqual(code, 1)
        for path, (_, said) in zip(paths, rows):
            self.assertRegex(err, f"{re.escape(str(path))}: {said}")
        self.assertIn("absent.json: No such file", err)
        self.assertFalse((self.scratch / "never.html").exists())

    def test_files_of_another_version_or_type(self):
        """Each is refused with its name and what is wrong, and nothing is written."""
        loose = json.loads(self.loose[0].read_text(encoding="utf-8"))
        verify = {"tool": "sni-bench", "mode": "verify", "schema_version": 1, "faults": {},
                  "whole": {}, "backends": [], "series": []}
        torture = {"tool": "sni-bench", "mode": "torture", "schema_version": 1, "cases": []}
        nested = copy.deepcopy(self.document)
        nested["runs"][4]["result"]["phases"] = None
        older = copy.deepcopy(self.document)
        older["runs"][0]["result"]["schema_version"] = 0
        point = copy.deepcopy(loose["series"])
        point[1]["at_s"] = "1\x1b[31m"
        rows = ((loose | {"schema_version": 99}, "schema_version is 99; this sni-bench reads 1"),
                (self.document | {"schema_version": 2}, "schema_version is 2;"),
                (verify | {"schema_version": 1.5}, "schema_version is 1.5;"),
                (torture | {"schema_version": "1"}, "schema_version is no number"),
                ({"tool": "sni-bench", "mode": "conn"}, "schema_version is no number"),
                (loose | {"phases": None}, "phases is of type null, not object"),
                (loose | {"phases": {"latency": 3}}, "phases.latency is of type number, not obj"),
                (loose | {"series": "x"}, "series is of type string, not array"),
                (loose | {"series": point}, "series[1].at_s is of type string, not number"),
                (loose | {"labels": {"\x1b[2J": 1}}, "labels.?[2J is of type number, not string"),
                (loose | {"samples": 7}, "samples is of type number, not object"),
                (loose | {"seconds": True}, "seconds is of type boolean, not number"),
                ({key: loose[key] for key in loose if key != "totals"}, "totals is missing"),
                (self.document | {"runs": {}}, "runs is of type object, not array"),
                (self.document | {"rounds": 2.5}, "rounds is of type number, not integer"),
                (nested, "runs[4].result.phases is of type null, not object"),
                (older, "runs[0].result.schema_version is 0; this sni-bench reads 1"),
                (verify | {"faults": {"corrupt": "x"}}, "faults.corrupt is of type string"),
                (verify | {"series": None}, "series is of type null, not array"),
                ({key: verify[key] for key in verify if key != "faults"}, "faults is missing"),
                (torture | {"cases": [3]}, "cases[0] is of type number, not object"),
                (torture | {"cases": [{"alert": "112"}]}, "cases[0].alert is of type string"))
        paths = [self.write(f"type{number}.json", document)
                 for number, (document, _) in enumerate(rows)]
        never = self.scratch / "never.html"
        code, out, err = tool("report", *paths, self.compared, "--html", never)
        self.assertEqual((code, out), (1, ""))
        said = err.splitlines()
        self.assertEqual(len(said), len(rows), err)
        for path, line, (_, wrong) in zip(paths, said, rows):
            self.assertTrue(line.startswith(f"sni-bench: report: {path}: {wrong}"), line)
        self.assertFalse(never.exists())
        # Keys of another version: one that is not known, and one that no table needs.
        loose["novel"] = loose.pop("clock")
        self.make(self.write("novel.json", loose), self.write("verify.json", verify),
                  self.write("torture.json", torture))

    def test_cannot_be_written(self):
        code, _, err = tool("report", self.compared, "--html", "/nonexistent/x.html")
        self.assertEqual(code, 1)
        self.assertIn("--html /nonexistent/x.html", err)
        code, _, err = tool("report")
        self.assertEqual(code, 64)
        code, _, err = tool("report", self.compared, "--html", "/dev/full")
        self.assertEqual(code, 1)

    def test_from_stdin_to_stdout(self):
        code, out, err = tool("report", "-", "--html", "-", input=self.compared.read_bytes())
        self.assertEqual(code, 0)
        self.check_alone(page.Page(out))
        self.assertIn("to alpha", err)


@unittest.skipUnless(BROWSER.program, "chromium is not installed")
class Browser(Made):
    WIDTH, HEIGHT = 900, 1800

    def series_colors(self, path):
        charts = json.loads(page.Page(path.read_text(encoding="utf-8")).script("charts"))
        self.assertGreaterEqual(len(charts), 5)
        return charts, {line["color"] for chart in charts for line in chart["series"]}

    def what_is_wrong(self, path, looks=True):
        """What the browser complains of or does not make; and what is not to be seen."""
        wrong = []
        charts, colors = self.series_colors(self.page)
        dom, console = BROWSER.dom(path)
        wrong += console
        if 'data-charts="drawn"' not in dom[:200]:
            wrong.append("the script did not come to its end")
        if dom.count("<canvas") != len(charts):
            wrong.append(f"{dom.count('<canvas')} of {len(charts)} charts are drawn")
        if 'id="download" download="sni-bench.json" href="blob:' not in dom:
            wrong.append("there is no download link")
        return wrong + (self.what_is_not_seen(path, colors) if looks else [])

    def what_is_not_seen(self, path, colors):
        """Compares the page with and without its scripts."""
        wrong = []
        text = path.read_text(encoding="utf-8")
        still = self.scratch / "still.html"
        still.write_text(re.sub(r"<script>.*?</script>", "", text, flags=re.S), encoding="utf-8")
        # Legends have the colours too: without them, what is coloured is curves.
        curves_only = self.scratch / "curves.html"
        curves_only.write_text(
            re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>',
                   "<style>.u-legend { display: none; }</style>", text), encoding="utf-8")
        drawn, console = BROWSER.screenshot(curves_only, self.WIDTH, self.HEIGHT)
        wrong += console
        plain, console = BROWSER.screenshot(still, self.WIDTH, self.HEIGHT)
        wrong += console
        for color in sorted(colors):
            swatches, curves = (page.count_pixels(rows, color) for rows in (plain, drawn))
            if swatches < 40:
                wrong.append(f"the table shows {swatches} pixels of {color}")
            if curves < swatches + 500:
                wrong.append(f"the charts show {curves - swatches} pixels of {color}")
        if page.count_pixels(plain[:600], "#1b1f24") < 1000:
            wrong.append("the table has no text")
        return wrong

    def broken(self, change):
        """The page with other chart data."""
        text = self.page.read_text(encoding="utf-8")
        charts = json.loads(page.Page(text).script("charts"))
        change(charts)
        start = text.index('id="charts">') + len('id="charts">')
        end = text.index("</script>", start)
        path = self.scratch / "broken.html"
        path.write_text(text[:start] + json.dumps(charts) + text[end:], encoding="utf-8")
        return path

    def test_a_browser_shows_table_and_curves(self):
        self.assertEqual(self.what_is_wrong(self.page), [])

    def test_a_browser_runs_nothing_that_came_with_a_name(self):
        path, _, _ = self.make(self.write("hostile.json", self.hostile()))
        dom, console = BROWSER.dom(path)
        self.assertEqual(console, [])
        self.assertIn('data-charts="drawn"', dom[:200])
        charts, _ = self.series_colors(path)
        self.assertEqual(dom.count("<canvas"), len(charts))
        self.assertNotIn("<img", dom.split("<script", 1)[0])

    def test_broken_pages_are_noticed(self):
        def lose_values(charts):
            charts[0]["series"][0]["y"] = charts[0]["series"][0]["y"][:-1]

        def spoil_value(charts):
            charts[1]["series"][0]["y"][0] = "many"

        def lose_series(charts):
            for chart in charts:
                chart["series"] = [s for s in chart["series"] if "beta" not in s["name"]]

        for change, looks, said in ((lose_values, False, "broken series"),
                                    (spoil_value, False, "broken series"),
                                    (lose_series, True, "pixels of")):
            with self.subTest(change=change.__name__):
                wrong = self.what_is_wrong(self.broken(change), looks)
                self.assertIn(said, "\n".join(wrong))
        text = self.page.read_text(encoding="utf-8")
        path = self.scratch / "changed.html"
        path.write_text(text.replace("width: 2,", "width: 0,"), encoding="utf-8")
        with self.subTest(change="a script that is not the one promised, and draws no lines"):
            wrong = "\n".join(self.what_is_wrong(path))
            self.assertIn("Content Security Policy", wrong)
            self.assertIn("pixels of", wrong)


if __name__ == "__main__":
    assert shutil.which("true") and os.path.exists(TOOL)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
