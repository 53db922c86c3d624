// A chart's numbers as a table, for those who do not see it. Filled when it is opened.

import { exactText } from "./clock.js";
import { settings } from "./settings.js";
import { words } from "./words.js";

export class ChartTable {
  constructor(details, kind) {
    this.details = details;
    this.kind = kind;
    this.history = null;
    details.addEventListener("toggle", () => this.fill());
  }

  show(history, times) {
    this.history = history;
    this.times = times;
    this.fill();
  }

  fill() {
    if (!this.details.open || !this.history) return;
    const table = document.createElement("table");
    table.className = "table";
    const columns = this.columns();
    addRow(table.createTHead(), "th", [words.time, ...columns.map(({ label }) => label)]);
    const body = table.createTBody();
    for (const time of this.times.toReversed()) {
      const row = this.history.buckets.get(time);
      const values = columns.map(({ series, part }) => this.kind.text(row[series][part]) || "–");
      addRow(body, "td", [exactText(time), ...values]);
    }
    this.details.lastElementChild.replaceChildren(table);
  }

  columns() {
    const { lines, limit } = this.kind;
    const isBucketed = this.history.step > settings.pollInterval;
    const parts = isBucketed ? [words.average, words.least, words.most] : [""];
    const listed = lines.flatMap(({ series, label }) =>
      parts.map((name, part) => ({ series, part, label: name ? `${label}, ${name.toLowerCase()}` : label })),
    );
    return limit ? [...listed, { series: limit.series, part: 0, label: limit.label }] : listed;
  }
}

function addRow(section, tag, texts) {
  const row = section.insertRow();
  for (const text of texts) {
    const cell = document.createElement(tag);
    if (tag === "th") cell.scope = "col";
    cell.textContent = text;
    row.append(cell);
  }
}
