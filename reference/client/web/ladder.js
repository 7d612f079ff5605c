// How much to send: less when the send queue grows, more again when it stays empty.

/** Parts of the wanted bitrate, and which frames are encoded: every one, or every second. */
export const STEPS = [
  { scale: 1, every: 1 }, { scale: 0.65, every: 1 }, { scale: 0.4, every: 1 },
  { scale: 0.25, every: 2 }, { scale: 0.12, every: 2 },
];
const DOWN_AFTER = 400; // ms
const UP_AFTER = 5000; // ms
const DROP_AGAIN = 1000; // ms
/** Milliseconds that what goes out now has waited. */
const GROWN = 300;
const SMALL = 160;
const HOPELESS = 1200;

export class Ladder {
  constructor() {
    this.level = 0;
    this.reset();
  }
  /** Another connection: its queue is empty. */
  reset() {
    this.age = 0;
    this.history = []; // { now, written }
    this.grownSince = null;
    this.smallSince = null;
    this.droppedAt = -Infinity;
  }
  get step() {
    return STEPS[this.level];
  }
  /**
   * Looks at the queue: bytes that were `written` to it and that were `sent` from it, ever. Gives
   * "down", "up", "drop" (what waits is too old to be worth sending) or null.
   */
  look(written, sent, now) {
    // What was given up is neither written nor sent: the account begins anew.
    if (written < (this.history.at(-1)?.written ?? 0)) this.history = [];
    this.history.push({ now, written });
    // The youngest moment before which everything has gone out.
    while (this.history.length > 1 && this.history[1].written <= sent) this.history.shift();
    this.age = written <= sent ? 0 : now - this.history[0].now;
    if (this.age > SMALL) this.smallSince = null;
    else this.smallSince ??= now;
    if (this.age < GROWN) this.grownSince = null;
    else this.grownSince ??= now;
    if (this.age > HOPELESS) {
      if (now - this.droppedAt < DROP_AGAIN) return null;
      this.droppedAt = now;
      this.level = STEPS.length - 1;
      this.grownSince = null;
      return "drop";
    }
    if (this.grownSince !== null && now - this.grownSince > DOWN_AFTER &&
      this.level + 1 < STEPS.length) {
      ++this.level;
      this.grownSince = null;
      return "down";
    }
    if (this.smallSince !== null && now - this.smallSince > UP_AFTER && this.level > 0) {
      --this.level;
      this.smallSince = now;
      return "up";
    }
    return null;
  }
}
