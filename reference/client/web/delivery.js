// How full the path is, as far as a page can know.

/** Above this delay (ms) of what was handed over, streams that can wait are not written to. */
export const CONGESTED = 200;

/**
 * How long the browser and the path take to deliver what they were handed. Nothing says it but the
 * closing of streams, which is confirmed when all their bytes have arrived.
 */
export class Delivery {
  constructor() {
    this.closing = new Map(); // stream to when its closing began
    this.shortest = Infinity;
    this.last = { at: -Infinity, delay: 0 };
  }
  began(stream, now) {
    this.closing.set(stream, now);
  }
  ended(stream, now) {
    const took = now - this.closing.get(stream);
    this.closing.delete(stream);
    this.shortest = Math.min(this.shortest, took);
    this.last = { at: now, delay: took - this.shortest };
  }
  /** Milliseconds beyond the shortest delivery. */
  delay(now) {
    let most = now - this.last.at < 500 ? this.last.delay : 0;
    const usual = this.shortest === Infinity ? CONGESTED : this.shortest;
    for (const began of this.closing.values()) most = Math.max(most, now - began - usual);
    return most;
  }
}
