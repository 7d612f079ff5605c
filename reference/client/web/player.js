// A broadcast as one thing: connection, catalog, tracks, rendition, engine.
import { Abr, Throughput } from "./abr.js";
import { CATALOG_NAMES, CatalogState, playable, spaceOf } from "./catalog.js";
import { CodecEngine } from "./codec_engine.js";
import { Connection, Failure } from "./connect.js";
import { MseEngine } from "./mse_engine.js";
import { TrackReceiver } from "./receiver.js";
import { Unpacker } from "./unpack.js";

const RETRY_LIVE = 2000; // ms between looks for a broadcast that is not live
const AUDIO_ONLY_FOR = 8000; // ms before video is tried again
const TROUBLE_SHOWN = 4000; // ms that trouble with the media is shown when pictures go on
const LEAP_BACK = 1_500_000; // microseconds
const PRIORITY = { catalog: 16, audio: 32, video: 64 };

export class Player {
  /**
   * @param options.canvas, options.video where pictures go
   * @param options.onChange called when something that the page shows has changed
   * @param options.engines what plays, by name
   */
  constructor({ module, space, settings, canvas, video, engine = "auto", target = null,
    rendition = "auto", muted = false, measure = false, onChange,
    engines = { webcodecs: CodecEngine, mse: MseEngine } }) {
    Object.assign(this, { module, space, canvas, video, rendition, muted, measure, onChange,
      engines });
    this.engineWish = engine;
    this.targetWish = target;
    this.state = "connecting";
    this.message = "Connecting …";
    this.failure = null;
    this.engine = null;
    this.catalog = new CatalogState(space);
    this.catalogName = 0;
    this.offer = { video: [], audio: [] };
    this.lanes = { video: null, audio: null }; // { track, receiver, unpacker }
    this.next = null; // the video lane that takes over at a group boundary
    this.abr = new Abr();
    this.throughput = new Throughput();
    this.videoPaused = null; // "hidden" | "network"
    this.switches = [];
    this.latencies = [];
    this.latencySource = null;
    this.totals = { objects: 0, bytes: 0, gaps: 0 };
    this.times = { subscribedAt: null, firstObjectAt: null, firstFrameAt: null };
    this.connection = new Connection(module, settings, {
      onSession: (session) => this.#connected(session),
      onEvent: (event, session) => this.#event(event, session),
      onDown: (failure, willRetry) => this.#down(failure, willRetry),
    });
  }
  start() {
    this.connection.start();
    this.timer = setInterval(() => this.#tick(), 100);
    this.slow = setInterval(() => this.#choose(), 500);
  }
  stop() {
    clearInterval(this.timer);
    clearInterval(this.slow);
    clearTimeout(this.retry);
    this.connection.stop("the page was left");
    this.engine?.dispose();
  }

  // Wishes ----------------------------------------------------------------------------------------

  get target() {
    return this.targetWish ?? (this.engineName === "mse" ? 1000 : 100);
  }
  setLatency(ms) {
    this.targetWish = ms;
    this.engine?.setTarget(this.target);
    this.onChange();
  }
  /** A rendition by its track's name, or "auto". */
  select(name) {
    this.rendition = name;
    this.abr.reset();
    if (name !== "auto") this.#switchTo(this.offer.video.find((t) => t.name === name), "by hand");
    this.onChange();
  }
  setMuted(muted) {
    this.muted = muted;
    this.engine?.setMuted(muted);
    if (!muted) this.engine?.audio.resume();
    this.onChange();
  }
  setEngine(name) {
    this.engineWish = name;
    if (this.session && this.catalog.current) this.#restart();
  }
  /** The page cannot be seen: video stops, audio goes on. */
  setHidden(hidden) {
    if (hidden && this.videoPaused === null && this.lanes.audio) this.#pauseVideo("hidden");
    if (!hidden && this.videoPaused === "hidden") this.#resumeVideo();
  }
  get engineName() {
    const packaging = this.offer.video[0]?.packaging ?? this.offer.audio[0]?.packaging;
    if (this.engineWish !== "auto" && !(this.engineWish === "mse" && packaging === "loc"))
      return this.engineWish;
    const hasMse = "ManagedMediaSource" in globalThis || "MediaSource" in globalThis;
    return packaging === "loc" || !hasMse ? "webcodecs" : "mse";
  }

  // Session ---------------------------------------------------------------------------------------

  #say(state, message, failure = null) {
    const changed = state !== this.state || message !== this.message;
    Object.assign(this, { state, message, failure });
    if (changed) this.onChange();
  }
  #connected(session) {
    this.session = session;
    session.onBytes = (count) => this.throughput.add(count, performance.now());
    this.#say("waiting", "Connected. Waiting for the broadcast …");
    // Tells at once when the publisher comes and goes.
    this.watch = session.subscribeNamespace(this.space);
    this.#subscribeCatalog();
  }
  #down(failure, willRetry) {
    this.session = null;
    for (const lane of this.#all()) lane.receiver.lost();
    clearTimeout(this.retry);
    const again = willRetry ? " Trying again …" : "";
    if (this.connection.stopped) return;
    this.#say(!willRetry ? "failed" : this.connection.connects > 0 ? "reconnecting" : "connecting",
      failure.text + again, failure);
  }
  #all() {
    return [this.catalogLane, this.lanes.audio, this.lanes.video, this.next].filter(Boolean);
  }
  #event(event) {
    if (event.what === "requested")
      return void this.session?.moqt.reject(performance.now(), event.id, 3, "a player");
    if (event.what === "update_requested")
      return void this.session?.moqt.acceptUpdate(performance.now(), event.updateId);
    if (event.id === this.watch && event.what === "namespace_added") {
      if (this.state === "ended") { // somebody goes live again under this name
        this.catalog = new CatalogState(this.space);
        this.catalogLane?.receiver.cancel();
        this.#say("waiting", "The broadcast begins again …");
      }
      if (this.state === "waiting" && !this.catalogLane?.receiver.subscribed)
        this.#subscribeCatalog();
      return;
    }
    if (event.id === this.watch && event.what === "namespace_removed") {
      if (this.state === "live") this.#say("live", "The publisher is gone. Waiting for it …");
      return;
    }
    for (const lane of this.#all()) if (lane.receiver.handle(event)) return;
  }

  // Catalog ---------------------------------------------------------------------------------------

  #subscribeCatalog() {
    clearTimeout(this.retry);
    if (!this.session || this.session.closed) return;
    const receiver = new TrackReceiver({ space: this.space, name: CATALOG_NAMES[this.catalogName],
      patience: 0, // every complete catalog replaces those before
      onObjects: () => this.#readCatalog(),
      onEnd: (reason, event) => this.#catalogOver(reason, event) });
    this.catalogLane = { receiver };
    receiver.subscribe(this.session, { priority: PRIORITY.catalog });
  }
  #catalogOver(reason, event) {
    if (reason === "refused" && ["UNAUTHORIZED", "EXPIRED_AUTH_TOKEN"].includes(event.codeName)) {
      this.#say("failed", `The server refuses this broadcast: ${event.text || event.codeName}`,
        new Failure("refused", "refused", 401));
      return;
    }
    const missing = reason === "refused";
    if (missing && this.catalogName === 0) {
      this.catalogName = 1;
      return this.#subscribeCatalog();
    }
    this.catalogName = 0;
    if (this.catalog.current?.complete) return this.#say("ended", "The broadcast has ended.");
    if (this.lanes.video === null && this.lanes.audio === null)
      this.#say("waiting", "Nobody is live here yet. This page starts by itself.",
        new Failure("not-live", event.text || event.codeName));
    this.retry = setTimeout(() => this.#subscribeCatalog(), RETRY_LIVE);
  }
  #readCatalog() {
    const { receiver } = this.catalogLane;
    for (let object; (object = receiver.poll()) !== null;) {
      try {
        if (this.catalog.take(object.group, object.object, object.payload)) this.#offered();
      } catch (error) {
        this.#say(this.state, `The catalog cannot be read: ${error.message}`,
          new Failure("media", error.message));
      }
    }
    // The subscription of before is gone with its session, the catalog may be as it was.
    const { video, audio } = this.offer;
    if (video.length + audio.length !== 0 && !this.lanes.video?.receiver.subscribed &&
      !this.lanes.audio?.receiver.subscribed && this.state !== "ended") this.#offered();
  }
  #offered() {
    const { current } = this.catalog;
    this.offer = playable(current);
    const { video, audio } = this.offer;
    if (current.complete) return this.#say("ended", "The broadcast has ended.");
    if (video.length + audio.length === 0)
      return current.tracks.length === 0 ? undefined
        : this.#say("waiting", "This broadcast has no track that this page can play.",
          new Failure("media", "no playable track"));
    if (this.#playsOn()) return this.onChange();
    this.abr.reset();
    return this.#restart();
  }
  /** Whether what is being played is offered as before; then a new catalog disturbs nothing. */
  #playsOn() {
    const lanes = this.#lanesOfMedia();
    const same = ({ track }) => this.offer[track.kind].some((one) =>
      JSON.stringify(one) === JSON.stringify(track));
    return lanes.length !== 0 && lanes.every((lane) => lane.receiver.subscribed && same(lane)) &&
      (this.lanes.video !== null || this.offer.video.length === 0 || this.videoPaused !== null) &&
      (this.lanes.audio !== null || this.offer.audio.length === 0);
  }

  // Tracks ----------------------------------------------------------------------------------------

  /** Begins with what the catalog offers. */
  #restart() {
    for (const lane of this.#lanesOfMedia()) this.#leave(lane);
    this.lanes = { video: null, audio: null };
    this.next = null;
    const name = this.engineName;
    if (this.engine?.name !== name) {
      this.engine?.dispose();
      this.engine = this.#makeEngine(name);
    } else {
      this.engine.restart();
    }
    this.engine.setTarget(this.target);
    this.engine.setMuted(this.muted);
    const { video, audio } = this.offer;
    if (video.length !== 0 && this.videoPaused === null)
      this.lanes.video = this.#lane(this.#firstRendition(), "now");
    if (audio.length !== 0) this.lanes.audio = this.#lane(audio[0], "now");
    this.#expect();
    if (this.lanes.video) {
      this.times = { subscribedAt: performance.now(), firstObjectAt: null, firstFrameAt: null };
      this.#configure("video");
    }
    if (this.lanes.audio) this.#configure("audio");
    for (const lane of [this.lanes.video, this.lanes.audio]) if (lane) this.#subscribe(lane);
  }
  #lanesOfMedia() {
    return [this.lanes.video, this.lanes.audio, this.next].filter(Boolean);
  }
  #expect() {
    this.engine.expect?.(["video", "audio"].filter((kind) => this.lanes[kind]));
  }
  #firstRendition() {
    const { video } = this.offer;
    const named = video.find((track) => track.name === this.rendition);
    if (named) return named;
    const { estimate } = this.throughput;
    return (estimate !== null && video.find((t) => (t.bitrate ?? 0) * 1.3 < estimate)) || video[0];
  }
  #makeEngine(name) {
    const Engine = this.engines[name];
    this.canvas.hidden = name === "mse";
    this.video.hidden = name !== "mse";
    const engine = new Engine({ canvas: this.canvas, video: this.video, target: this.target,
      measure: this.measure,
      onFirstFrame: () => this.#firstFrame(),
      onLatency: (ms, source) => this.#latency(ms, source),
      onTrouble: (error) => this.#trouble(error) });
    engine.onMuted = () => this.onChange();
    return engine;
  }
  #lane(track, from) {
    let unpacker;
    try {
      unpacker = new Unpacker(this.module, track);
    } catch (error) {
      this.#trouble(error);
      return null;
    }
    const lane = { track, unpacker, from };
    lane.receiver = new TrackReceiver({ space: spaceOf(track, this.space), name: track.name,
      anywhere: track.kind === "audio", patience: Math.max(200, this.target),
      onObjects: () => this.#drain(lane),
      onEnd: (reason, event) => this.#laneOver(lane, reason, event) });
    return lane;
  }
  #subscribe(lane) {
    if (!this.session || this.session.closed) return;
    lane.receiver.subscribe(this.session, { from: lane.from,
      priority: PRIORITY[lane.track.kind] });
  }
  #leave(lane) {
    if (lane.receiver.subscribed) lane.receiver.cancel();
    lane.unpacker.delete();
  }
  #configure(kind) {
    const { unpacker } = this.lanes[kind];
    try {
      this.engine[kind === "video" ? "configureVideo" : "configureAudio"](unpacker);
    } catch (error) {
      this.#trouble(error);
    }
  }
  #laneOver(lane, reason) {
    if (lane === this.next) return this.#abandonSwitch();
    if (reason !== "ended") {
      // The catalog will say what there is instead; ask again should it say nothing.
      setTimeout(() => {
        if (this.#lanesOfMedia().includes(lane) && !lane.receiver.subscribed &&
          this.session && this.state !== "ended") this.#subscribe(lane);
      }, RETRY_LIVE);
    }
  }

  #drain(lane) {
    if (lane === this.next) return this.#tryTakeOver();
    const { kind } = lane.track;
    // Playing may begin anew, which takes the lane away.
    for (let object; this.lanes[kind] === lane && (object = lane.receiver.poll()) !== null;)
      this.#play(lane, object);
    if (this.lanes[kind] !== lane) return;
    if (kind === "video" && this.next) this.#tryTakeOver();
  }
  #play(lane, object) {
    const { kind } = lane.track;
    let frames;
    try {
      frames = lane.unpacker.frames(object);
    } catch (error) {
      return this.#trouble(error);
    }
    const first = frames[0]?.timestamp ?? null;
    // A publisher that began anew: its time starts again, for all of its tracks.
    if (first !== null && first < (lane.latest ?? first) - LEAP_BACK) return this.#restart();
    lane.latest = first;
    if (kind === "video") this.times.firstObjectAt ??= object.arrival;
    frames.forEach((frame, i) =>
      (kind === "video" ? this.engine.pushVideo(frame, object, i === 0)
        : this.engine.pushAudio(frame, object, i === 0)));
    if (this.state !== "live" && (kind === "audio" || !this.lanes.video))
      this.#say("live", "Live, sound only.");
  }
  #firstFrame() {
    this.times.firstFrameAt ??= performance.now();
    this.#say("live", "Live.");
  }
  #latency(ms, source) {
    this.latencies.push(ms);
    if (this.latencies.length > 1000) this.latencies.splice(0, this.latencies.length - 1000);
    this.latencySource = source;
  }
  #trouble(error) {
    this.troubleAt = performance.now();
    this.shownAtTrouble = this.engine?.counts.shown ?? 0;
    this.#say(this.state, `The media cannot be played: ${error.message ?? error}`,
      new Failure("media", String(error.message ?? error)));
  }

  // Renditions ------------------------------------------------------------------------------------

  #choose() {
    const { video } = this.offer;
    if (this.state !== "live" || !this.engine) return;
    const now = performance.now();
    if (this.failure?.kind === "media" && now - this.troubleAt > TROUBLE_SHOWN &&
      this.engine.counts.shown > this.shownAtTrouble) this.#say("live", "Live.");
    if (this.videoPaused === "network" && now - this.pausedAt > AUDIO_ONLY_FOR)
      return this.#resumeVideo();
    const late = this.engine.takeLate();
    if (this.rendition !== "auto" || this.next || !this.lanes.video || this.videoPaused) return;
    const current = video.findIndex((track) => track.name === this.lanes.video.track.name);
    const { index, why } = this.abr.choose(video, current, { throughput: this.throughput.estimate,
      buffer: this.engine.bufferMs / this.target, late }, now);
    if (why === null) return;
    if (index === null) {
      if (this.lanes.audio) this.#pauseVideo("network");
    } else {
      this.#switchTo(video[index], why);
    }
  }
  #switchTo(track, why) {
    this.#abandonSwitch();
    if (!track || !this.lanes.video || this.lanes.video.track.name === track.name) return;
    this.next = this.#lane(track, "next");
    if (!this.next) return;
    this.next.why = why;
    this.next.takesOverAt = null;
    this.#subscribe(this.next);
  }
  /** The new rendition begins with its first group, and the old one ends before that group. */
  #tryTakeOver() {
    const { next } = this;
    const old = this.lanes.video.receiver.order;
    if (next.takesOverAt === null) {
      next.held ??= next.receiver.poll();
      const { largest } = next.receiver;
      if (next.held === null && largest === null) return;
      next.takesOverAt = next.held?.group ?? largest.group + 1;
      const at = old.position;
      if (at !== null && at.object > 0 && at.group >= next.takesOverAt) {
        // The old one is inside that group already: the one after it, then.
        next.takesOverAt = at.group + 1;
        next.receiver.order.beginAt(next.takesOverAt);
        next.held = null;
      }
      old.until = next.takesOverAt;
    }
    next.held ??= next.receiver.poll();
    const isWaiting = old.position !== null && old.position.group >= old.until;
    if (!isWaiting && next.held === null) return;
    next.since ??= performance.now();
    const waited = performance.now() - next.since;
    const limit = Math.max(this.target, 200);
    // What the old one still lacks is not waited for beyond this, nor a new one that never comes.
    if (next.held !== null && (isWaiting || waited > limit)) this.#takeOver();
    else if (next.held === null && waited > 2 * limit) this.#abandonSwitch();
  }
  #abandonSwitch() {
    if (this.next) this.#leave(this.next);
    this.next = null;
    const old = this.lanes.video;
    if (!old) return;
    old.receiver.order.until = null;
    this.#drain(old);
  }
  #takeOver() {
    const { next } = this;
    const old = this.lanes.video;
    this.switches.push({ at: performance.now(), from: old.track.name, to: next.track.name,
      group: next.takesOverAt, why: next.why });
    this.lanes.video = next;
    this.next = null;
    this.#leave(old);
    this.#configure("video");
    if (next.held) this.#play(next, next.held);
    next.held = null;
    this.#drain(next);
    this.onChange();
  }

  #pauseVideo(why) {
    this.videoPaused = why;
    this.pausedAt = performance.now();
    for (const lane of [this.lanes.video, this.next]) if (lane) this.#leave(lane);
    this.lanes.video = this.next = null;
    this.engine?.dropVideo();
    if (this.engine?.name === "mse" && this.lanes.audio) this.#configure("audio");
    this.onChange();
  }
  #resumeVideo() {
    this.videoPaused = null;
    this.onChange();
    if (this.offer.video.length === 0 || !this.engine) return;
    if (this.engine.name === "mse") return this.#restart();
    const { video } = this.offer;
    this.lanes.video = this.#lane(video.find((t) => t.name === this.rendition) ?? video.at(-1),
      "now");
    if (!this.lanes.video) return;
    this.#configure("video");
    this.#subscribe(this.lanes.video);
  }

  // Time ------------------------------------------------------------------------------------------

  #tick() {
    for (const lane of this.#lanesOfMedia()) this.#drain(lane);
    const { video, audio } = this.lanes;
    this.totals.gaps = (video?.receiver.order.gaps ?? 0) + (audio?.receiver.order.gaps ?? 0);
  }
  get objects() {
    return this.#lanesOfMedia().reduce((sum, { receiver }) => sum + receiver.objects, 0);
  }
}
