// Runs on the audio thread: plays decoded samples where the main thread says the playhead stands.

/** Seconds of difference that are jumped over; smaller ones are made good by speed. */
const SNAP = 0.06;
const MOST_QUEUED = 20; // seconds

class Output extends AudioWorkletProcessor {
  constructor() {
    super();
    this.chunks = []; // { time (s), rate, channels: [Float32Array] }, in order of time
    this.head = null; // { media (s), at (s of the context), speed }
    this.position = null; // media time of the next output sample, s
    this.statistics = { frames: 0, sum: 0, peak: 0, silent: 0, snaps: 0 };
    this.blocks = 0;
    this.port.onmessage = ({ data }) => {
      if (data.chunk) this.#queue(data.chunk);
      if (data.head) this.head = data.head;
      if (data.clear) {
        this.chunks = [];
        this.position = null;
      }
    };
  }
  #queue(chunk) {
    const last = this.chunks.at(-1);
    if (last && chunk.time < last.time) this.chunks = []; // a new beginning
    this.chunks.push(chunk);
    while (this.chunks.length !== 0 && chunk.time - this.chunks[0].time > MOST_QUEUED)
      this.chunks.shift();
  }
  /** Drops what lies wholly before `time`. */
  #trim(time) {
    while (this.chunks.length !== 0) {
      const first = this.chunks[0];
      if (first.time + first.channels[0].length / first.rate > time) return;
      this.chunks.shift();
    }
  }

  process(_, outputs) {
    const out = outputs[0];
    const count = out[0].length;
    if (this.head !== null && this.head.speed > 0) this.#play(out, count);
    if (++this.blocks % 32 === 0) {
      this.port.postMessage({ ...this.statistics,
        queued: this.chunks.length === 0 || this.position === null ? 0
          : this.chunks.at(-1).time - this.position });
      this.statistics.peak = this.statistics.sum = 0;
      this.statistics.frames = 0;
    }
    return true;
  }
  #play(out, count) {
    const wanted = this.head.media + (currentTime - this.head.at) * this.head.speed;
    if (this.position === null || Math.abs(wanted - this.position) > SNAP) {
      if (this.position !== null) ++this.statistics.snaps;
      this.position = wanted;
    }
    // A third of the difference is made good within a second.
    const speed = this.head.speed * (1 + (wanted - this.position) / 3);
    const step = speed / sampleRate;
    this.#trim(this.position);
    let at = 0; // chunk
    for (let i = 0; i < count; ++i, this.position += step) {
      let chunk = this.chunks[at];
      while (chunk && (this.position - chunk.time) * chunk.rate >= chunk.channels[0].length)
        chunk = this.chunks[++at];
      const place = chunk ? (this.position - chunk.time) * chunk.rate : -1;
      if (place < 0) {
        ++this.statistics.silent;
        for (const channel of out) channel[i] = 0;
        continue;
      }
      const below = Math.floor(place);
      const part = place - below;
      for (let c = 0; c < out.length; ++c) {
        const samples = chunk.channels[Math.min(c, chunk.channels.length - 1)];
        // The sample after the last of a chunk is the first of the next one.
        const next = below + 1 < samples.length ? samples[below + 1]
          : this.chunks[at + 1]?.channels[Math.min(c, chunk.channels.length - 1)]?.[0]
            ?? samples[below];
        out[c][i] = samples[below] * (1 - part) + next * part;
      }
      const level = Math.abs(out[0][i]);
      this.statistics.peak = Math.max(this.statistics.peak, level);
      this.statistics.sum += level * level;
      ++this.statistics.frames;
    }
  }
}

registerProcessor("moqrtc-output", Output);
