// Which rendition to play: by how fast bytes come when they come in a row, and by what is buffered.

const BUSY_GAP = 15; // ms: pieces that are closer than this came in one go
const LONGEST_BURST = 500; // ms: on a full path bytes never stop coming
const LEAST_BURST = 16_384; // bytes: shorter bursts say nothing of the path
const HEADROOM_UP = 1.5;
const HEADROOM_DOWN = 1.05;
const HOLD_UP = 6000; // ms between steps up
const MOST_HOLD_UP = 60_000;
const FAILED = 15_000; // ms: a step up that is taken back within this time was wrong
const HOLD_DOWN = 1500; // ms between steps down
/** Trouble (ms) with the least rendition before pictures are left out: more without a reason. */
const GIVE_UP = { scarce: 4000, unknown: 15_000 };

/** Estimates the path's throughput from bursts: a live stream uses less than there is. */
export class Throughput {
  constructor() {
    this.estimate = null; // bits per second
    this.burst = null;
  }
  /** `bytes` came at `now` (ms). */
  add(bytes, now) {
    const b = this.burst;
    if (b !== null && now - b.last <= BUSY_GAP && now - b.start <= LONGEST_BURST) {
      b.bytes += bytes; // of the first piece nobody knows how long it took
      b.last = now;
      return;
    }
    this.#finish();
    this.burst = { start: now, last: now, bytes: 0 };
  }
  #finish() {
    const b = this.burst;
    if (b === null || b.bytes < LEAST_BURST) return;
    // Bytes that lay ready in the browser come in no time: as fast as one millisecond, no faster.
    const rate = (b.bytes * 8000) / Math.max(b.last - b.start, 1);
    this.estimate = this.estimate === null ? rate : this.estimate * 0.7 + rate * 0.3;
  }
}

/** Chooses among renditions, best first, each with a `bitrate` (bits per second, or null). */
export class Abr {
  constructor() {
    this.reset();
  }
  reset() {
    this.changedAt = -Infinity;
    this.wentUpAt = -Infinity;
    this.holdUp = HOLD_UP;
    this.troubleSince = null;
  }
  /**
   * The rendition to play: its index, with the reason when it is another one, or null to play none
   * because even the least does not come through.
   *
   * @param state.buffer what is buffered, in relation to the target (1: as much as wanted)
   * @param state.late whether pictures have come too late since the last look
   */
  choose(renditions, current, { throughput, buffer, late }, now) {
    const same = { index: current, why: null };
    if (current >= renditions.length) return { index: renditions.length - 1, why: "gone" };
    if (buffer >= 0.5 && !late) this.troubleSince = null;
    else this.troubleSince ??= now;
    const trouble = this.troubleSince !== null && now - this.troubleSince > 700;
    const need = renditions[current].bitrate ?? 0;
    const scarce = throughput !== null && need !== 0 && throughput < need * HEADROOM_DOWN;
    if (trouble && (scarce || late) && now - this.changedAt > HOLD_DOWN) {
      // A step up that did not last is tried again later each time.
      const wasWrong = now - this.wentUpAt < FAILED;
      this.holdUp = wasWrong ? Math.min(this.holdUp * 2, MOST_HOLD_UP) : HOLD_UP;
      const isLeast = current + 1 >= renditions.length;
      if (isLeast && now - this.troubleSince < (scarce ? GIVE_UP.scarce : GIVE_UP.unknown))
        return same;
      this.changedAt = now;
      this.troubleSince = null;
      if (isLeast) return { index: null, why: "audio only" };
      let index = current + 1;
      while (scarce && index + 1 < renditions.length &&
        (renditions[index].bitrate ?? 0) * HEADROOM_DOWN > throughput) ++index;
      return { index, why: scarce ? "throughput" : "late" };
    }
    if (current > 0 && this.troubleSince === null && buffer >= 0.8 &&
      now - this.changedAt > this.holdUp) {
      const wish = renditions[current - 1].bitrate;
      if (throughput === null || wish === null || throughput > wish * HEADROOM_UP) {
        this.changedAt = this.wentUpAt = now;
        return { index: current - 1, why: "room" };
      }
    }
    return same;
  }
}
