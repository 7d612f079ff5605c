// A publication from a source to the relay: encoders, packaging, catalog, bitrate ladder.
import { CATALOG_NAMES, writeCatalog, writePlainCatalog } from "./catalog.js";
import { Connection } from "./connect.js";
import { SoundEncoder, VideoRendition } from "./encode.js";
import { Ladder } from "./ladder.js";
import { Publication } from "./publication.js";
import { captureSound, openSource, wallClock } from "./sources.js";

const CATALOG_PERIOD = 2000; // ms
const STILL = 250; // ms without a picture before the last one is sent again
const SOUND_WAIT = 1000; // ms
const VIDEO_TIMESCALE = 90_000;
const AUDIO_RATE = 48_000;
const AUDIO_BITRATE = 96_000;
// Lower goes first, as in the library: catalog, then sound, then video.
const PRIORITY = { catalog: 16, audio: 32, video: 64 };

export class Publisher {
  /** @param options source, packaging, gop (s), width, height, fps, bitrate, renditions, audio */
  constructor({ module, space, settings, options, onChange }) {
    Object.assign(this, { module, space, options, onChange });
    this.state = "connecting";
    this.message = "Opening the source …";
    this.failure = null;
    this.base = null; // wall clock (ms) of media time 0
    this.group = null; // the group under way
    this.groupStart = -Infinity;
    this.marks = []; // { group, timestamp }, newest last
    this.wantsKey = false;
    this.frameCount = 0;
    this.counts = { skipped: 0, audio: 0, drops: 0 };
    this.ladder = new Ladder();
    this.catalogGroup = Date.now();
    this.running = true;
    this.publication = new Publication({ space, onNewGroup: (track) => {
      if (!track.isCatalog) this.wantsKey = true;
      else this.#publishCatalog();
    } });
    this.catalogTracks = CATALOG_NAMES.map((name) => {
      const track = this.publication.addTrack(name, { priority: PRIORITY.catalog, sendOrder: 3 });
      track.isCatalog = true;
      return track;
    });
    this.renditions = this.#renditionSettings().map((one) => this.#makeRendition(one));
    this.sound = null;
    this.connection = new Connection(module, settings, {
      onSession: (session) => {
        this.publication.start(session);
        this.#publishCatalog();
        this.wantsKey = true;
        this.ladder.reset();
        this.#say("live", "Live.");
      },
      onEvent: (event, session) => {
        if (this.publication.session === session) this.publication.handle(event);
      },
      onDown: (failure, willRetry) => {
        this.publication.lost();
        if (this.running)
          this.#say(willRetry ? "reconnecting" : "failed",
            failure.text + (willRetry ? " Trying again …" : ""), failure);
      },
    });
  }
  #say(state, message, failure = null) {
    Object.assign(this, { state, message, failure });
    this.onChange();
  }
  #renditionSettings() {
    const { width, height, fps, bitrate, renditions } = this.options;
    const even = (number) => Math.round(number / 4) * 2;
    const all = [{ name: "video", width, height, fps, bitrate }];
    if (renditions > 1)
      all.push({ name: "video-low", width: even(width), height: even(height), fps,
        bitrate: Math.round(bitrate / 4) });
    return all;
  }
  #makeRendition(settings) {
    const lane = { entry: null, nextObject: 0, group: null, sequence: 0,
      track: this.publication.addTrack(settings.name, { priority: PRIORITY.video, sendOrder: 1,
        properties: true, patient: true }) };
    lane.encoder = new VideoRendition(settings, {
      onConfig: (config) => this.#videoConfig(lane, settings, config),
      onChunk: (chunk) => this.#videoChunk(lane, chunk),
      onTrouble: (error) => this.#trouble(error),
    });
    return lane;
  }
  #trouble(error) {
    this.stop();
    this.#say("failed", `The media cannot be encoded: ${error.message ?? error}`,
      { toJSON: () => ({ kind: "media", status: null, text: String(error) }) });
  }

  // Life ------------------------------------------------------------------------------------------

  async start() {
    const { options } = this;
    try {
      if (!("VideoEncoder" in globalThis)) throw new Error("this browser has no WebCodecs");
      this.context = options.audio ? new AudioContext({ sampleRate: AUDIO_RATE }) : null;
      this.source = await openSource(options.source, options, this.context);
      for (const { encoder } of this.renditions) await encoder.open();
      if (this.source.audio) await this.#openSound();
    } catch (error) {
      this.stop();
      const known = { NotAllowedError: "The browser was not allowed to use the source.",
        NotFoundError: "There is no such source here: no camera is connected." };
      return this.#say("failed", known[error.name] ?? `The source cannot be opened: ${error.message}`,
      { toJSON: () => ({ kind: "media", status: null, text: String(error) }) });
    }
    if (!this.running) return undefined;
    this.source.video.start((frame, capture) => {
      if (options.source === "screen") this.#keep(frame);
      this.#frame(frame, capture);
    });
    this.message = "Connecting …";
    this.connection.start();
    this.timer = setInterval(() => this.#publishCatalog(), CATALOG_PERIOD);
    this.look = setInterval(() => {
      this.#watchQueue();
      this.#repeat();
    }, 100);
    return this.onChange();
  }
  async #openSound() {
    // Browsers hold sound back until somebody has clicked; pictures do not wait for it.
    await Promise.race([this.context.resume(), new Promise((go) => setTimeout(go, SOUND_WAIT))]);
    if (this.context.state !== "running") return;
    const lane = { entry: null, nextObject: 0, group: null, sequence: 0,
      track: this.publication.addTrack("audio", { priority: PRIORITY.audio, sendOrder: 2,
        properties: true }) };
    this.sound = lane;
    lane.encoder = new SoundEncoder({ sampleRate: AUDIO_RATE, bitrate: AUDIO_BITRATE,
      onConfig: (config) => this.#soundConfig(lane, config),
      onChunk: (chunk) => this.#soundChunk(lane, chunk),
      onTrouble: (error) => this.#trouble(error) });
    this.meter = await captureSound(this.context, this.source.audio, ({ channels, capture }) => {
      if (this.base !== null && capture >= this.base)
        lane.encoder.encode(channels, (capture - this.base) * 1000);
    });
  }
  stop() {
    if (!this.running) return;
    this.running = false;
    clearInterval(this.timer);
    clearInterval(this.look);
    this.source?.video.stop();
    this.source?.stop();
    this.kept?.close();
    this.kept = null;
    for (const { encoder } of this.renditions) encoder.close();
    this.sound?.encoder.close();
    this.context?.close();
    if (this.publication.session) {
      this.#publishCatalog(true);
      this.publication.end("the publisher stopped");
    }
    setTimeout(() => this.connection.stop("the publisher stopped"), 200);
    this.#say("ended", "Stopped.");
  }

  // Pictures --------------------------------------------------------------------------------------

  #frame(frame, capture) {
    try {
      this.base ??= capture;
      const timestamp = Math.round((capture - this.base) * 1000);
      const due = timestamp - this.groupStart >= this.options.gop * 1e6 - 1000;
      const key = due || this.wantsKey;
      if (!key && this.frameCount++ % this.ladder.step.every !== 0) return;
      if (this.holdsBack && !key) return void ++this.counts.skipped;
      if (key) this.#beginGroup(timestamp);
      for (const { encoder } of this.renditions)
        if (!encoder.encode(frame, { timestamp, capture, group: this.group, key }))
          ++this.counts.skipped;
    } finally {
      frame.close();
    }
  }
  #keep(frame) {
    this.kept?.close();
    this.kept = frame.clone();
    this.cameAt = performance.now();
  }
  /** A screen on which nothing moves sends nothing; players want pictures all the same. */
  #repeat() {
    const now = performance.now();
    if (!this.kept || now - this.cameAt < STILL) return;
    this.cameAt = now;
    this.#frame(this.kept.clone(), wallClock());
  }
  #beginGroup(timestamp) {
    this.group = this.group === null ? Date.now() : this.group + 1;
    this.groupStart = timestamp;
    this.wantsKey = false;
    this.holdsBack = false;
    this.marks.push({ group: this.group, timestamp });
    if (this.marks.length > 16) this.marks.shift();
  }
  #videoConfig(lane, settings, { codec, description, width, height }) {
    const cmaf = this.options.packaging === "cmaf";
    const entry = { name: settings.name, packaging: this.options.packaging, role: "video", codec,
      width, height, framerate: settings.fps, bitrate: settings.bitrate, renderGroup: 1,
      ...(this.renditions.length > 1 ? { altGroup: 1 } : {}),
      ...(cmaf ? { timescale: VIDEO_TIMESCALE } : {}),
      init: cmaf ? this.module.writeVideoInit({ timescale: VIDEO_TIMESCALE, width, height,
        description }) : description };
    lane.description = description;
    const isNew = JSON.stringify(entry) !== JSON.stringify(lane.entry);
    lane.entry = entry;
    if (isNew) this.#publishCatalog();
  }
  #videoChunk(lane, { key, timestamp, data, capture, group }) {
    if (lane.group !== group) {
      if (!key) return; // its keyframe was given up
      lane.group = group;
      lane.nextObject = 0;
    }
    const isFirst = lane.nextObject === 0;
    const ticks = (us) => Math.round((us * VIDEO_TIMESCALE) / 1e6);
    const payload = this.options.packaging === "cmaf"
      ? this.module.writeChunk({ sequence: ++lane.sequence, decodeTime: ticks(timestamp),
        duration: Math.round(VIDEO_TIMESCALE / this.options.fps), key, data }) : data;
    this.#write(lane, { group, object: lane.nextObject++, payload,
      timestamp: Math.round(capture * 1000),
      videoConfig: this.options.packaging === "loc" && isFirst ? lane.description : undefined });
  }
  #write(lane, object) {
    this.publication.write(lane.track, object);
    this.publication.session?.flush();
  }

  // Sound -----------------------------------------------------------------------------------------

  #soundConfig(lane, { codec, sampleRate, channels, description }) {
    const cmaf = this.options.packaging === "cmaf";
    lane.entry = { name: "audio", packaging: this.options.packaging, role: "audio", codec,
      samplerate: sampleRate, channelConfig: String(channels), bitrate: AUDIO_BITRATE,
      renderGroup: 1, ...(cmaf ? { timescale: AUDIO_RATE } : {}),
      init: cmaf ? this.module.writeAudioInit({ timescale: AUDIO_RATE, channels, sampleRate,
        description }) : null };
    this.#publishCatalog();
  }
  #soundChunk(lane, { timestamp, duration, data }) {
    const mark = this.marks.findLast((one) => one.timestamp <= timestamp) ?? this.marks[0];
    if (!mark || (lane.group !== null && mark.group < lane.group)) return;
    if (lane.group !== mark.group) {
      lane.group = mark.group;
      lane.nextObject = 0;
    }
    ++this.counts.audio;
    const payload = this.options.packaging === "cmaf"
      ? this.module.writeChunk({ sequence: ++lane.sequence,
        decodeTime: Math.round((timestamp * AUDIO_RATE) / 1e6),
        duration: Math.round((duration * AUDIO_RATE) / 1e6), key: true, data }) : data;
    this.#write(lane, { group: lane.group, object: lane.nextObject++, payload,
      timestamp: Math.round(this.base * 1000 + timestamp) });
  }

  // Catalog and queue -----------------------------------------------------------------------------

  #publishCatalog(complete = false) {
    const lanes = [...this.renditions, ...(this.sound ? [this.sound] : [])];
    const entries = lanes.map(({ entry }) => entry).filter(Boolean);
    // Half a catalog would make players begin without sound; one that never comes is not waited for.
    if (entries.length === 0) return;
    if (entries.length !== lanes.length && this.length < 3) return;
    const texts = [writeCatalog(entries, { complete }), writePlainCatalog(entries, { complete })];
    const group = ++this.catalogGroup;
    texts.forEach((text, i) => {
      this.publication.write(this.catalogTracks[i], { group, object: 0,
        payload: new TextEncoder().encode(text) });
      this.publication.endGroup(this.catalogTracks[i]);
    });
    this.publication.session?.flush();
  }
  #watchQueue() {
    const { session } = this.publication;
    if (!session) return;
    // What was given up left the queue unsent: it counts as gone.
    const written = session.bytesSent + session.unsent;
    const verdict = this.ladder.look(written, session.bytesSent, performance.now());
    if (this.holdsBack && this.ladder.age === 0) this.wantsKey = true;
    if (verdict === null) return;
    for (const { encoder } of this.renditions) encoder.setScale(this.ladder.step.scale);
    if (verdict === "drop") {
      // What waits is older than anybody wants: sound goes on, pictures with the next group.
      ++this.counts.drops;
      for (const { track } of this.renditions) this.publication.dropBacklog(track);
      this.holdsBack = true;
      session.flush();
    }
    this.onChange();
  }
  get unsent() {
    return this.publication.session?.unsent ?? 0;
  }
  /** Seconds since the first picture. */
  get length() {
    return this.base === null ? 0 : (wallClock() - this.base) / 1000;
  }
}
