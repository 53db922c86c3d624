// The charts of a server's page: what each draws, in which unit, up to where.

import { formats } from "./format.js";
import { words } from "./words.js";

const format = formats(words);

const powers = (base, count) => Array.from({ length: count }, (_, index) => base ** index);
const BYTE_STEPS = powers(2, 52);
const PERCENT_STEPS = [0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4];
const CPU_TOPS = [0.1, 0.25, 0.5, 1];
const LEAST_RATE = 10_000;

const withRoom = (value) => value * 1.08;
const untilLimit = (most, limit) => withRoom(Math.max(most, limit)) || 1;

const bytes = { text: format.size, steps: BYTE_STEPS, top: untilLimit };
const rates = {
  text: format.rate,
  steps: null,
  top: (most) => withRoom(Math.max(most, LEAST_RATE)),
};

const line = (series, label, colour, hasArea = false) => ({ series, label, colour, hasArea });

export const KINDS = {
  cpu: {
    text: format.percent,
    steps: PERCENT_STEPS,
    top: (most) => withRoom(CPU_TOPS.find((top) => top >= most) ?? most),
    lines: [line("cpu", words.used, "--chart-cpu", true)],
  },
  memory: {
    ...bytes,
    lines: [line("memory_used", words.used, "--chart-memory", true)],
    limit: line("memory_total", words.size, "--chart-limit"),
  },
  disk: {
    ...bytes,
    lines: [line("disk_used", words.used, "--chart-disk", true)],
    limit: line("disk_total", words.size, "--chart-limit"),
  },
  network: {
    ...rates,
    lines: [
      line("network_in", words.in, "--chart-in", true),
      line("network_out", words.out, "--chart-out"),
    ],
  },
  io: {
    ...rates,
    lines: [
      line("disk_read", words.read, "--chart-read", true),
      line("disk_write", words.write, "--chart-write"),
    ],
  },
};

export const shortText = format.short;
