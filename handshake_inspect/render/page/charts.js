"use strict";
/* The charts, each with a sentence and a table of the same numbers for those who do not see it. */
const CHARTS = DATA.charts;
const STEPPED = uPlot.paths.stepped({ align: 1 });
const BARS = uPlot.paths.bars({ size: [0.85, 60] });
const plots = [];

const highest = (numbers) => numbers.reduce((most, number) => Math.max(most, number), 0);
const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

function figuresOfThePage() {
  const names = { opened: ["opened", "s1"], failed: ["did not open", "s2"], closed: ["closed by FIN", "s3"], reset: ["closed by RST", "s4"] };
  const traffic = Object.entries(names).filter(([name]) => total(CHARTS.traffic[name]));
  const waits = CHARTS.time_wait;
  const states = Object.entries(CHARTS.states).filter(([name]) => name !== "TIME_WAIT");
  const found = [];
  if (traffic.length) {
    found.push({
      title: "Openings and closings", unit: "connections",
      says: traffic.map(([name, [label]]) => `${grouped(total(CHARTS.traffic[name]))} ${label}`).join(", ") + ".",
      series: traffic.map(([name, [label, ink]]) => ({ label, ink, numbers: CHARTS.traffic[name] })),
    });
  }
  if (states.length) {
    found.push({
      title: "Endpoints in each state but TIME_WAIT", unit: "endpoints",
      says: "At most " + states.map(([name, numbers]) => `${grouped(highest(numbers))} in ${name}`).join(", ") + ".",
      series: states.map(([name, numbers]) => ({ label: name, ink: name, numbers })),
    });
  }
  if (highest(waits.at_most)) {
    found.push({
      title: "Endpoints in TIME_WAIT", unit: "endpoints", band: true,
      says: `Certainly up to ${grouped(highest(waits.at_least))}, and not more than ${grouped(highest(waits.at_most))} at once: a capture gives bounds.`,
      series: [{ label: "at most", ink: "TIME_WAIT", numbers: waits.at_most }, { label: "at least", ink: "s3", numbers: waits.at_least }],
    });
  }
  if (CHARTS.handshakes.length) {
    const sum = total(CHARTS.handshakes.map(([, number]) => number));
    found.push({
      title: "Handshake times", unit: "connections", ticks: CHARTS.handshakes.map(([ns]) => duration(Math.round(ns))),
      says: `${counted(sum, "handshake")}, from the SYN to the last ACK of the opening.`,
      series: [{ label: "connections", ink: "s1", numbers: CHARTS.handshakes.map(([, number]) => number) }],
    });
  }
  return found;
}

function addFigure(figure) {
  const place = make("div", { class: "plot", role: "img", "aria-label": `${figure.title}. ${figure.says}` });
  const details = make("details", {}, make("summary", {}, "Numbers"));
  details.addEventListener("toggle", () => details.children.length === 1 && details.append(numbersOf(figure)), { once: true });
  const caption = make("figcaption", {}, make("h3", {}, figure.title), make("p", {}, figure.says));
  document.getElementById("figures").append(make("figure", {}, caption, place, details));
  plots.push({ figure, place, chart: null });
}

/* A line that runs along zero says nothing and hides what does: only its ends are drawn. */
function thinned(numbers) {
  return numbers.map((number, place) => (number || numbers[place - 1] || numbers[place + 1] ? number : null));
}

function xOf(figure) {
  return figure.ticks ? figure.ticks.map((_, place) => place) : CHARTS.seconds;
}

function plot(entry) {
  const { figure, place } = entry;
  if (entry.chart) entry.chart.destroy();
  const ink = colour("quiet"), line = { stroke: colour("line"), width: 1 };
  const font = "12px system-ui, sans-serif";
  const named = (value) => (value === null ? "-" : figure.ticks ? `from ${figure.ticks[value]}` : `${+value.toPrecision(4)} s`);
  const lowAxis = figure.ticks
    ? { values: (_, splits) => splits.map((at) => (Number.isInteger(at) ? figure.ticks[at] ?? "" : "")) }
    : { values: (_, splits) => splits.map((at) => `${+at.toPrecision(6)} s`) };
  const options = {
    width: Math.max(place.clientWidth, 200), height: 220,
    scales: {
      x: { time: false, range: figure.ticks ? [-0.6, figure.ticks.length - 0.4] : undefined },
      y: { range: (_, low, high) => [0, Math.max(high * 1.08, 1)] },
    },
    axes: [
      { stroke: ink, grid: { show: false }, ticks: line, font, ...lowAxis },
      { stroke: ink, grid: line, ticks: line, font, size: 56, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6] },
    ],
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    series: [
      { label: figure.ticks ? "time" : "at", value: (_, value) => named(value) },
      ...figure.series.map((series) => ({
        label: series.label, stroke: colour(series.ink), width: 1.75, points: { show: false }, value: (_, number) => grouped(number ?? 0),
        fill: figure.ticks ? colour(series.ink) : undefined, paths: figure.ticks ? BARS : STEPPED,
      })),
    ],
    bands: figure.band ? [{ series: [1, 2], fill: colour("TIME_WAIT") + "33" }] : [],
  };
  entry.chart = new uPlot(options, [xOf(figure), ...figure.series.map((series) => (figure.ticks || figure.band ? series.numbers : thinned(series.numbers)))], place);
}

/* Neighbours with the same numbers are one line of the table. */
function numbersOf(figure) {
  const head = make("tr", {}, make("th", { scope: "col" }, figure.ticks ? "from" : "seconds"),
    ...figure.series.map((series) => make("th", { scope: "col", class: "number" }, series.label)));
  const body = make("tbody");
  let last = "";
  xOf(figure).forEach((x, place) => {
    const numbers = figure.series.map((series) => series.numbers[place]);
    if (!figure.ticks && numbers.join() === last) return;
    last = numbers.join();
    body.append(make("tr", {}, make("td", {}, figure.ticks ? figure.ticks[place] : x.toFixed(3)),
      ...numbers.map((number) => make("td", { class: "number" }, grouped(number)))));
  });
  const table = make("table", {}, make("caption", { class: "unseen" }, figure.title), make("thead", {}, head), body);
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${figure.title}: numbers` }, table);
}

function drawCharts() {
  figuresOfThePage().forEach(addFigure);
  if (!plots.length) document.getElementById("figures").append(make("p", { class: "quiet" }, "There is nothing to draw."));
  plots.forEach(plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach(plot));
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    plots.forEach(({ chart, place }) => chart.setSize({ width: Math.max(place.clientWidth, 200), height: 220 }));
  });
}
