// Plays with WebCodecs: video onto a canvas, audio through a worklet, both by one clock.
import { AudioPlayer } from "./audio_player.js";
import { PlayClock } from "./clock.js";
import { counterAge, readCounter } from "./counter.js";

/** Decoded pictures are large and few decoders like to wait: no more than these are kept. */
const MOST_DECODED = 12;
const ADJUST = 100; // ms
/** So much longer (ms) than at best is late, too, although playing follows it. */
const QUEUED = 350;
/** A picture this late (ms) is still shown before the next one: screens are faster than pictures. */
const SLACK = 35;
/** So long after joining or a leap pictures are left out in order to settle, not dropped. */
const SETTLING = 1000; // ms

export class CodecEngine {
  /**
   * @param options.onFirstFrame, options.onTrouble(error) as they say
   * @param options.latencies takes a sample of glass-to-glass latency (ms, source)
   */
  constructor({ canvas, target, onFirstFrame, onTrouble, onLatency, measure = false }) {
    Object.assign(this, { canvas, onFirstFrame, onTrouble, onLatency, measure });
    this.name = "webcodecs";
    this.context = canvas.getContext("2d", { alpha: false, desynchronized: true });
    this.clock = new PlayClock({ target });
    this.audio = new AudioPlayer({ onTrouble });
    this.encoded = []; // frames in decode order
    this.decoded = []; // VideoFrames in order of time
    this.captures = new Map(); // timestamp to capture time
    this.decoder = null;
    this.waitsForKey = true;
    this.videoFrom = null;
    this.counts = { decoded: 0, shown: 0, dropped: 0 };
    this.shownFirst = false;
    this.lateSince = 0;
    this.videoUntil = null; // newest media time received, ms
    this.shownAt = null;
    this.hasVideo = this.hasAudio = false;
    this.paused = false;
    this.running = true;
    this.framedAt = performance.now();
    this.standIn = null;
    this.timer = setInterval(() => this.#adjust(), ADJUST);
    requestAnimationFrame(this.#frameLoop);
  }

  setTarget(ms) {
    this.clock.target = ms;
  }
  setMuted(muted) {
    this.audio.setMuted(muted);
  }

  /** What comes next belongs to this track; a decoder is made anew when it has to be. */
  configureVideo({ codec, description, width, height }) {
    this.hasVideo = true;
    const config = { codec, optimizeForLatency: true };
    if (width && height) Object.assign(config, { codedWidth: width, codedHeight: height });
    if (description && description.length !== 0) config.description = description;
    this.encoded.push({ configure: config });
  }
  configureAudio(config) {
    this.hasAudio = true;
    this.audio.configure(config);
  }
  dropVideo() {
    this.hasVideo = false;
    this.clock.forget("video");
    this.#unsettle();
    this.encoded = [];
    this.#closeFrames();
    this.#closeDecoder();
    this.videoUntil = null;
  }

  pushVideo(frame, object) {
    this.videoUntil = Math.max(this.videoUntil ?? -Infinity, frame.timestamp / 1000);
    if (!object.fetched) this.clock.arrived(frame.decodeTime / 1000, object.arrival, "video");
    this.encoded.push(frame);
    this.#feed();
  }
  pushAudio(frame, object) {
    if (!object.fetched) this.clock.arrived(frame.timestamp / 1000, object.arrival, "audio");
    this.audioUntil = (frame.timestamp + (frame.duration ?? 20_000)) / 1000;
    this.audio.decode(frame);
  }

  /** How much lies ahead of the playhead, in ms. */
  get bufferMs() {
    const media = this.clock.mediaTime(performance.now());
    if (media === null) return 0;
    const ends = [];
    if (this.hasVideo && this.videoUntil !== null) ends.push(this.videoUntil);
    if (this.hasAudio && this.audioUntil !== undefined) ends.push(this.audioUntil);
    return ends.length === 0 ? 0 : Math.max(0, Math.min(...ends) - media);
  }
  /** Whether pictures came too late since the last look. */
  takeLate() {
    const late = this.lateSince > 2 || this.clock.growth > QUEUED;
    this.lateSince = 0;
    return late;
  }
  get playbackRate() {
    return this.clock.rate;
  }

  // Decoding --------------------------------------------------------------------------------------

  #feed() {
    while (this.encoded.length !== 0 && this.#wantsMore()) {
      const next = this.encoded.shift();
      if (next.configure) this.#configure(next.configure);
      else this.#decode(next);
    }
  }
  #wantsMore() {
    const queued = this.decoder?.state === "configured" ? this.decoder.decodeQueueSize : 0;
    return this.decoded.length + queued < MOST_DECODED;
  }
  #configure(config) {
    if (this.decoder?.state === "configured") {
      const old = this.decoder;
      old.flush().then(() => old.close(), () => {});
    }
    this.config = config;
    this.waitsForKey = true;
    this.decoder = new VideoDecoder({
      output: (frame) => this.#output(frame),
      error: (error) => this.#failed(error),
    });
    try {
      this.decoder.configure(config);
    } catch (error) {
      this.#failed(error);
    }
  }
  #decode(frame) {
    if (frame.description && !this.config?.description) {
      this.#configure({ ...this.config, description: frame.description });
    }
    if (this.decoder?.state !== "configured") return;
    if (this.waitsForKey && !frame.key) {
      ++this.counts.dropped;
      return;
    }
    this.waitsForKey = false;
    const timestamp = Math.round(frame.timestamp);
    if (frame.capture !== null) this.captures.set(timestamp, frame.capture);
    if (this.captures.size > 200) this.captures.delete(this.captures.keys().next().value);
    try {
      this.decoder.decode(new EncodedVideoChunk({ type: frame.key ? "key" : "delta", timestamp,
        duration: frame.duration === null ? undefined : Math.round(frame.duration),
        data: frame.data }));
    } catch (error) {
      this.#failed(error);
    }
  }
  #failed(error) {
    this.#closeDecoder();
    this.onTrouble(error);
    // A damaged picture is no reason to stop: the next keyframe starts anew.
    if (this.config && this.running) this.encoded.unshift({ configure: this.config });
  }
  #output(frame) {
    ++this.counts.decoded;
    if (!this.running || !this.hasVideo) return frame.close();
    const at = this.decoded.findLastIndex((one) => one.timestamp <= frame.timestamp);
    this.decoded.splice(at + 1, 0, frame);
    if (!this.shownFirst) this.#show(this.decoded.shift());
    this.#skipPassed();
    this.#feed();
  }
  /** While catching up pictures are decoded that nobody needs to see. */
  #skipPassed() {
    const media = this.clock.mediaTime(performance.now());
    if (media === null) return;
    const slack = this.met ? SLACK : 0;
    while (this.decoded.length > 1 && this.decoded[1].timestamp / 1000 + slack <= media) {
      this.decoded.shift().close();
      this.#skipped();
    }
  }
  #unsettle() {
    this.met = false;
    this.metAt = null;
  }
  #settle() {
    this.metAt ??= performance.now();
    this.met = performance.now() - this.metAt > SETTLING;
  }
  #skipped() {
    // Until the playhead has been met, skipping is how a late joiner gets there.
    if (!this.met) return;
    ++this.counts.dropped;
    ++this.lateSince;
  }

  // Showing ---------------------------------------------------------------------------------------

  #frameLoop = () => {
    if (!this.running) return;
    this.framedAt = performance.now();
    clearInterval(this.standIn);
    this.standIn = null;
    this.#frame();
    requestAnimationFrame(this.#frameLoop);
  };
  #frame() {
    if (this.paused || this.decoded.length === 0) return;
    const media = this.clock.mediaTime(performance.now());
    if (media === null) return;
    this.#skipPassed();
    const next = this.decoded[0];
    if (next && next.timestamp / 1000 <= media) {
      if (this.encoded.length === 0 || media - next.timestamp / 1000 < 100) this.#settle();
      this.#show(this.decoded.shift());
      this.#feed();
    }
  }
  #show(frame) {
    const { canvas } = this;
    const { displayWidth: width, displayHeight: height } = frame;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    this.context.drawImage(frame, 0, 0, width, height);
    ++this.counts.shown;
    this.shownTime = frame.timestamp;
    const capture = this.captures.get(frame.timestamp);
    this.captures.delete(frame.timestamp);
    frame.close();
    if (!this.shownFirst) {
      this.shownFirst = true;
      this.onFirstFrame();
    }
    if (this.measure) {
      const value = readCounter(canvas, width, height);
      const age = value === null ? null : counterAge(value);
      if (age !== null && this.met) return this.onLatency(age, "counter");
    }
    if (capture !== undefined && this.met) this.onLatency(Date.now() - capture, "capture");
  }
  readCounter() {
    return readCounter(this.canvas, this.canvas.width, this.canvas.height);
  }

  #adjust() {
    const now = performance.now();
    this.#startWithoutLive(now);
    const { jumps } = this.clock;
    const speed = this.clock.adjust(now);
    if (this.clock.jumps !== jumps) this.#unsettle();
    const media = this.clock.mediaTime(now);
    if (media === null) return;
    this.audio.setHead(media, this.paused ? 0 : speed);
    // A page behind another one is called back once a second at most.
    if (now - this.framedAt > 60) this.standIn ??= setInterval(() => this.#frame(), 15);
    this.#feed();
  }
  /** Where nothing live follows what was fetched, its end is where playing stands. */
  #startWithoutLive(now) {
    const until = this.videoUntil ?? this.audioUntil;
    if (this.clock.started || until === undefined) return;
    this.waitedSince ??= now;
    if (now - this.waitedSince > 400) this.clock.arrived(until, now);
  }
  #closeFrames() {
    for (const frame of this.decoded) frame.close();
    this.decoded = [];
  }
  #closeDecoder() {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
    this.waitsForKey = true;
  }
  /** The stream begins anew: after a reconnect, or where a publisher has restarted. */
  restart() {
    this.encoded = [];
    this.#closeFrames();
    this.#closeDecoder();
    this.clock.reset();
    this.audio.clear();
    this.videoUntil = null;
    this.audioUntil = undefined;
    this.#unsettle();
    this.shownFirst = false;
    this.waitedSince = undefined;
  }
  dispose() {
    this.running = false;
    clearInterval(this.timer);
    clearInterval(this.standIn);
    this.restart();
    this.audio.dispose();
  }
}
