// CMAF through the module: init segments and chunks, written and read again, and real files.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { load, newModule } from "./support.mjs";

const { Unpacker } = await load("unpack.js");
const module = await newModule();
/** avcC of a 640 × 360 baseline stream. */
const avcC = Uint8Array.from(Buffer.from(
  "0142c01effe1001867" + "42c01ed900a02ff961000003000100000300320f162e48" + "01000568cb83cb20", "hex"));
const base64 = (bytes) => Buffer.from(bytes).toString("base64");

test("a video track: init segment, chunks, samples", () => {
  const init = module.writeVideoInit({ timescale: 90_000, width: 640, height: 360,
    description: avcC });
  const read = module.readInit(init);
  assert.equal(read.tracks.length, 1);
  const [track] = read.tracks;
  assert.equal(track.kind, "video");
  assert.equal(track.timescale, 90_000);
  assert.equal(track.codec, "avc1.42C01E");
  assert.deepEqual(track.description, avcC);
  const data = Uint8Array.from({ length: 5000 }, (_, i) => i & 255);
  for (const [decodeTime, key] of [[0, true], [3000, false], [2 ** 40, true]]) {
    const chunk = module.writeChunk({ sequence: 1, decodeTime, duration: 3000, key, data });
    const samples = read.samples(chunk);
    assert.equal(samples.length, 1);
    assert.equal(samples[0].key, key);
    assert.equal(samples[0].timestamp, (decodeTime * 1e6) / 90_000);
    assert.equal(Math.round(samples[0].duration), 33333);
    assert.deepEqual(samples[0].data, data);
  }
  read.delete();
});

test("an audio track, with what the encoder says of itself and without", () => {
  const head = Uint8Array.from([..."OpusHead"].map((c) => c.charCodeAt(0)).concat(
    [1, 2, 0x38, 0x01, 0x80, 0xbb, 0, 0, 0, 0, 0]));
  for (const description of [head, null]) {
    const init = module.writeAudioInit({ timescale: 48_000, channels: 2, sampleRate: 48_000,
      description });
    const read = module.readInit(init);
    const [track] = read.tracks;
    assert.equal(track.kind, "audio");
    assert.equal(track.codec, "opus");
    assert.equal(track.channels, 2);
    assert.equal(track.sampleRate, 48_000);
    assert.deepEqual(track.description, head);
    read.delete();
  }
});

test("damaged init segments and chunks are refused, cut at every byte", () => {
  const init = module.writeVideoInit({ timescale: 90_000, width: 640, height: 360,
    description: avcC });
  for (let size = 0; size < init.length; ++size) {
    let read = null;
    try {
      read = module.readInit(init.subarray(0, size));
    } catch {
      continue;
    }
    assert.ok(read.tracks.length === 1); // all but a trailing box
    read.delete();
  }
  const read = module.readInit(init);
  const chunk = module.writeChunk({ sequence: 1, decodeTime: 0, duration: 1, key: true,
    data: new Uint8Array(100) });
  for (let size = 0; size < chunk.length; ++size)
    assert.throws(() => read.samples(chunk.subarray(0, size)), `${size} bytes`);
  for (let at = 0; at < chunk.length - 100; ++at) {
    const broken = chunk.slice();
    broken[at] ^= 0xff;
    try {
      for (const sample of read.samples(broken)) assert.ok(sample.data.length <= broken.length);
    } catch (error) {
      assert.ok(error.message.length > 0);
    }
  }
  read.delete();
  assert.throws(() => module.writeVideoInit({ timescale: 1, width: 1, height: 1,
    description: new Uint8Array(3) }));
});

test("ffprobe reads what the publisher page packages", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "moqrtc-web-"));
  try {
    const source = join(folder, "source.mp4");
    try {
      execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i",
        "testsrc=size=320x180:rate=25:duration=2", "-pix_fmt", "yuv420p", "-c:v", "libx264",
        "-profile:v", "baseline", "-g", "25", "-movflags",
        "empty_moov+default_base_moof+frag_every_frame", source]);
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
      return t.skip("no ffmpeg here");
    }
    // Apart by the player's side, together again by the publisher's.
    const file = new Uint8Array(readFileSync(source));
    const boxes = [];
    for (let at = 0; at < file.length;) {
      const size = new DataView(file.buffer, file.byteOffset + at).getUint32(0);
      boxes.push({ type: String.fromCharCode(...file.subarray(at + 4, at + 8)),
        bytes: file.subarray(at, at + size) });
      at += size;
    }
    const joined = (list) => Uint8Array.from(list.flatMap((box) => [...box.bytes]));
    const init = joined(boxes.filter(({ type }) => ["ftyp", "moov"].includes(type)));
    const unpacker = new Unpacker(module, { name: "v", kind: "video", packaging: "cmaf",
      init: base64(init) });
    assert.equal(unpacker.width, 320);
    const out = [module.writeVideoInit({ timescale: 90_000, width: 320, height: 180,
      description: unpacker.description })];
    let keys = 0;
    let sequence = 0;
    boxes.forEach((box, i) => {
      if (box.type !== "moof") return;
      const [frame] = unpacker.frames({ group: 1, timestamp: null, timescale: null,
        payload: joined([box, boxes[i + 1]]) });
      assert.equal(frame.key, module.isIdr(frame.data));
      keys += frame.key ? 1 : 0;
      out.push(module.writeChunk({ sequence: ++sequence, duration: 3600, key: frame.key,
        decodeTime: Math.round((frame.decodeTime * 90_000) / 1e6), data: frame.data }));
    });
    assert.equal(keys, 2);
    assert.equal(sequence, 50);
    const made = join(folder, "made.mp4");
    writeFileSync(made, Buffer.concat(out));
    const probe = JSON.parse(execFileSync("ffprobe", ["-v", "error", "-of", "json", "-show_streams",
      "-show_packets", made]));
    assert.equal(probe.streams[0].codec_name, "h264");
    assert.equal(probe.packets.length, 50);
    const times = probe.packets.map((one) => Number(one.dts_time));
    assert.ok(times.every((time, i) => i === 0 || time > times[i - 1]), "monotone");
    const md5 = (path) => execFileSync("ffmpeg", ["-v", "error", "-i", path, "-map", "0:v", "-f",
      "md5", "-"]).toString();
    assert.equal(md5(made), md5(source), "the same pictures");
    unpacker.delete();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
