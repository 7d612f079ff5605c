// Plays CMAF with Media Source Extensions: the browser's own player, fed chunk by chunk.
import { counterAge, readCounter } from "./counter.js";

const ADJUST = 100; // ms
const KEEP_BEHIND = 10; // s of what was played

/** One SourceBuffer with the appends that wait for it. */
class Lane {
  constructor(buffer, onTrouble) {
    this.buffer = buffer;
    this.queue = [];
    buffer.mode = "segments";
    buffer.addEventListener("updateend", () => this.pump());
    buffer.addEventListener("error", () => onTrouble(new Error("the browser refuses the media")));
    this.onTrouble = onTrouble;
  }
  push(action) {
    this.queue.push(action);
    this.pump();
  }
  pump() {
    while (this.queue.length !== 0 && !this.buffer.updating) {
      try {
        this.queue.shift()();
      } catch (error) {
        if (error.name === "QuotaExceededError") this.onFull?.();
        else if (error.name !== "InvalidStateError") this.onTrouble(error);
      }
    }
  }
  append(bytes) {
    this.push(() => this.buffer.appendBuffer(bytes));
  }
  get end() {
    const { buffered } = this.buffer;
    return buffered.length === 0 ? null : buffered.end(buffered.length - 1);
  }
}

export class MseEngine {
  constructor({ video, target, onFirstFrame, onTrouble, onLatency, measure = false }) {
    Object.assign(this, { video, target, onFirstFrame, onTrouble, onLatency, measure });
    this.name = "mse";
    this.lanes = new Map();
    this.configs = new Map();
    this.waiting = [];
    this.counts = { decoded: 0, shown: 0, dropped: 0 };
    this.captures = []; // { time (s), capture (ms) } of video, in order
    this.late = false;
    this.stalls = 0;
    this.running = true;
    this.expected = new Set();
    video.addEventListener("waiting", this.#onWaiting);
    this.#open();
    this.timer = setInterval(() => this.#adjust(), ADJUST);
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(this.#onFrame);
  }
  #onWaiting = () => {
    if (this.met) this.late = true;
    ++this.stalls;
  };

  #open() {
    const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;
    if (!Source) return this.onTrouble(new Error("this browser has no Media Source Extensions"));
    this.source = new Source();
    this.video.disableRemotePlayback = true;
    this.url = URL.createObjectURL(this.source);
    this.video.src = this.url;
    this.source.addEventListener("sourceopen", () => {
      this.source.duration = Infinity;
      this.#addLanes();
    }, { once: true });
  }
  /** Says which kinds there will be: buffers can't be added once playing has begun. */
  expect(kinds) {
    this.expected = new Set(kinds);
    this.#addLanes();
  }
  #addLanes() {
    if (this.source.readyState !== "open" || this.lanes.size !== 0) return;
    for (const kind of this.expected) if (!this.configs.has(kind)) return;
    if (this.expected.size === 0) return;
    for (const kind of this.expected) {
      const { type, init } = this.configs.get(kind);
      try {
        const lane = new Lane(this.source.addSourceBuffer(type), this.onTrouble);
        lane.type = type;
        lane.onFull = () => this.#trim(lane, 2);
        lane.append(init);
        this.lanes.set(kind, lane);
      } catch (error) {
        this.onTrouble(error);
      }
    }
    for (const [kind, bytes] of this.waiting) this.lanes.get(kind)?.append(bytes);
    this.waiting = [];
    this.video.play().catch(() => {
      // Without a click only silent video may start.
      this.video.muted = true;
      this.onMuted?.();
      this.video.play().catch(() => {});
    });
  }

  setTarget(ms) {
    this.target = ms;
  }
  setMuted(muted) {
    this.video.muted = muted;
  }
  configureVideo(config) {
    this.#configure("video", config);
  }
  configureAudio(config) {
    this.#configure("audio", config);
  }
  #configure(kind, { codec, initBytes }) {
    const type = `${kind}/mp4; codecs="${codec}"`;
    this.configs.set(kind, { type, init: initBytes });
    const lane = this.lanes.get(kind);
    if (!lane) return this.#addLanes();
    lane.push(() => {
      if (type !== lane.type) lane.buffer.changeType(type);
      lane.type = type;
    });
    lane.append(initBytes);
  }
  pushVideo(frame, object, isFirst) {
    if (frame.capture !== null)
      this.captures.push({ time: frame.timestamp / 1e6, capture: frame.capture });
    if (this.captures.length > 600) this.captures.splice(0, 300);
    if (isFirst) this.#push("video", object.payload);
  }
  pushAudio(frame, object, isFirst) {
    if (isFirst) this.#push("audio", object.payload);
  }
  #push(kind, bytes) {
    const lane = this.lanes.get(kind);
    if (lane) lane.append(bytes);
    else this.waiting.push([kind, bytes]);
  }
  /** Plays on without video: the source is made anew, since a buffer that gets nothing stalls. */
  dropVideo() {
    this.expected.delete("video");
    this.configs.delete("video");
    this.restart();
  }

  get bufferMs() {
    const end = this.#end();
    return end === null ? 0 : Math.max(0, (end - this.video.currentTime) * 1000);
  }
  #end() {
    let end = null;
    for (const lane of this.lanes.values()) {
      if (lane.end === null) return null;
      end = end === null ? lane.end : Math.min(end, lane.end);
    }
    return end;
  }
  takeLate() {
    const { late } = this;
    this.late = false;
    return late;
  }
  get playbackRate() {
    return this.video.playbackRate;
  }
  get audio() {
    const decodedBytes = this.video.webkitAudioDecodedByteCount ?? null;
    return { levels: { frames: 0, peak: null, rms: null, decodedBytes }, blocked: this.video.muted,
      resume: async () => {
        this.video.muted = false;
        await this.video.play();
      } };
  }

  #adjust() {
    const { video } = this;
    const quality = video.getVideoPlaybackQuality?.();
    if (quality) {
      this.counts.decoded = quality.totalVideoFrames;
      // What is passed over while joining was not dropped.
      if (!this.met) this.passedOver = quality.droppedVideoFrames;
      this.counts.dropped = quality.droppedVideoFrames - (this.passedOver ?? 0);
      this.counts.shown = quality.totalVideoFrames - quality.droppedVideoFrames;
    }
    const end = this.#end();
    if (end === null) return;
    const { buffered } = video;
    if (buffered.length === 0) return;
    const wanted = Math.max(end - this.target / 1000, buffered.start(buffered.length - 1));
    const behind = wanted - video.currentTime;
    const inside = [...Array(buffered.length).keys()].some((i) =>
      buffered.start(i) <= video.currentTime + 0.05 && video.currentTime < buffered.end(i));
    if (!inside || Math.abs(behind) > 2) {
      if (Math.abs(behind) > 0.05 || !inside) video.currentTime = wanted;
      video.playbackRate = 1;
    } else {
      const wish = Math.abs(behind) < 0.03 ? 1 : 1 + behind / 3;
      video.playbackRate = Math.min(Math.max(wish, 0.9), 1.15);
      if (Math.abs(behind) < 0.2) this.metAt ??= performance.now();
      this.met ||= this.metAt !== undefined && performance.now() - this.metAt > 1000;
    }
    for (const lane of this.lanes.values()) this.#trim(lane, KEEP_BEHIND);
  }
  #trim(lane, keep) {
    const { buffer } = lane;
    if (buffer.updating || lane.queue.length !== 0 || buffer.buffered.length === 0) return;
    const until = this.video.currentTime - keep;
    if (until > buffer.buffered.start(0) + keep) lane.push(() => buffer.remove(0, until));
  }

  #onFrame = (_, { mediaTime }) => {
    if (!this.running) return;
    if (!this.shownFirst) {
      this.shownFirst = true;
      this.onFirstFrame();
    }
    this.#measure(mediaTime);
    this.video.requestVideoFrameCallback(this.#onFrame);
  };
  #measure(mediaTime) {
    if (!this.met) return;
    if (this.measure) {
      const value = this.readCounter();
      const age = value === null ? null : counterAge(value);
      if (age !== null) return this.onLatency(age, "counter");
    }
    const found = this.captures.findIndex(({ time }) => Math.abs(time - mediaTime) < 0.004);
    if (found < 0) return;
    this.onLatency(Date.now() - this.captures[found].capture, "capture");
    this.captures.splice(0, found + 1);
  }
  readCounter() {
    const { videoWidth, videoHeight } = this.video;
    return videoWidth === 0 ? null : readCounter(this.video, videoWidth, videoHeight);
  }

  #close() {
    this.lanes.clear();
    this.waiting = [];
    this.captures = [];
    this.met = this.shownFirst = false;
    this.metAt = undefined;
    if (this.url) URL.revokeObjectURL(this.url);
  }
  restart() {
    this.#close();
    this.#open();
  }
  dispose() {
    this.running = false;
    clearInterval(this.timer);
    this.video.removeEventListener("waiting", this.#onWaiting);
    this.#close();
    this.video.removeAttribute("src");
    this.video.load();
  }
}
