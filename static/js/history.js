// What a server measured over a range: buckets from the API, extended by live samples.
//
// A live sample is put into its bucket at once. The API stays the truth: the last buckets are
// asked for again, at most once a bucket.

import { now } from "./clock.js";
import { settings } from "./settings.js";
import { iso } from "./window.js";

export const SERIES = [
  "cpu",
  "memory_used",
  "memory_total",
  "disk_used",
  "disk_total",
  "network_in",
  "network_out",
  "disk_read",
  "disk_write",
];
const GAP = [null, null, null];
// More than this between two samples is a gap. With short intervals a cycle often finds the numbers
// of the one before, as Proxmox itself refreshes them every ten seconds.
const TOLERATED_SECONDS = Math.max(1.5 * settings.pollInterval, 30);

export class History {
  constructor(url) {
    this.url = url;
    this.seconds = 3600;
    /** { from, until } where one stands still, null while the present is followed. */
    this.window = null;
    this.clear();
  }

  clear() {
    /** time of a bucket -> { series name: [average, least, most] } */
    this.buckets = new Map();
    /** samples in the last bucket, to go on with its average */
    this.counts = new Map();
    this.step = null;
    this.askedAt = 0;
    this.lastSampleAt = null;
  }

  get isLoaded() {
    return this.step !== null;
  }

  get isEmpty() {
    return [...this.buckets.values()].every(isGap);
  }

  get start() {
    return this.window ? this.window.from : now() - this.seconds;
  }

  get end() {
    return this.window ? this.window.until : now();
  }

  get length() {
    return this.end - this.start;
  }

  get times() {
    return [...this.buckets.keys()].sort((a, b) => a - b);
  }

  /** Forgets everything and asks for the last so many seconds. */
  async load(seconds) {
    this.asking?.abort();
    this.window = null;
    this.seconds = seconds;
    this.clear();
    this.put(await this.ask(this.start));
  }

  /** Asks for a window, as fine as it can be had; what is shown stays until the answer is there. */
  async look(window) {
    this.asking?.abort();
    const found = await this.ask(window.from, undefined, window.until);
    this.window = window;
    this.clear();
    this.put(found);
  }

  /** Asks for what may have changed since it was asked last. */
  async refresh() {
    if (!this.isLoaded || this.window) return;
    const start = Math.max(this.start, this.askedAt - 2 * this.step);
    const { step } = this;
    const found = await this.ask(start, step);
    // Another time may be shown by now.
    if (!this.window && this.step === step) this.put(found);
  }

  get isRefreshDue() {
    return this.isLoaded && !this.window && !this.isAsking && now() - this.askedAt >= Math.max(this.step, 15);
  }

  async ask(start, step, end = now()) {
    this.isAsking = true;
    try {
      return await this.fetch(start, step, end);
    } finally {
      this.isAsking = false;
    }
  }

  async fetch(start, step, end) {
    this.asking = new AbortController();
    const at = now();
    const query = new URLSearchParams({ start: iso(start), end: iso(end) });
    if (step) query.set("step", step);
    const reply = await fetch(`${this.url}?${query}`, { signal: this.asking.signal });
    if (!reply.ok) throw new Error(`History: ${reply.status}`);
    const body = await reply.json();
    this.askedAt = at;
    return body;
  }

  put({ step, start, series }) {
    const from = Date.parse(start) / 1000;
    for (const time of this.times) if (time >= from) this.buckets.delete(time);
    const points = SERIES.map((name) => series[name]);
    points[0].forEach(([time], index) => {
      const row = {};
      SERIES.forEach((name, column) => {
        row[name] = points[column][index].slice(1);
      });
      this.buckets.set(time, row);
    });
    this.step = step;
    this.dropShortGaps();
    this.counts.clear();
    const last = this.times.findLast((time) => !isGap(this.buckets.get(time)));
    if (last === undefined) return;
    const end = Math.min(now(), last + step);
    this.lastSampleAt = Math.max(this.lastSampleAt ?? 0, last);
    this.counts.set(last, Math.max(1, Math.round((end - last) / settings.pollInterval)));
    this.forget();
  }

  /** A bucket may be finer than samples come: empty ones between two of those are no gaps. */
  dropShortGaps() {
    let known = null;
    let empty = [];
    for (const time of this.times) {
      if (isGap(this.buckets.get(time))) {
        empty.push(time);
        continue;
      }
      if (known !== null && time - known <= TOLERATED_SECONDS) {
        for (const each of empty) this.buckets.delete(each);
      }
      known = time;
      empty = [];
    }
  }

  /** Takes in a live sample, as the socket brings it. */
  add(metrics) {
    if (!this.isLoaded || this.window) return;
    const at = metrics.taken_at;
    const time = at - (at % this.step);
    if (this.lastSampleAt !== null && at <= this.lastSampleAt) return;
    this.fillGap(time, at);
    const row = this.buckets.get(time) ?? {};
    const count = this.counts.get(time) ?? 0;
    for (const name of SERIES) row[name] = joined(row[name] ?? GAP, metrics[name], count);
    this.buckets.set(time, row);
    this.counts.set(time, count + 1);
    this.lastSampleAt = at;
    this.forget();
  }

  fillGap(time, at) {
    if (this.lastSampleAt === null || at - this.lastSampleAt <= TOLERATED_SECONDS) return;
    const row = Object.fromEntries(SERIES.map((name) => [name, GAP]));
    const last = this.lastSampleAt - (this.lastSampleAt % this.step);
    for (let each = last + this.step; each < time; each += this.step) {
      if (!this.buckets.has(each)) this.buckets.set(each, row);
    }
  }

  /** One bucket older than the range stays, so that lines run up to the edge. */
  forget() {
    const oldest = this.start - this.step;
    for (const time of this.buckets.keys()) if (time < oldest) this.buckets.delete(time);
  }

  column(name, part, times) {
    return times.map((time) => this.buckets.get(time)[name][part]);
  }
}

function isGap(row) {
  return SERIES.every((name) => row[name][0] === null);
}

function joined([average, least, most], value, count) {
  if (value === null) return [average, least, most];
  if (average === null) return [value, value, value];
  return [
    (average * count + value) / (count + 1),
    Math.min(least, value),
    Math.max(most, value),
  ];
}
