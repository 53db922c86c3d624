// How soon to ask again where no socket tells: at once while something is under way, otherwise when
// the next numbers are due, and less and less often where nobody answers. Seconds.

const BUSY = 3;
const SOON = 5;
const SLOWEST = 120;

export class Pace {
  /** `interval`: so often there are new numbers. */
  constructor(interval) {
    this.interval = interval;
    this.newest = 0;
    this.misses = 0;
    this.failures = 0;
  }

  /** After an answer: `newest` is when its newest numbers were taken. */
  after({ newest, isBusy, now }) {
    this.failures = 0;
    const isNew = newest > this.newest;
    this.newest = Math.max(this.newest, newest);
    this.misses = isNew ? 0 : this.misses + 1;
    if (isBusy) return BUSY;
    const due = isNew ? newest + this.interval + 1 - now : 0;
    const again = SOON * 1.5 ** (this.misses - 1);
    return Math.min(this.interval, Math.max(BUSY, isNew ? due : again));
  }

  /** After none; `wait` is what the server asked for. */
  afterFailure(wait = 0) {
    this.failures += 1;
    return Math.max(wait, Math.min(SLOWEST, SOON * 2 ** (this.failures - 1)));
  }
}
