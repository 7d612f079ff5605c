// How much to send: less when the send queue grows, more again when it stays empty.

/** Parts of the wanted bitrate, and which frames are encoded: every one, or every second. */
export const STEPS = [
  { scale: 1, every: 1 }, { scale: 0.65, every: 1 }, { scale: 0.4, every: 1 },
  { scale: 0.25, every: 2 }, { scale: 0.12, every: 2 },
];
const DOWN_AFTER = 400; // ms
const UP_AFTER = 5000; // ms
/** Seconds of video that wait to be sent. */
const GROWN = 0.35;
const SMALL = 0.08;
const HOPELESS = 2;
const DROP_AGAIN = 1000; // ms

export class Ladder {
  constructor() {
    this.level = 0;
    this.grownSince = null;
    this.smallSince = null;
    this.droppedAt = -Infinity;
  }
  get step() {
    return STEPS[this.level];
  }
  /**
   * Looks at the queue: `unsent` bytes with the whole `bitrate` wanted. Gives "down", "up", "drop"
   * (what waits is too old to be worth sending) or null.
   */
  look(unsent, bitrate, now) {
    // What waits was encoded at a higher step as a rule: the lowest ones would exaggerate.
    const seconds = (unsent * 8) / (bitrate * Math.max(this.step.scale, 0.4));
    if (seconds > SMALL) this.smallSince = null;
    else this.smallSince ??= now;
    if (seconds < GROWN) this.grownSince = null;
    else this.grownSince ??= now;
    if (seconds > HOPELESS) {
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
