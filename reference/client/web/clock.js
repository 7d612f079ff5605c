// Where playing should stand: behind what arrives by the target latency, catching up by speed.

/** Above this distance (ms) the playhead jumps, below it only goes faster or slower. */
const JUMP = { first: 60, later: 1000 };
/** How long (ms) after the start the first of them holds: until then nobody has settled in. */
const SETTLING = 2500;
/** Fastest and slowest speed. */
const SPEED = { least: 0.92, most: 1.12 };
/** The fastest path of this many milliseconds counts. */
const WINDOW = 4000;
/** Part of the difference to the present that the shortest way loses with each arrival. */
const FORGET = 0.0003;
/** How many arrivals tell the jitter, which may double the target at most. */
const SAMPLES = 300;

/** The shortest way of one track from its media time to here in the last seconds. */
class Path {
  constructor() {
    this.windows = []; // { end, least }
    this.least = null;
    this.best = null; // the shortest way for as long as can be remembered
    this.recent = null; // the way just now, smoothed
    this.delays = []; // beyond the shortest way, newest last
  }
  add(offset, now) {
    const last = this.windows.at(-1);
    if (last === undefined || now >= last.end)
      this.windows.push({ end: now + WINDOW / 2, least: offset });
    else
      last.least = Math.min(last.least, offset);
    if (this.windows.length > 3) this.windows.shift();
    this.least = Math.min(...this.windows.map((w) => w.least));
    // Clocks drift against each other: what was best is forgotten within minutes.
    this.best = this.best === null ? this.least
      : Math.min(this.least, this.best + (this.least - this.best) * FORGET);
    this.recent = this.recent === null ? offset : this.recent + (offset - this.recent) * 0.1;
    this.delays.push(offset - this.least);
    if (this.delays.length > SAMPLES) this.delays.shift();
  }
  /** The delay that all but the worst half percent of arrivals stay below. */
  get jitter() {
    const sorted = [...this.delays].sort((a, b) => b - a);
    return sorted[Math.floor(sorted.length * 0.005)] ?? 0;
  }
}

/**
 * Maps the present to media time. Media times and `now` are milliseconds.
 *
 * The reference is the shortest way from capture to here that each track had in the last seconds,
 * of the slower track: media time that arrives on it plays `target` milliseconds later. Where
 * arrivals scatter more than the target covers, `extra` is added until they scatter less.
 */
export class PlayClock {
  constructor({ target = 100 } = {}) {
    this.target = target;
    this.reset();
  }
  reset() {
    this.paths = new Map(); // by track
    this.path = null;
    this.extra = 0;
    this.base = null; // { now, media }
    this.startedAt = null;
    this.rate = 1;
    this.jumps = 0;
  }
  /** Something with this media time has arrived over the live path of a track. */
  arrived(media, now, track = "") {
    let path = this.paths.get(track);
    if (!path) this.paths.set(track, path = new Path());
    path.add(now - media, now);
    this.path = Math.max(...[...this.paths.values()].map(({ least }) => least));
    if (this.base !== null) return;
    this.startedAt = now;
    this.base = { now, media: this.wanted(now) };
  }
  /** A track that nothing comes of any more. */
  forget(track) {
    this.paths.delete(track);
    if (this.paths.size !== 0)
      this.path = Math.max(...[...this.paths.values()].map(({ least }) => least));
  }
  /** How much longer (ms) the way has become than it was at best: a queue in the path. */
  get growth() {
    return Math.max(0, ...[...this.paths.values()].map(({ recent, best }) => recent - best));
  }
  get started() {
    return this.base !== null;
  }
  /** Where the playhead belongs. */
  wanted(now) {
    return now - this.path - this.target - this.extra;
  }
  /** The media time to be played now. */
  mediaTime(now) {
    if (this.base === null) return null;
    return this.base.media + (now - this.base.now) * this.rate;
  }
  #adjustExtra(now) {
    const paths = [...this.paths.values()];
    if (now - this.startedAt < SETTLING) { // how a page begins says little about the path
      for (const path of paths) path.delays = [];
      return;
    }
    const jitter = Math.max(...paths.map((path) => path.jitter));
    const wish = Math.min(Math.max(jitter + 15 - this.target, 0), this.target);
    this.extra += (wish - this.extra) * (wish > this.extra ? 1 : 0.02);
  }
  /** Chooses the speed anew; call it a few times a second. Gives the speed. */
  adjust(now) {
    if (this.base === null) return 1;
    this.#adjustExtra(now);
    const media = this.mediaTime(now);
    const behind = this.wanted(now) - media;
    const most = now - this.startedAt < SETTLING ? JUMP.first : JUMP.later;
    if (Math.abs(behind) > most) {
      ++this.jumps;
      this.base = { now, media: media + behind };
      this.rate = 1;
      return 1;
    }
    this.base = { now, media };
    // A second behind is made good in about three; a frame's worth of noise is left alone.
    const wish = Math.abs(behind) < 12 ? 1 : 1 + behind / 3000 + Math.sign(behind) * 0.01;
    this.rate = Math.min(Math.max(wish, SPEED.least), SPEED.most);
    return this.rate;
  }
}
