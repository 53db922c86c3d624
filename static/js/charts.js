// The charts of a server's page together: one history, one window, one cursor, one readout.

import { Chart } from "./chart.js";
import { KINDS } from "./chart-kinds.js";
import { ChartTable } from "./chart-table.js";
import { everySecond, exactText, now } from "./clock.js";
import { Happenings } from "./happenings.js";
import { History } from "./history.js";
import { fitting, iso, scaled } from "./window.js";
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
    const cursorLabel = fill(words.cursorZoom, { chart: title });
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
  /** `onZoom(window)` is asked to show another one, null to go back to the present. */
  constructor(element, view, onZoom) {
    this.view = view;
    this.onZoom = onZoom;
    this.moment = element.querySelector("[data-moment]");
    this.nothing = element.querySelector("[data-nothing]");
    this.failed = element.querySelector("[data-history-failed]");
    this.history = new History(element.dataset.url);
    this.index = null;
    this.happening = element.querySelector("[data-happening]");
    this.csv = element.querySelector("[data-csv]");
    this.happenings = new Happenings(element.querySelector("[data-events]"), {
      onChange: () => this.mark(),
      onPoint: (at) => this.panels.find(({ chart }) => chart.plot)?.chart.pointAt(at),
    });
    const shared = {
      from: () => this.history.start,
      to: () => this.history.end,
      onCursor: (index) => this.pointAt(index),
      zoom: (from, until) => this.onZoom(fitting(from, until)),
      scale: (factor, around) => this.onZoom(scaled(this.window, factor, around)),
      live: () => this.onZoom(null),
      wordsAt: (time) => this.wordsAt(time),
    };
    this.panels = [...element.querySelectorAll("[data-chart]")].map((each) => new Panel(each, shared));
    document.addEventListener("choice", () => this.repaint());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.repaint());
    everySecond((at) => this.tick(at));
  }

  /** What is shown: { from, until } in Unix seconds. */
  get window() {
    return { from: this.history.start, until: this.history.end };
  }

  /** The last so many seconds, live. */
  async load(seconds) {
    await this.attempt(() => this.history.load(seconds), () => this.load(seconds));
    this.happenings.load(this.window);
  }

  /** A window that stands still. */
  async look(window) {
    await this.attempt(() => this.history.look(window), () => this.look(window));
    this.happenings.load(window);
  }

  /** Something was done, or an alert fired. */
  tell() {
    this.happenings.refresh(this.window);
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
    this.csv.href = `${this.csv.dataset.csv}?${new URLSearchParams({
      start: iso(this.history.start),
      end: iso(this.history.end),
    })}`;
  }

  mark() {
    for (const { chart } of this.panels) {
      chart.marks = this.happenings.marks;
      chart.plot?.redraw(false);
    }
    this.pointAt(this.index);
  }

  /** Of what happened within a few pixels of a time. */
  wordsAt(time) {
    if (time === undefined) return "";
    return this.happenings.wordsAt(time, Math.max(this.history.step ?? 0, this.history.length / 150));
  }

  /** The window moves on also when nothing comes. */
  tick(at) {
    if (this.history.window) return;
    const pace = Math.max(2, this.history.seconds / 600);
    if (this.history.isLoaded && at - this.shownAt >= pace) this.show();
  }

  pointAt(index) {
    this.index = index;
    const time = index === null ? undefined : this.times?.[index];
    const isEmpty = this.history.isEmpty;
    if (isEmpty) this.moment.textContent = "";
    else if (time !== undefined) this.moment.textContent = exactText(time);
    else this.moment.textContent = this.history.window ? words.lastValues : words.latest;
    this.happening.textContent = this.wordsAt(time);
    for (const panel of this.panels) panel.showValues(time === undefined ? null : index);
  }

  repaint() {
    for (const panel of this.panels) panel.chart.rebuild();
  }
}
