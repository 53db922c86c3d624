// One chart: uPlot with our colours, gaps one sees, a limit, a cursor for pointer, touch and keys.

import { clockText, dayText, exactText, timeZone } from "./clock.js";
import { shortText } from "./chart-kinds.js";

// As a module it comes in full length alone: the short script is loaded before this.
const { uPlot } = window;

const DAY = 86400;
const AXIS_WIDTH = 60;
const FAR = 12;
// Less than this was a click, pixels.
const LEAST_DRAG = 6;
const DRAGGING = new Set(["mousedown", "mouseup", "dblclick"]);

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function faded(colour, percent) {
  return `color-mix(in srgb, ${colour} ${percent}%, transparent)`;
}

export class Chart {
  /** `shared` has from() and to(), the window in Unix seconds, and onCursor(index); where it can be
   * changed, zoom(from, to), scale(factor, around) and live() too, and wordsAt(time) for events.
   * `marks` are times to be seen: { from, to, colour, isFiring }, or { at, colour, shape } of a moment. */
  constructor({ element, title, kind, shared, cursorLabel, marks = [] }) {
    this.element = element;
    this.kind = kind;
    this.shared = shared;
    this.marks = marks;
    this.data = [[]];
    this.plot = null;
    element.tabIndex = 0;
    element.setAttribute("role", "slider");
    element.setAttribute("aria-label", cursorLabel);
    element.setAttribute("aria-orientation", "horizontal");
    element.dataset.title = title;
    this.describe(null);
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("blur", () => this.leave());
    element.addEventListener("pointerdown", (event) => this.touch(event));
    element.addEventListener("pointermove", (event) => this.touch(event));
    new ResizeObserver(() => this.fit()).observe(element);
  }

  get columns() {
    const { lines, limit } = this.kind;
    return [...lines.flatMap(({ series }) => [
      [series, 0],
      [series, 1],
      [series, 2],
    ]), ...(limit ? [[limit.series, 0]] : [])];
  }

  show(history, times) {
    this.step = history.step;
    this.data = [times, ...this.columns.map(([name, part]) => history.column(name, part, times))];
    if (this.plot) this.plot.setData(this.data);
    else this.build();
    this.describe(this.plot?.cursor.idx ?? null);
  }

  build() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (width === 0) return;
    this.plot = new uPlot({ width, height, ...this.options() }, this.data, this.element);
  }

  /** Colours live in the canvas: another theme means another plot. */
  rebuild() {
    if (!this.plot) return;
    this.clear();
    this.build();
  }

  clear() {
    this.plot?.destroy();
    this.plot = null;
  }

  fit() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (this.plot && width > 0) this.plot.setSize({ width, height });
    else if (this.data[0].length > 0) this.build();
  }

  options() {
    const axis = {
      stroke: token("--text-muted"),
      font: `11px ${token("--font")}`,
      grid: { stroke: token("--chart-grid"), width: 1 },
      ticks: { show: false },
    };
    return {
      padding: [10, 16, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: Boolean(this.shared.zoom), y: false, setScale: false, dist: LEAST_DRAG },
        // What is dragged over is this chart's own, until all of them are zoomed.
        sync: { key: "server", setSeries: false, scales: ["x", null], filters: { pub: (type) => !DRAGGING.has(type) } },
        bind: { dblclick: () => null },
        points: { size: 7, width: 2, fill: token("--surface") },
      },
      scales: {
        x: { range: () => [this.shared.from(), this.shared.to()] },
        y: { range: (_plot, _least, most) => [0, this.top(most)] },
      },
      // Days begin where they begin for the reader.
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), timeZone),
      axes: [
        { ...axis, size: 26, space: 64, values: timeLabels },
        {
          ...axis,
          size: AXIS_WIDTH,
          space: 34,
          values: (_plot, splits) => splits.map((value) => shortText(this.kind.text(value))),
          ...(this.kind.steps ? { incrs: this.kind.steps } : {}),
        },
      ],
      series: this.series(),
      bands: this.kind.lines.map((line, index) => ({
        series: [3 * index + 3, 3 * index + 2],
        fill: faded(token(line.colour), 26),
      })),
      hooks: {
        drawClear: [(plot) => this.drawGaps(plot), (plot) => this.drawMarks(plot)],
        setSelect: [(plot) => this.select(plot)],
        setCursor: [(plot) => this.shared.onCursor(plot.cursor.idx ?? null)],
      },
    };
  }

  select(plot) {
    const { left, width } = plot.select;
    if (width < LEAST_DRAG) return;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.shared.zoom(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
  }

  top(most) {
    const limits = this.kind.limit ? this.data.at(-1) : [];
    return this.kind.top(most ?? 0, Math.max(0, ...limits));
  }

  series() {
    const edge = { stroke: "transparent", width: 0, points: { show: false } };
    const lines = this.kind.lines.flatMap(({ colour, hasArea }) => [
      {
        stroke: token(colour),
        width: 1.75,
        ...(hasArea ? { fill: faded(token(colour), 9) } : {}),
        points: { show: true, size: 4, filter: lonely, fill: token(colour), width: 0 },
      },
      edge,
      edge,
    ]);
    const { limit } = this.kind;
    if (!limit) return [{}, ...lines];
    const dashes = { stroke: token(limit.colour), width: 1.25, dash: [5, 4] };
    return [{}, ...lines, { ...dashes, points: { show: false } }];
  }

  /** Nothing was measured there: hatched, so that nobody takes it for zero. */
  drawGaps(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = hatching(ctx);
    for (const [start, end] of this.gaps()) {
      const left = Math.max(bbox.left, plot.valToPos(start, "x", true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(end, "x", true));
      if (right - left >= 2) ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  }

  drawMarks(plot) {
    const { ctx, bbox } = plot;
    const across = (at) => Math.min(Math.max(plot.valToPos(at, "x", true), bbox.left), bbox.left + bbox.width);
    ctx.save();
    for (const { from, to, at, colour, isFiring, shape } of this.marks) {
      if ((to ?? at) < this.shared.from() || (from ?? at) > this.shared.to()) continue;
      ctx.fillStyle = ctx.strokeStyle = token(colour);
      if (at === undefined) this.drawSpan(ctx, bbox, across(from), across(Math.min(to, this.shared.to())), isFiring);
      else drawFlag(ctx, across(at), bbox, shape);
    }
    ctx.restore();
  }

  /** A tint over the height; a bar along the top, which is what is seen of a short one. */
  drawSpan(ctx, bbox, left, right, isFiring) {
    const width = Math.max(right - left, isFiring ? 2 : 0);
    ctx.globalAlpha = isFiring ? 0.16 : 0.12;
    ctx.fillRect(left, bbox.top, width, bbox.height);
    ctx.globalAlpha = 1;
    if (isFiring) ctx.fillRect(left, bbox.top, width, 3 * devicePixelRatio);
  }

  gaps() {
    const [times, values] = this.data;
    const known = times.filter((_, index) => values[index] !== null);
    if (known.length === 0) return [[this.shared.from(), this.shared.to()]];
    const isGap = new Set(times.filter((_, index) => values[index] === null));
    const found = [];
    if (known[0] - this.shared.from() > 2 * this.step) found.push([this.shared.from(), known[0]]);
    for (let index = 1; index < known.length; index += 1) {
      const [before, after] = [known[index - 1], known[index]];
      if (isGap.has(before + this.step)) found.push([before + this.step / 2, after]);
    }
    const last = known.at(-1) + this.step;
    if (this.shared.to() - last > 2 * this.step) found.push([last, this.shared.to()]);
    return found;
  }

  touch(event) {
    if (event.pointerType === "mouse" || !this.plot) return;
    const { left, top } = this.plot.over.getBoundingClientRect();
    this.plot.setCursor({ left: event.clientX - left, top: event.clientY - top }, true, true);
  }

  key(event) {
    // The browser's own: a larger page, the page before.
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.data[0].length - 1;
    const index = this.plot?.cursor.idx ?? last;
    const target = {
      ArrowLeft: index - 1,
      ArrowDown: index - 1,
      ArrowRight: index + 1,
      ArrowUp: index + 1,
      PageDown: index - FAR,
      PageUp: index + FAR,
      Home: this.first,
      End: last,
    }[event.key];
    if (event.key === "Escape") this.leave();
    if (this.shared.zoom && this.zoomKey(event.key)) {
      event.preventDefault();
      return;
    }
    if (target === undefined || !this.plot) return;
    event.preventDefault();
    this.point(Math.min(Math.max(target, this.first), last));
  }

  /** Around the cursor, or the middle. */
  zoomKey(key) {
    const around = this.data[0][this.plot?.cursor.idx] ?? (this.shared.from() + this.shared.to()) / 2;
    if (key === "+" || key === "=") this.shared.scale(0.5, around);
    else if (key === "-" || key === "_") this.shared.scale(2, around);
    else if (key === "0") this.shared.live();
    else return false;
    return true;
  }

  /** Moves the cursor to a time, or away. */
  pointAt(time) {
    if (time === null || !this.plot) {
      this.leave();
      return;
    }
    const left = this.plot.valToPos(time, "x");
    this.plot.setCursor({ left: Math.max(0, left), top: 1 }, true, true);
  }

  /** The first point in the window: the one before it is there for its line alone. */
  get first() {
    return Math.max(0, this.data[0].findIndex((time) => time >= this.shared.from()));
  }

  point(index) {
    const left = this.plot.valToPos(this.data[0][index], "x");
    this.plot.setCursor({ left: Math.max(0, left), top: 1 }, true, true);
  }

  leave() {
    this.plot?.setCursor({ left: -10, top: -10 }, true, true);
  }

  /** The values at an index, or the latest known: [{ line, average, least, most }]. */
  valuesAt(index) {
    const { lines, limit } = this.kind;
    const all = [...lines, ...(limit ? [limit] : [])];
    return all.map((line, number) => {
      const first = 1 + 3 * number;
      const isLimit = line === limit;
      const at = index ?? lastKnown(this.data[first]);
      const [average, least, most] = [0, 1, 2].map(
        (part) => this.data[isLimit ? first : first + part]?.[at] ?? null,
      );
      return { line, average, least, most };
    });
  }

  /** For who moves the cursor by keys and hears where it stands. */
  describe(index) {
    const at = index ?? this.data[0].length - 1;
    const values = this.valuesAt(index).map(
      ({ line, average }) => `${line.label} ${this.kind.text(average) || "–"}`,
    );
    const time = this.data[0][at];
    const attributes = {
      "aria-valuemin": this.first,
      "aria-valuemax": Math.max(this.first, this.data[0].length - 1),
      "aria-valuenow": Math.max(this.first, at),
      "aria-valuetext": [time ? exactText(time) : "", ...values, this.shared.wordsAt?.(time) ?? ""]
        .filter(Boolean)
        .join(", "),
    };
    for (const [name, value] of Object.entries(attributes)) this.element.setAttribute(name, value);
  }
}

function lastKnown(values) {
  return values?.findLastIndex((value) => value !== null) ?? -1;
}

/** Points between two gaps have no line to be seen by. */
function lonely(plot, number) {
  const values = plot.data[number];
  const found = [];
  values.forEach((value, index) => {
    if (value !== null && (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null) {
      found.push(index);
    }
  });
  return found;
}

/** 14:00, and the day where one begins. */
function timeLabels(_plot, splits, _axis, _space, step) {
  return splits.map((at, index) => {
    if (step >= DAY) return dayText(at);
    const isNewDay = index > 0 && dayText(at) !== dayText(splits[index - 1]);
    return isNewDay ? dayText(at) : clockText(at);
  });
}

/** A moment: a triangle at the top, a square for a snapshot, with a line below it for what was done. */
function drawFlag(ctx, x, { top, height }, shape) {
  const size = 5 * devicePixelRatio;
  if (shape === "snapshot") ctx.fillRect(x - size, top - size, 2 * size, 1.5 * size);
  else drawTriangle(ctx, x, top, size);
  if (!shape) return;
  ctx.globalAlpha = 0.5;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, top + size / 2);
  ctx.lineTo(x, top + height);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
}

function drawTriangle(ctx, x, top, size) {
  ctx.beginPath();
  ctx.moveTo(x - size, top - size);
  ctx.lineTo(x + size, top - size);
  ctx.lineTo(x, top + size / 2);
  ctx.fill();
}

function hatching(ctx) {
  const tile = document.createElement("canvas");
  tile.width = 8;
  tile.height = 8;
  const pen = tile.getContext("2d");
  pen.strokeStyle = token("--chart-gap");
  pen.lineWidth = 1.5;
  for (const shift of [-8, 0, 8]) {
    pen.moveTo(shift - 1, 9);
    pen.lineTo(shift + 9, -1);
  }
  pen.stroke();
  return ctx.createPattern(tile, "repeat");
}
