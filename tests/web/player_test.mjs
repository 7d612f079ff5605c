// player.js with engines that only note what they are given: renditions, pauses, new beginnings.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { FakeRelay } from "./fake_relay.mjs";
import { transportPair } from "./fake_transport.mjs";
import { load, newModule, Session, until } from "./support.mjs";

const { Player } = await load("player.js");
const { Publication } = await load("publication.js");
const { writeCatalog } = await load("catalog.js");
const { settingsFrom } = await load("connect.js");
const { parseNamespace } = await load("names.js");
const module = await newModule();
const space = parseNamespace("live/a");
const avcC = Uint8Array.from(Buffer.from("0142c01effe10018" +
  "6742c01ed900a02ff961000003000100000300320f162e48" + "01000568cb83cb20", "hex"));
const FRAME = 40; // ms

/** Notes what it is given to play. */
class Engine {
  constructor(options) {
    Object.assign(this, options);
    this.counts = { decoded: 0, shown: 0, dropped: 0 };
    this.log = [];
    this.late = false;
    this.bufferMs = 100;
    this.audio = { resume() {}, levels: {} };
    this.name = "webcodecs";
    Engine.last = this;
  }
  configureVideo({ track }) {
    this.log.push(`configure ${track.name}`);
  }
  configureAudio() {}
  pushVideo(frame, { group, object }) {
    if (this.counts.decoded++ === 0) this.onFirstFrame();
    this.log.push([group, object, frame.key, frame.timestamp / 1000]);
  }
  pushAudio() {
    this.sound = (this.sound ?? 0) + 1;
  }
  takeLate() {
    return this.late;
  }
  setTarget() {}
  setMuted() {}
  dropVideo() {
    this.log.push("no video");
  }
  restart() {
    this.log.push("restart");
    this.counts.decoded = 0;
  }
  dispose() {}
  get frames() {
    return this.log.filter(Array.isArray);
  }
}

/** A publisher of two renditions and sound, frame by frame. */
class Source {
  constructor(relay, { draft = 18, firstGroup = 100 } = {}) {
    Object.assign(this, { relay, draft, group: firstGroup - 1, time: 0, catalogGroup: 0 });
    this.publication = new Publication({ space });
    const add = (name) => this.publication.addTrack(name, { priority: 1, properties: true });
    this.catalog = add("catalog");
    this.lanes = [["high", 2_000_000], ["low", 300_000]].map(([name, bitrate]) =>
      ({ name, bitrate, track: add(name) }));
    this.sound = add("sound");
  }
  async start() {
    const [near, far] = transportPair(`moqt-${this.draft}`);
    new Session(module, far, { draft: this.draft, isServer: true, onEvent: this.relay.act() });
    this.session = new Session(module, near, { draft: this.draft, onEvent: (event) => {
      if (this.publication.session) this.publication.handle(event);
    } });
    sources.push(this);
    await until(() => this.session.moqt.established, "the publisher's session");
    this.publication.start(this.session);
    this.offer();
    return this;
  }
  offer(complete = false) {
    const tracks = this.lanes.map(({ name, bitrate }) => ({ name, packaging: "cmaf", role: "video",
      codec: "avc1.42C01E", width: 640, height: 360, bitrate,
      init: module.writeVideoInit({ timescale: 1000, width: 640, height: 360,
        description: avcC }) }));
    tracks.push({ name: "sound", packaging: "cmaf", role: "audio", codec: "opus",
      samplerate: 48000, channelConfig: "2", init: module.writeAudioInit({ timescale: 48000,
        channels: 2, sampleRate: 48000, description: null }) });
    this.publication.write(this.catalog, { group: ++this.catalogGroup, object: 0,
      payload: new TextEncoder().encode(writeCatalog(tracks, { complete })) });
    this.publication.endGroup(this.catalog);
    this.session.flush();
  }
  /** The next frame of every track; `key` begins a group. */
  frame(key = false) {
    if (key) {
      ++this.group;
      this.object = 0;
    }
    const chunk = (timescale) => module.writeChunk({ sequence: 1, duration: 40, key,
      decodeTime: (this.time * timescale) / 1000, data: new Uint8Array(200) });
    for (const { track } of this.lanes)
      this.publication.write(track, { group: this.group, object: this.object,
        payload: chunk(1000) });
    this.publication.write(this.sound, { group: this.group, object: this.object,
      payload: chunk(48000) });
    ++this.object;
    this.time += FRAME;
    this.session.flush();
  }
  /** Groups of `length` frames, one frame a few milliseconds. */
  async run(groups, length = 5) {
    for (let i = 0; i < groups * length; ++i) {
      this.frame(i % length === 0);
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
  }
}

let players = [];
let sources = [];
let ends = [];
afterEach(() => {
  for (const player of players) player.stop();
  for (const source of sources) source.session.close();
  players = [];
  sources = [];
  ends = [];
});

function play(relay, options = {}, draft = 18) {
  globalThis.WebTransport = function () {
    const [near, far] = transportPair(`moqt-${draft}`);
    new Session(module, far, { draft, isServer: true, onEvent: relay.act() });
    ends.push(near);
    return near;
  };
  globalThis.fetch = async () => {
    throw new TypeError("nothing but the relay");
  };
  globalThis.location = { hostname: "127.0.0.1" };
  const player = new Player({ module, space, canvas: {}, video: {}, engine: "webcodecs",
    settings: settingsFrom(`?server=https://a:1/moq&draft=${draft}`), onChange() {},
    engines: { webcodecs: Engine }, ...options });
  players.push(player);
  player.start();
  return player;
}

for (const draft of [16, 18])
  test(`draft ${draft}: a late joiner sees the group under way from its keyframe`, async () => {
    const relay = new FakeRelay();
    const source = await new Source(relay).start();
    await source.run(1, 10);
    const player = play(relay, {}, draft);
    await until(() => player.state === "live", "live");
    await source.run(2);
    const { log, frames } = Engine.last;
    await until(() => frames.length >= 20 || Engine.last.frames.length >= 20, "the frames");
    assert.equal(log[0], "configure high");
    assert.deepEqual(Engine.last.frames[0], [100, 0, true, 0]);
    assert.deepEqual(Engine.last.frames.map(([, , , time]) => time),
      Array.from({ length: Engine.last.frames.length }, (_, i) => i * FRAME), "every frame, once");
    assert.ok(Engine.last.sound > 0);
    assert.equal(player.totals.gaps, 0);
  });

test("renditions change at a group's first frame, with no frame lost or twice", async () => {
  const relay = new FakeRelay();
  const source = await new Source(relay).start();
  await source.run(1);
  const player = play(relay);
  await until(() => player.state === "live", "live");
  await source.run(2);
  await until(() => Engine.last.frames.length >= 15, "what came so far");
  player.select("low");
  await source.run(3);
  await until(() => player.switches.length === 1, "a switch");
  player.select("high");
  await source.run(3);
  await until(() => player.switches.length === 2, "a switch back");
  const { log } = Engine.last;
  const at = log.indexOf("configure low");
  assert.equal(log[at + 1][1], 0, "the first object of a group");
  assert.equal(log[at + 1][2], true);
  assert.equal(log[at - 1][0], log[at + 1][0] - 1, "behind the last of the group before");
  const times = Engine.last.frames.map(([, , , time]) => time);
  assert.deepEqual(times, Array.from({ length: times.length }, (_, i) => i * FRAME));
  assert.deepEqual(player.switches.map(({ from, to }) => `${from} ${to}`),
    ["high low", "low high"]);
  assert.equal(player.rendition, "high");
});

test("pictures that keep coming late lead to the smaller rendition", async () => {
  const relay = new FakeRelay();
  const source = await new Source(relay).start();
  await source.run(1);
  const player = play(relay);
  await until(() => player.state === "live", "live");
  Engine.last.late = true;
  Engine.last.bufferMs = 0;
  for (let i = 0; i < 400 && player.switches.length === 0; ++i) await source.run(1);
  assert.equal(player.switches[0].to, "low");
  assert.match(player.switches[0].why, /late|throughput/);
});

test("a hidden page gets no video, and sound; shown again it joins anew", async () => {
  const relay = new FakeRelay();
  const source = await new Source(relay).start();
  await source.run(1);
  const player = play(relay);
  await until(() => player.state === "live", "live");
  await source.run(1);
  player.setHidden(true);
  assert.equal(player.videoPaused, "hidden");
  const seen = Engine.last.frames.length;
  const heard = Engine.last.sound;
  await source.run(4);
  await until(() => Engine.last.sound > heard, "sound goes on");
  assert.equal(Engine.last.frames.length, seen);
  player.setHidden(false);
  await source.run(2);
  await until(() => Engine.last.frames.length > seen, "pictures again");
  assert.equal(Engine.last.frames[seen][2], true, "beginning with a keyframe");
});

test("a lost connection is made again and plays on", async () => {
  const relay = new FakeRelay();
  const source = await new Source(relay).start();
  await source.run(1);
  const player = play(relay);
  await until(() => player.state === "live", "live");
  ends[0].break("gone");
  await until(() => player.state === "reconnecting", "the loss is told");
  assert.match(player.message, /lost.*Trying again/);
  await until(() => player.connection.connects === 2, "another session");
  const before = Engine.last.log.length;
  for (let i = 0; i < 100 && player.state !== "live"; ++i) await source.run(1);
  assert.equal(player.state, "live");
  await source.run(2);
  await until(() => Engine.last.log.slice(before).some((one) => Array.isArray(one)), "pictures");
});

test("a publisher whose time starts again is joined anew", async () => {
  const relay = new FakeRelay();
  const source = await new Source(relay).start();
  source.time = 50_000;
  await source.run(1);
  const player = play(relay);
  await until(() => player.state === "live", "live");
  await source.run(2);
  source.time = 0;
  source.group += 1000;
  await source.run(4);
  await until(() => Engine.last.log.includes("restart"), "a new beginning");
  await source.run(1);
  const again = Engine.last.log.slice(Engine.last.log.lastIndexOf("restart")).filter(Array.isArray);
  assert.ok(again.length > 0);
  assert.equal(again[0][2], true);
  assert.ok(again.every(([, , , time]) => time < 50_000));
});

test("waiting, live, ended, and live again under the same name", async () => {
  const relay = new FakeRelay();
  const player = play(relay);
  await until(() => player.failure?.kind === "not-live", "told that nobody is live");
  assert.equal(player.state, "waiting");
  const source = await new Source(relay).start();
  await source.run(3);
  await until(() => player.state === "live", "live");
  source.offer(true);
  await until(() => player.state === "ended", "the end");
  source.session.close();
  const next = new Source(relay, { firstGroup: 5000 });
  next.catalogGroup = 900;
  await next.start();
  await next.run(3);
  await until(() => player.state === "live", "live again");
});

test("a new catalog that offers the same and more disturbs nothing", async () => {
  const relay = new FakeRelay();
  const source = await new Source(relay).start();
  await source.run(1);
  const player = play(relay);
  await until(() => player.state === "live", "live");
  source.lanes.push({ name: "more", bitrate: 1000, track: source.lanes[0].track });
  source.offer();
  await until(() => player.offer.video.length === 3, "the new catalog");
  await source.run(1);
  assert.ok(!Engine.last.log.includes("restart"));
  source.lanes[0].bitrate = 77; // what is played says something else now
  source.offer();
  await until(() => Engine.last.log.includes("restart"), "a new beginning");
});

test("a catalog that cannot be read, or has nothing to play, is told", async () => {
  const relay = new FakeRelay();
  const source = await new Source(relay).start();
  const say = (text) => {
    source.publication.write(source.catalog, { group: ++source.catalogGroup, object: 0,
      payload: new TextEncoder().encode(text) });
    source.publication.endGroup(source.catalog);
    source.session.flush();
  };
  say('{"version":"1","tracks":[{"name":"x","packaging":"other"}]}');
  const player = play(relay);
  await until(() => player.failure?.kind === "media", "told");
  assert.match(player.message, /no track that this page can play/);
  say("{");
  await until(() => /cannot be read/.test(player.message), "told");
});
