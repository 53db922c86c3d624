// What happened to a server in the time that is shown: marks for its charts, and the same as a list.

import { exactText, timeText } from "./clock.js";
import { iso } from "./window.js";
import { fill, words } from "./words.js";

const GATHERING = 500;
const COLOURS = { good: "--good-mark", info: "--accent", warning: "--warning-mark", critical: "--critical-mark", running: "--accent" };

export class Happenings {
  /** `onChange()` when there are others, `onPoint(at)` when one of them is pointed at in the list. */
  constructor(element, { onChange, onPoint }) {
    this.element = element;
    this.url = element.dataset.events;
    this.place = element.querySelector("[data-events-table]");
    this.note = element.querySelector("[data-events-note]");
    this.count = element.querySelector("[data-events-count]");
    this.onChange = onChange;
    this.onPoint = onPoint;
    this.all = [];
  }

  /** Asks for those of a window. */
  async load({ from, until }) {
    this.window = { from, until };
    this.asking?.abort();
    this.asking = new AbortController();
    const query = new URLSearchParams({ start: iso(from), end: iso(until) });
    try {
      const reply = await fetch(`${this.url}?${query}`, { signal: this.asking.signal });
      if (!reply.ok) throw new Error(`Events: ${reply.status}`);
      this.show(await reply.json());
    } catch (error) {
      if (error.name === "AbortError") return;
      this.note.textContent = words.eventsFailed;
      this.note.hidden = false;
    }
  }

  /** Something happened: to be called as often as one hears of it. */
  refresh(window) {
    this.window = window;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.load(this.window);
    }, GATHERING);
  }

  show({ events, is_cut: isCut }) {
    const seconds = (text) => (text === null ? null : Date.parse(text) / 1000);
    this.all = events.map((each) => ({ ...each, from: seconds(each.at), to: seconds(each.until) }));
    this.count.textContent = String(this.all.length);
    this.note.hidden = this.all.length > 0 && !isCut;
    this.note.textContent = isCut ? words.eventsCut : words.noEvents;
    const focused = this.place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    this.place.replaceChildren(...(this.all.length > 0 ? [this.table()] : []));
    if (focused) this.place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    this.onChange();
  }

  /** For a Chart: what lasts is a tint, what is over at once a mark at the top. */
  get marks() {
    return this.all.map(({ kind, outcome, from, to }) => {
      const colour = COLOURS[outcome] ?? "--accent";
      if (kind === "alert") return { from, to: to ?? Infinity, colour, isFiring: true };
      return { at: from, colour, shape: kind };
    });
  }

  /** Those at a time, give or take so many seconds, in words. */
  wordsAt(at, tolerance) {
    return this.all
      .filter(({ from, to }) => from - tolerance <= at && at <= Math.max(from, to ?? Infinity) + tolerance)
      .map(({ from, title }) => fill(words.eventAt, { time: timeText(from), event: title }))
      .join(" · ");
  }

  table() {
    const table = document.createElement("table");
    table.className = "table";
    const head = table.createTHead().insertRow();
    for (const text of [words.time, words.until, words.event]) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = text;
      head.append(cell);
    }
    const body = table.createTBody();
    for (const each of this.all.toReversed()) this.row(body, each);
    return table;
  }

  row(body, { from, to, title, detail, address, outcome }) {
    const row = body.insertRow();
    row.insertCell().textContent = exactText(from);
    const ended = to === null ? words.lasts : exactText(to);
    row.insertCell().textContent = to === from ? "" : ended;
    const link = document.createElement("a");
    link.href = address;
    // By which it keeps the focus when the table is written anew.
    link.dataset.key = `${from} ${title}`;
    link.textContent = title;
    const more = document.createElement("span");
    more.className = "caption";
    more.textContent = detail;
    const cell = row.insertCell();
    cell.dataset.outcome = outcome;
    cell.append(link, " ", more);
    for (const type of ["mouseenter", "focusin"]) row.addEventListener(type, () => this.onPoint(from));
    for (const type of ["mouseleave", "focusout"]) row.addEventListener(type, () => this.onPoint(null));
  }
}
