"use strict";
/* Draws the charts and makes the download link. The numbers come ready from the page itself. */
(function () {
  const DASHES = [[], [7, 4], [2, 3]];
  const HEIGHT = 280;

  function read(id) {
    return document.getElementById(id).textContent;
  }

  function number(value) {
    if (value === null || value === undefined) return "–";
    return Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
  }

  /* 1 / (1 - p) as people say it: 1 is 0 %, 10 is 90 %, 1000 is 99.9 %. */
  function percentile(x) {
    const digits = Math.max(0, Math.ceil(Math.log10(x)) - 2);
    return (100 * (1 - 1 / x)).toFixed(Math.min(8, digits)) + "%";
  }

  function powersOfTen(least, most) {
    const found = [];
    for (let value = Math.pow(10, Math.floor(Math.log10(least))); value <= most; value *= 10)
      if (value >= least) found.push(value);
    return found;
  }

  function xAxis(chart) {
    if (chart.kind !== "percentile") return { label: "seconds" };
    return {
      label: "percentile",
      values: (plot, splits) => splits.map((x) => (x === null ? "" : percentile(x))),
      splits: (plot, axis, least, most) => powersOfTen(least, most),
      filter: (plot, splits) => splits,
    };
  }

  function options(chart, width) {
    const log = { distr: 3, log: 10 };
    const xName = chart.kind === "percentile" ? "percentile" : "s";
    return {
      width: width,
      height: HEIGHT,
      scales: {
        x: Object.assign({ time: false }, chart.kind === "percentile" ? log : {}),
        y: chart.log ? log : { range: (plot, least, most) => [0, most > 0 ? most * 1.05 : 1] },
      },
      axes: [
        xAxis(chart),
        { size: 64, values: (plot, splits) => splits.map((y) => (y === null ? "" : number(y))) },
      ],
      series: [
        {
          label: xName,
          value: (plot, x) =>
            x === null ? "–" : chart.kind === "percentile" ? percentile(x) : number(x),
        },
      ].concat(
        chart.series.map((line) => ({
          label: line.name,
          stroke: line.color,
          width: 2,
          dash: DASHES[line.line],
          spanGaps: true,
          points: { show: line.x.length < 3, size: 6, fill: line.color },
          value: (plot, y) => (y === null ? "–" : number(y) + " " + chart.unit),
        }))
      ),
    };
  }

  function check(chart) {
    for (const line of chart.series) {
      const numbers = line.x.concat(line.y).every(Number.isFinite);
      if (!numbers || line.x.length !== line.y.length || line.x.length === 0)
        throw new Error("broken series " + line.name + " of " + chart.title);
    }
  }

  function draw(figure, chart) {
    check(chart);
    const place = figure.querySelector(".plot");
    const data = uPlot.join(chart.series.map((line) => [line.x, line.y]));
    const plot = new uPlot(options(chart, place.clientWidth), data, place);
    window.addEventListener("resize", () => {
      plot.setSize({ width: place.clientWidth, height: HEIGHT });
    });
  }

  function offerDownload() {
    const link = document.getElementById("download");
    link.href = URL.createObjectURL(new Blob([read("raw")], { type: "application/json" }));
    link.hidden = false;
  }

  offerDownload();
  const charts = JSON.parse(read("charts"));
  for (const figure of document.querySelectorAll("[data-chart]")) {
    try {
      draw(figure, charts[Number(figure.dataset.chart)]);
    } catch (error) {
      figure.querySelector(".plot").textContent = "This chart cannot be drawn.";
      console.error(error.message);
    }
  }
  document.documentElement.dataset.charts = "drawn";
})();
