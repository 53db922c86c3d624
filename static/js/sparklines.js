// The small lines of the list: each server's CPU over the last hour, asked for all at once.

import { formats } from "./format.js";
import { fill, words } from "./words.js";

const EVERY = 60_000;
const TOPS = [0.1, 0.25, 0.5, 1];
const WIDTH = 60;
const FLOOR = 19;
const HEIGHT = 18;

const format = formats(words);
const table = document.querySelector("[data-sparklines]");
const rows = [...document.querySelectorAll("[data-server]")].filter((row) => row.querySelector("[data-sparkline]"));

async function refresh() {
  const ids = rows.map((row) => row.dataset.server);
  try {
    const reply = await fetch(`${table.dataset.sparklines}?servers=${ids.join(",")}`);
    if (!reply.ok || reply.redirected) return;
    const { lines } = await reply.json();
    for (const row of rows) show(row, lines[row.dataset.server] ?? []);
  } catch {
    // No network: the lines stay as they are until the next time.
  }
}

function show(row, line) {
  const known = line.filter((value) => value !== null);
  const svg = row.querySelector("[data-sparkline]");
  const top = TOPS.find((each) => each >= Math.max(0, ...known)) ?? Math.max(...known);
  const place = (value, index) => [
    ((index + 0.5) * WIDTH) / line.length,
    FLOOR - (value / top) * HEIGHT,
  ].map((number) => number.toFixed(1));
  svg.replaceChildren(
    path("sparkline-gap", gaps(line)),
    path("sparkline-area", areas(line, place)),
    path("sparkline-line", runs(line).map((run) => drawn(line, run, place)).join("")),
  );
  const text = known.length === 0
    ? words.cpuLineNone
    : fill(words.cpuLine, { least: format.percent(Math.min(...known)), most: format.percent(Math.max(...known)) });
  const told = row.querySelector("[data-sparkline-words]");
  if (told.textContent !== text) told.textContent = text;
}

/** [first, last] of each stretch that was measured. */
function runs(line) {
  const found = [];
  line.forEach((value, index) => {
    if (value === null) return;
    if (index > 0 && line[index - 1] !== null) found.at(-1)[1] = index;
    else found.push([index, index]);
  });
  return found;
}

function drawn(line, [first, last], place) {
  const points = line.slice(first, last + 1).map((value, offset) => place(value, first + offset).join(" "));
  // One point alone would be no line.
  return `M${points.join("L")}${first === last ? "h1.5" : ""}`;
}

function areas(line, place) {
  return runs(line)
    .filter(([first, last]) => last > first)
    .map((run) => `${drawn(line, run, place)}V${FLOOR}H${place(0, run[0])[0]}Z`)
    .join("");
}

function gaps(line) {
  const step = WIDTH / Math.max(1, line.length);
  return line.map((value, index) => (value === null ? `M${(index * step).toFixed(1)} ${FLOOR}h${step.toFixed(1)}` : "")).join("");
}

function path(name, shape) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", "path");
  element.setAttribute("class", name);
  element.setAttribute("d", shape || "M0 0");
  element.setAttribute("vector-effect", "non-scaling-stroke");
  return element;
}

if (rows.length > 0) {
  refresh();
  setInterval(() => {
    if (document.visibilityState === "visible") refresh();
  }, EVERY);
}
