// The charts of a server's page together: one history, one window, one cursor, one readout.

import { Chart } from "./chart.js";
import { KINDS } from "./chart-kinds.js";
import { ChartTable } from "./chart-table.js";
import { everySecond, exactText, now } from "./clock.js";
import { History } from "./history.js";
import { fill, words } from "./words.js";

const RETRY = 10_000;

class Panel {
  constructor(element, shared) {
    const title = element.querySelector("h3").textContent;
    this.element = element;
    this.kind = KINDS[element.dataset.chart];
    this.name = element.dataset.chart;
    this.plot = element.querySelector("[data-plot]");
    this.note = element.querySelector("[data-note]");
    this.readout = element.querySelector("[data-readout]");
    this.details = element.querySelector("[data-table]");
    const cursorLabel = fill(words.cursor, { chart: title });
    this.chart = new Chart({ element: this.plot, title, kind: this.kind, shared, cursorLabel });
    this.table = new ChartTable(this.details, this.kind);
    this.values = [...this.kind.lines, this.kind.limit].filter(Boolean).map((line) => this.entry(line));
  }

  entry({ label, colour, hasArea }) {
    const group = document.createElement("div");
    const term = document.createElement("dt");
    const swatch = document.createElement("span");
    swatch.className = hasArea ? "swatch swatch-area" : "swatch";
    swatch.style.setProperty("background", `var(${colour})`);
    term.append(swatch, label);
    const value = document.createElement("dd");
    const range = document.createElement("span");
    range.className = "readout-range";
    value.append(document.createElement("span"), " ", range);
    group.append(term, value);
    this.readout.append(group);
    return value;
  }

  show(history, times) {
    const isKnown = this.kind.lines.some(({ series }) =>
      times.some((time) => history.buckets.get(time)[series][0] !== null),
    );
    this.plot.hidden = !isKnown;
    this.readout.hidden = !isKnown;
    this.details.hidden = !isKnown;
    this.note.hidden = isKnown;
    if (isKnown) {
      this.chart.show(history, times);
      this.table.show(history, times);
      this.showValues(null);
    } else {
      this.chart.clear();
      this.note.textContent = this.name === "disk" ? words.diskUnknown : words.noData;
    }
  }

  /** 19.8–40.4 kB/s: the unit once, if it is the same. */
  rangeText(least, most) {
    const [low, high] = [this.kind.text(least), this.kind.text(most)];
    if (low === high) return "";
    const [number, unit] = low.split("\u00a0");
    return high.endsWith(unit) ? `${number}–${high}` : `${low} – ${high}`;
  }

  showValues(index) {
    if (this.plot.hidden) return;
    this.chart.valuesAt(index).forEach(({ average, least, most }, number) => {
      const [value, range] = this.values[number].children;
      value.textContent = this.kind.text(average) || "–";
      range.textContent = index === null ? "" : this.rangeText(least, most);
    });
    this.chart.describe(index);
  }
}

export class Charts {
  constructor(element, view) {
    this.view = view;
    this.moment = element.querySelector("[data-moment]");
    this.nothing = element.querySelector("[data-nothing]");
    this.failed = element.querySelector("[data-history-failed]");
    this.history = new History(element.dataset.url);
    this.index = null;
    const shared = {
      from: () => now() - this.history.seconds,
      to: () => now(),
      onCursor: (index) => this.pointAt(index),
    };
    this.panels = [...element.querySelectorAll("[data-chart]")].map((each) => new Panel(each, shared));
    document.addEventListener("choice", () => this.repaint());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.repaint());
    everySecond((at) => this.tick(at));
  }

  async load(seconds) {
    await this.attempt(() => this.history.load(seconds), () => this.load(seconds));
  }

  async refresh() {
    await this.attempt(() => this.history.refresh(), () => this.refresh());
  }

  async attempt(ask, again) {
    clearTimeout(this.retry);
    try {
      await ask();
      this.failed.hidden = true;
      this.show();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.failed.hidden = false;
      this.retry = setTimeout(again, RETRY);
    }
  }

  add(metrics) {
    this.history.add(metrics);
    if (this.history.isRefreshDue) this.refresh();
    else if (this.history.isLoaded) this.show();
  }

  show() {
    const times = this.history.times;
    this.times = times;
    this.shownAt = now();
    const isEmpty = this.history.isEmpty;
    this.nothing.hidden = !isEmpty;
    this.nothing.textContent = this.view.status === "running" ? words.noHistory : words.noData;
    for (const panel of this.panels) {
      panel.element.hidden = isEmpty;
      if (!isEmpty) panel.show(this.history, times);
    }
    this.pointAt(this.index);
  }

  /** The window moves on also when nothing comes. */
  tick(at) {
    const pace = Math.max(2, this.history.seconds / 600);
    if (this.history.isLoaded && at - this.shownAt >= pace) this.show();
  }

  pointAt(index) {
    this.index = index;
    const time = index === null ? undefined : this.times?.[index];
    const isEmpty = this.history.isEmpty;
    if (isEmpty) this.moment.textContent = "";
    else this.moment.textContent = time === undefined ? words.latest : exactText(time);
    for (const panel of this.panels) panel.showValues(time === undefined ? null : index);
  }

  repaint() {
    for (const panel of this.panels) panel.chart.rebuild();
  }
}
