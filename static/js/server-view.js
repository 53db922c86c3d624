// One server as it stands on a page: the row of a list, or the whole of its own page.

import { localise } from "./clock.js";
import { formats } from "./format.js";
import { level, read, share } from "./reading.js";
import { fill, words } from "./words.js";

const format = formats(words);
const NOTHING = "–";

const FIELDS = {
  cpu: (m) => format.percent(m.cpu),
  memory: (m) => format.usedOf(m.memory_used, m.memory_total),
  memory_used: (m) => format.size(m.memory_used),
  disk: (m) => (m.disk_used === null ? words.notKnown : format.usedOf(m.disk_used, m.disk_total)),
  disk_used: (m) => (m.disk_used === null ? words.notKnown : format.size(m.disk_used)),
  network_in: (m) => format.rate(m.network_in),
  network_out: (m) => format.rate(m.network_out),
  disk_read: (m) => format.rate(m.disk_read),
  disk_write: (m) => format.rate(m.disk_write),
  uptime: (m) => format.duration(m.uptime),
};

// The size is known also while nothing is measured.
const NOTES = {
  memory_note: (m, isShown) => shareNote(isShown ? m.memory_used : null, m.memory_total),
  disk_note: (m, isShown) => shareNote(isShown ? m.disk_used : null, m.disk_total),
};

const METERS = {
  cpu: (m) => m.cpu,
  memory: (m) => share(m.memory_used, m.memory_total),
  disk: (m) => share(m.disk_used, m.disk_total),
};

function shareNote(used, total) {
  if (total === null) return "";
  const size = format.size(total);
  const part = share(used, total);
  if (part === null) return fill(words.sizeAlone, { size });
  return fill(words.shareOf, { share: format.percent(part), size });
}

const seconds = (text) => Date.parse(text) / 1000;

/** Writes only what differs, so that a selection or a screen reader is left in peace. */
function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

export class ServerView {
  constructor(element) {
    const data = element.dataset;
    this.element = element;
    this.id = Number(data.server);
    this.name = data.name;
    this.status = data.status;
    this.statusSince = seconds(data.statusSince);
    this.takenAt = data.takenAt ? Number(data.takenAt) : null;
    this.metrics = null;
    this.isLost = false;
    this.isStale = data.stale === "true";
    // Of an action that ended an older word may still come.
    this.endedAction = 0;
  }

  field(name) {
    return this.element.querySelector(`[data-field="${name}"]`);
  }

  /**
   * Takes in what came over the socket or from the API, in whatever order that was.
   * Returns what it did: { sample: a newer one came, status: it changed }.
   */
  take({ status, status_since, lock, metrics, action }, now) {
    const done = { sample: false, status: false };
    // Who is told of a server may see it, again where it was lost before.
    this.isLost = false;
    if (status !== undefined && seconds(status_since) >= this.statusSince) {
      done.status = status !== this.status;
      this.status = status;
      this.statusSince = seconds(status_since);
      this.showStatus(status_since);
      this.showLock(lock ?? "");
    }
    if (action !== undefined) this.takeAction(action);
    if (metrics && (this.takenAt === null || metrics.taken_at >= this.takenAt)) {
      done.sample = this.takenAt === null || metrics.taken_at > this.takenAt;
      this.metrics = metrics;
      this.takenAt = metrics.taken_at;
    }
    this.showNumbers(now);
    return done;
  }

  showStatus(since) {
    const badge = this.field("status");
    badge.dataset.status = this.status;
    write(badge, words.statuses[this.status] ?? this.status);
    const time = this.field("since");
    if (time && time.dateTime !== since) {
      time.dateTime = since;
      time.parentElement.hidden = false;
      localise(time.parentElement);
    }
    this.element.dataset.status = this.status;
  }

  showLock(lock) {
    const badge = this.field("lock");
    badge.hidden = !lock;
    write(badge.querySelector("[data-text]"), words.locks[lock] ?? lock);
  }

  /** The one that is under way; null where none is. */
  takeAction(action) {
    if (action?.finished_at) this.endedAction = Math.max(this.endedAction, action.id);
    const element = this.field("action");
    if (!element) return;
    const shown = Number(element.dataset.action);
    if (action?.finished_at && shown > action.id) return;
    const isActive = Boolean(action) && action.id > this.endedAction;
    element.hidden = !isActive;
    element.dataset.action = isActive ? action.id : "";
    if (!isActive) return;
    write(element.querySelector("[data-text]"), words.doing[action.type] ?? action.type);
    const time = element.querySelector("time");
    if (time.dateTime !== action.requested_at) {
      time.dateTime = action.requested_at;
      localise(element);
    }
  }

  showNumbers(now) {
    const reading = read(this, now);
    const shown = reading.age === null ? null : this.metrics;
    // Before the first answer what the server rendered stands, unless there is nothing to show.
    if (shown || reading.age === null) {
      for (const [name, text] of Object.entries(FIELDS)) {
        write(this.field(name), (shown && text(shown)) || NOTHING);
      }
      for (const [name, text] of Object.entries(NOTES)) {
        if (this.metrics) write(this.field(name), text(this.metrics, shown !== null));
      }
      for (const [name, value] of Object.entries(METERS)) this.showMeter(name, shown && value(shown));
      this.showSources(shown);
    }
    this.showDiskAge(now);
    this.showAge(reading);
  }

  showMeter(name, value) {
    const meter = this.element.querySelector(`[data-meter="${name}"]`);
    if (!meter) return;
    meter.dataset.level = level(value);
    const width = Math.min(Math.max(value ?? 0, 0), 1) * 100;
    meter.lastElementChild.setAttribute("width", `${width.toFixed(1)}%`);
  }

  showSources(metrics) {
    const isKnown = !metrics || metrics.disk_used !== null;
    for (const name of ["disk", "disk_used"]) {
      const figure = this.field(name);
      if (figure) figure.dataset.known = isKnown;
    }
    const reason = this.field("disk_reason");
    if (reason) reason.hidden = isKnown;
    for (const element of this.element.querySelectorAll("[data-source]")) {
      write(element, words.sources[metrics?.sources[element.dataset.source]] ?? "");
    }
  }

  /** The guest agent is asked less often than the host. */
  showDiskAge(now) {
    if (read(this, now).age === null) {
      write(this.field("disk_age"), "");
      return;
    }
    // Before the first answer what the server rendered stands.
    if (!this.metrics) return;
    const { disk_measured_at: at, sources } = this.metrics;
    const isTold = sources.disk === "agent" && at !== null;
    write(this.field("disk_age"), isTold ? `, ${format.ago(Math.max(0, now - at))}` : "");
  }

  showAge(reading) {
    const ago = format.ago(reading.age);
    let text = reading.isMeasured ? words.noNumbers : "";
    if (this.isLost) text = words.lost;
    else if (ago) text = reading.isStale ? fill(words.lastSeen, { ago }) : ago;
    write(this.field("age"), text);
    this.isStale = reading.isStale || this.isLost;
    this.element.dataset.stale = this.isStale;
  }

  /** Once a second: numbers grow old by themselves. */
  tick(now) {
    this.showDiskAge(now);
    this.showAge(read(this, now));
  }

  /** It is gone, or not ours any more. */
  lose(now) {
    this.isLost = true;
    this.tick(now);
  }
}
