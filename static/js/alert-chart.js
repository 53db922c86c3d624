// One metric around an alert, or over the days on which a rule is tried: the line, the threshold,
// when it crossed, when it fired, when somebody was told.

import { Chart } from "./chart.js";
import { exactText } from "./clock.js";
import { formats } from "./format.js";
import { fill, words } from "./words.js";

const format = formats(words);
const PERCENT_STEPS = [0.01, 0.02, 0.05, 0.1, 0.25, 0.5];
const DAY = 86400;
const COLOURS = {
  memory: "--chart-memory",
  disk: "--chart-disk",
  network_in: "--chart-in",
  network_out: "--chart-out",
  disk_read: "--chart-read",
  disk_write: "--chart-write",
};

const UNITS = {
  fraction: { text: format.percent, steps: PERCENT_STEPS },
  "bytes per second": { text: format.rate, steps: null },
  seconds: { text: format.duration, steps: [DAY / 4, DAY / 2, DAY, 7 * DAY, 30 * DAY] },
};

function kindOf(data) {
  const isShare = data.unit === "fraction";
  return {
    ...UNITS[data.unit],
    lines: [{ series: "value", label: words.used ?? "", colour: COLOURS[data.metric] ?? "--chart-cpu", hasArea: true }],
    limit: { series: "threshold", label: "", colour: "--critical-mark" },
    top: (most, limit) => (isShare ? Math.max(1, most, limit) * 1.04 : Math.max(most, limit) * 1.15 || 1),
  };
}

/** What a Chart wants of a history. */
class Points {
  constructor({ points, step, threshold }) {
    this.step = step;
    this.times = points.map(([time]) => time);
    this.value = points.map((point) => point.slice(1));
    this.threshold = threshold;
  }

  column(name, part) {
    if (name === "threshold") return this.times.map(() => this.threshold);
    return this.value.map((values) => values[part]);
  }
}

/** `spans` are [crossed at, fired at, over at or null], `told` times of messages. */
function marksOf(data) {
  return data.spans.flatMap(([since, fired, ended]) => [
    { from: since, to: fired, colour: "--warning-mark" },
    { from: fired, to: ended ?? data.end, colour: "--critical-mark", isFiring: true },
  ]).concat((data.told ?? []).map((at) => ({ at, colour: "--text" })));
}

export function drawAlertChart(element) {
  const data = JSON.parse(document.getElementById(element.dataset.alertChart).textContent);
  const title = element.dataset.title ?? "";
  const chart = new Chart({
    element,
    title,
    kind: kindOf(data),
    shared: { from: () => data.start, to: () => data.end, onCursor: (index) => tell(chart, element, index) },
    cursorLabel: fill(words.cursor, { chart: title }),
    marks: marksOf(data),
  });
  const points = new Points(data);
  chart.show(points, points.times);
  document.addEventListener("choice", () => chart.rebuild());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.rebuild());
  return chart;
}

/** The value under the cursor, in the line below where there is one. */
function tell(chart, element, index) {
  if (!chart) return;
  chart.describe(index);
  const readout = element.parentElement.querySelector("[data-chart-readout]");
  if (!readout) return;
  const time = index === null ? undefined : chart.data[0][index];
  const { average, least, most } = chart.valuesAt(index)[0];
  const range = least === most ? "" : ` (${chart.kind.text(least)} – ${chart.kind.text(most)})`;
  readout.textContent = time === undefined ? "" : `${exactText(time)}: ${chart.kind.text(average) || "–"}${average === null ? "" : range}`;
}

for (const element of document.querySelectorAll("[data-alert-chart]")) drawAlertChart(element);
