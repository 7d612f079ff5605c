// catalog.js: what publishers write, what the drafts print, what damaged ones do.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { load } from "./support.mjs";

const { CatalogState, initBytes, playable, spaceOf, writeCatalog, writePlainCatalog } =
  await load("catalog.js");
const { parseNamespace } = await load("names.js");
const space = parseNamespace("live/a");
const bytes = (value) => new TextEncoder().encode(
  typeof value === "string" ? value : JSON.stringify(value));
const golden = (name) =>
  readFileSync(new URL(`../catalog/golden/${name}.json`, import.meta.url));
const tracks = [
  { name: "video", packaging: "cmaf", role: "video", codec: "avc1.42E01F", width: 1280,
    height: 720, bitrate: 2_500_000, init: Uint8Array.of(1, 2, 3) },
  { name: "low", packaging: "cmaf", role: "video", codec: "avc1.42E01F", width: 640, height: 360,
    bitrate: 600_000, init: Uint8Array.of(1, 2, 3) },
  { name: "audio", packaging: "loc", role: "audio", codec: "opus", samplerate: 48000,
    channelConfig: "2", init: null },
];

for (const [name, write] of Object.entries({ msf: writeCatalog, plain: writePlainCatalog }))
  test(`what is written as ${name} is read again`, () => {
    const state = new CatalogState(space);
    assert.equal(state.take(1, 0, bytes(write(tracks))), true);
    const { video, audio } = playable(state.current);
    assert.deepEqual(video.map((one) => one.name), ["video", "low"], "best first");
    assert.deepEqual(initBytes(video[0]), Uint8Array.of(1, 2, 3));
    assert.equal(video[0].height, 720);
    assert.equal(audio[0].packaging, "loc");
    assert.equal(audio[0].sampleRate, 48000);
    assert.equal(audio[0].channels, 2);
    assert.equal(initBytes(audio[0]), null);
    assert.equal(state.take(2, 0, bytes(write(tracks))), false, "nothing has changed");
    assert.equal(state.take(1, 0, bytes(write([]))), false, "that is of the past");
    assert.equal(state.take(3, 0, bytes(write(tracks, { complete: true }))), true);
  });

test("the drafts' own examples", () => {
  const state = new CatalogState(space);
  state.take(1, 0, golden("msf-01-5.6.1"));
  const one = playable(state.current);
  assert.equal(one.video.length, 1);
  assert.equal(one.audio.length, 1);
  assert.equal(one.video[0].packaging, "loc");
  state.take(2, 0, golden("msf-01-5.6.2"));
  assert.equal(playable(state.current).video.length, 3);
  state.take(3, 0, golden("msf-01-5.6.13"));
  assert.equal(state.current.complete, true);
});

test("updates: add, clone, remove, one after the other", () => {
  const state = new CatalogState(space);
  state.take(1, 0, bytes(writeCatalog(tracks)));
  state.take(1, 1, bytes({ deltaUpdate: [
    { op: "add", tracks: [{ name: "slides", packaging: "loc", role: "video", codec: "av01" }] },
    { op: "clone", tracks: [{ parentName: "video", name: "mid", width: 960, height: 540,
      bitrate: 1_200_000 }] },
    { op: "remove", tracks: [{ name: "low" }] },
  ] }));
  const { video } = playable(state.current);
  assert.deepEqual(video.map((track) => track.name), ["video", "mid", "slides"]);
  assert.equal(video[1].codec, "avc1.42E01F");
  assert.deepEqual(initBytes(video[1]), Uint8Array.of(1, 2, 3));
  assert.equal(video[1].width, 960);
});

test("after a gap or damage updates are refused until the next complete catalog", () => {
  const state = new CatalogState(space);
  const update = { deltaUpdate: [{ op: "remove", tracks: [{ name: "low" }] }] };
  assert.throws(() => state.take(1, 0, bytes(update)), /without its catalog/);
  state.take(2, 0, bytes(writeCatalog(tracks)));
  assert.throws(() => state.take(2, 2, bytes(update)), /without its catalog/);
  assert.throws(() => state.take(2, 3, bytes("{")));
  assert.equal(state.current.tracks.length, 3, "the last good one stays");
  state.take(3, 0, bytes(writeCatalog(tracks)));
  state.take(3, 1, bytes(update));
  assert.equal(state.current.tracks.length, 2);
  assert.throws(() => state.take(3, 2, bytes(update)), /no track "low"/);
});

test("what is no catalog is refused", () => {
  const bad = ["", "[]", "null", "7", "{}", '{"tracks":7}', '{"tracks":[{}]}', '{"tracks":[null]}',
    JSON.stringify({ tracks: Array(1025).fill({ name: "a" }) }), "x".repeat(1 << 21),
    Uint8Array.of(0x7b, 0xff, 0x7d)];
  bad.forEach((text, i) => {
    const state = new CatalogState(space);
    assert.throws(() => state.take(i, 0, typeof text === "string" ? bytes(text) : text),
      `case ${i}`);
    assert.equal(state.current, null);
  });
});

test("a track without a namespace is in that of the catalog", () => {
  assert.deepEqual(spaceOf({ namespace: undefined }, space), space);
  assert.deepEqual(spaceOf({ namespace: "other/b" }, space), parseNamespace("other/b"));
});
