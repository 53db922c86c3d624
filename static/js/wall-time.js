// What a date-time field holds, in the person's own time zone, and Unix seconds.

import { timeZone } from "./clock.js";

const PARTS = new Intl.DateTimeFormat("sv-SE", {
  timeZone,
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
});

/** 2026-05-12T14:03 */
export function wallText(at) {
  return PARTS.format(new Date(at * 1000)).replace(" ", "T");
}

/** NaN for what is no time. One that the clocks pass over is the one that comes after. */
export function unixOf(text) {
  const asIfUtc = Date.parse(`${text}Z`) / 1000;
  if (Number.isNaN(asIfUtc)) return NaN;
  const offset = (at) => Date.parse(`${wallText(at)}Z`) / 1000 - Math.floor(at / 60) * 60;
  const guess = asIfUtc - offset(asIfUtc);
  return asIfUtc - offset(guess);
}
