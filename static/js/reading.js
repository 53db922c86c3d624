// Which of a server's numbers may be shown, and how old they are.
// servers/templatetags/reading.py decides the same when it renders a page.

import { settings } from "./settings.js";

const MEASURED = new Set(["running", "unknown"]);
const WARNING = 0.65;
const CRITICAL = 0.9;

/**
 * A stopped server has no numbers. Of one out of sight the last ones are shown, as old.
 * `server` is { status, statusSince, takenAt }, times in Unix seconds.
 */
export function read(server, now) {
  const isMeasured = MEASURED.has(server.status);
  const isUnknown = server.status === "unknown";
  const isOfEarlierRun =
    server.status === "running" && server.takenAt < server.statusSince - settings.pollInterval;
  if (!isMeasured || server.takenAt === null || isOfEarlierRun) {
    return { age: null, isMeasured, isStale: isUnknown };
  }
  const age = Math.max(0, Math.floor(now) - server.takenAt);
  return { age, isMeasured, isStale: isUnknown || age > settings.staleAfter };
}

export function share(used, total) {
  return used !== null && total ? used / total : null;
}

export function level(value) {
  if (value === null) return "none";
  if (value >= CRITICAL) return "critical";
  return value >= WARNING ? "warning" : "fine";
}
