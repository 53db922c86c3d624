// Which time the charts show: the last hours, live, or a window that stands still. It stands in the
// address, so that a reload and a link show the same.

import { now } from "./clock.js";
import { settings } from "./settings.js";

export const LONGEST = 7 * 86_400;
const SHORTEST = Math.max(60, 2 * settings.pollInterval);

/** A window that can be shown: neither too short nor too long, nothing of the future. */
export function fitting(from, until) {
  const length = Math.min(Math.max(until - from, SHORTEST), LONGEST);
  const middle = (from + until) / 2;
  const end = Math.min(Math.round(middle + length / 2), Math.floor(now()));
  return { from: Math.round(end - length), until: end };
}

/** As somebody asks for it: nothing before its beginning; of too long a time the last of it. */
export function entered(from, until) {
  const end = Math.min(until, now());
  return fitting(Math.max(from, end - LONGEST), end);
}

/** Twice as long, or half as long, around a time that stays where it is. */
export function scaled({ from, until }, factor, around) {
  const centre = Math.min(Math.max(around, from), until);
  return fitting(centre - (centre - from) * factor, centre + (until - centre) * factor);
}

/** As the address has it; null where it has none, or nonsense. */
export function fromAddress(search) {
  const query = new URLSearchParams(search);
  const [from, until] = ["from", "until"].map((name) => Date.parse(query.get(name) ?? "") / 1000);
  return from < until ? entered(from, until) : null;
}

export function asAddress({ from, until }) {
  return `?${new URLSearchParams({ from: iso(from), until: iso(until) })}`;
}

export function iso(at) {
  return new Date(Math.round(at) * 1000).toISOString().replace(".000", "");
}
