// The small parts: clock, rendition choice, bitrate ladder, counter, names.
import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./support.mjs";

const { PlayClock } = await load("clock.js");
const { Abr, Throughput } = await load("abr.js");
const { Ladder, STEPS } = await load("ladder.js");
const { counterAge, decodeCounter, drawCounter } = await load("counter.js");
const names = await load("names.js");

test("the playhead keeps the target behind the shortest way", () => {
  const clock = new PlayClock({ target: 100 });
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  let now = 1000;
  for (let media = 0; media < 20_000; media += 33, now += 33) {
    clock.arrived(media, now + 40 + random() * 30); // 40 ms of path and jitter
    clock.adjust(now + 70);
  }
  const behind = now - 1000 - clock.mediaTime(now);
  assert.ok(Math.abs(behind - 140) < 15, `${behind} ms behind`);
});

test("where arrivals scatter more than the target, playing waits longer, and comes back", () => {
  const clock = new PlayClock({ target: 120 });
  let now = 0;
  const run = (ms, delay) => {
    for (const end = now + ms; now < end; now += 33) {
      clock.arrived(now, now + delay(now));
      clock.adjust(now + 40);
    }
  };
  run(10_000, () => 20);
  assert.equal(clock.extra, 0);
  run(10_000, (t) => (Math.floor(t / 33) % 20 === 0 ? 170 : 20)); // one in twenty is 150 ms late
  assert.ok(clock.extra > 35 && clock.extra < 60, `${clock.extra} ms more`);
  run(30_000, () => 20);
  assert.ok(clock.extra < 5, `${clock.extra} ms more`);
  run(3000, (t) => 20 + (t % 900)); // nothing would cover this
  assert.equal(clock.extra, 120);
});

test("a queue that builds up in the path is seen, though playing follows it", () => {
  const clock = new PlayClock({ target: 100 });
  let now = 0;
  const run = (ms, delay) => {
    for (const end = now + ms; now < end; now += 33) {
      clock.arrived(now, now + delay(now));
      clock.adjust(now);
    }
  };
  run(10_000, () => 40);
  assert.ok(clock.growth < 5);
  const began = now;
  run(8000, (t) => 40 + (t - began) / 8); // grows by a second
  assert.ok(clock.growth > 800, `${clock.growth} ms`);
  run(5000, () => 40);
  assert.ok(clock.growth < 20, `${clock.growth} ms`);
});

test("a slower track sets the pace for both", () => {
  const clock = new PlayClock({ target: 50 });
  clock.arrived(0, 20, "video");
  clock.arrived(0, 200, "audio");
  assert.equal(clock.wanted(1000), 1000 - 200 - 50);
  clock.forget("audio");
  assert.equal(clock.wanted(1000), 1000 - 20 - 50);
});

test("a new target is reached by speed, a new beginning by a jump", () => {
  const clock = new PlayClock({ target: 600 });
  let now = 0;
  const run = (ms, shift = 0) => {
    let fastest = 0;
    for (const end = now + ms; now < end; now += 50) {
      clock.arrived(now + shift, now);
      fastest = Math.max(fastest, clock.adjust(now));
    }
    return fastest;
  };
  run(5000);
  assert.ok(Math.abs(clock.mediaTime(now) - (now - 600)) < 30);
  clock.target = 100;
  const fastest = run(8000);
  assert.ok(fastest > 1.02 && fastest <= 1.12, `speed ${fastest}`);
  assert.equal(clock.jumps, 0);
  assert.ok(Math.abs(clock.mediaTime(now) - (now - 100)) < 30, "the target is reached");
  run(1000, 60_000); // the publisher's clock leaps ahead
  assert.ok(clock.jumps >= 1);
  assert.ok(Math.abs(clock.mediaTime(now) - (now + 60_000 - 100)) < 50);
});

test("throughput is measured in bursts, not over the pauses of a live stream", () => {
  const path = new Throughput();
  for (let frame = 0; frame < 30; ++frame) // 60 kB in 12 ms, ten times a second: 40 Mbit/s
    for (let piece = 0; piece < 13; ++piece) path.add(5000, frame * 100 + piece);
  assert.ok(path.estimate > 35e6 && path.estimate < 45e6, `${path.estimate}`);
  const full = new Throughput(); // 100 kB/s without a pause
  for (let now = 0; now < 5000; now += 12) full.add(1200, now);
  assert.ok(full.estimate > 0.75e6 && full.estimate < 0.85e6, `${full.estimate}`);
  const trickle = new Throughput();
  for (let i = 0; i < 100; ++i) trickle.add(200, i * 20);
  assert.equal(trickle.estimate, null);
});

test("renditions go down when the path is too small, and up again when there is room", () => {
  const renditions = [{ bitrate: 4e6 }, { bitrate: 1.5e6 }, { bitrate: 4e5 }];
  const abr = new Abr();
  let now = 0;
  const look = (current, state, ms) => {
    let chosen = { index: current, why: null };
    for (const end = now + ms; now < end; now += 500) {
      chosen = abr.choose(renditions, current, state, now);
      if (chosen.why !== null) return chosen;
    }
    return chosen;
  };
  const good = { throughput: 20e6, buffer: 1, late: false };
  assert.equal(look(0, good, 30_000).why, null);
  // Straight to what fits: 0.6 Mbit/s is too little for the second one, too.
  assert.deepEqual(look(0, { throughput: 0.6e6, buffer: 0.1, late: true }, 5000),
    { index: 2, why: "throughput" });
  assert.equal(look(2, { throughput: 1.6e6, buffer: 1, late: false }, 20_000).why, null);
  assert.deepEqual(look(2, good, 20_000), { index: 1, why: "room" });
  assert.deepEqual(look(1, good, 20_000), { index: 0, why: "room" });
  // Not even the least: sound alone.
  const least = look(2, { throughput: 0.1e6, buffer: 0, late: true }, 10_000);
  assert.deepEqual(least, { index: null, why: "audio only" });
});

test("one late picture is no reason to change the rendition", () => {
  const abr = new Abr();
  const renditions = [{ bitrate: 4e6 }, { bitrate: 1e6 }];
  const state = (late) => ({ throughput: 50e6, buffer: 1, late });
  assert.equal(abr.choose(renditions, 0, state(true), 10_000).why, null);
  assert.equal(abr.choose(renditions, 0, state(false), 10_500).why, null);
  assert.equal(abr.choose(renditions, 0, state(true), 11_500).why, null);
});

test("the ladder goes down while the queue ages, drops what is hopeless, and comes back", () => {
  const ladder = new Ladder();
  let now = 0;
  let written = 0;
  let sent = 0;
  const seen = [];
  /** `ms` of a stream of 2 Mbit/s on a path of `path` bytes per second. */
  const run = (ms, path) => {
    for (const end = now + ms; now < end; now += 100) {
      written += 25_000 * ladder.step.scale;
      sent = Math.min(written, sent + path / 10);
      const verdict = ladder.look(written, sent, now);
      if (verdict !== null) seen.push(verdict);
      if (verdict === "drop") written = sent;
    }
  };
  run(10_000, 1e6);
  assert.deepEqual(seen, []);
  assert.equal(ladder.age, 0);
  run(8000, 125_000); // half of what is written
  assert.ok(seen.filter((one) => one === "down").length >= 2, seen.join());
  assert.ok(ladder.step.scale <= 0.5, `${ladder.step.scale}`);
  assert.ok(ladder.age < 1300, `${ladder.age} ms old`);
  seen.length = 0;
  run(5000, 0); // nothing gets through any more
  assert.ok(seen.includes("drop"), seen.join());
  assert.equal(ladder.level, STEPS.length - 1);
  seen.length = 0;
  run(60_000, 1e6);
  assert.equal(ladder.level, 0);
  assert.ok(seen.every((one) => one === "up"), seen.join());
});

/** A context that keeps what is painted, at the size that readCounter looks at. */
function painted(width, height) {
  const pixels = new Uint8ClampedArray(width * height * 4);
  return { pixels, fillStyle: "", fillRect(x, y, w, h) {
    const level = this.fillStyle === "#fff" ? 235 : 16;
    for (let row = y; row < Math.min(y + h, height); ++row)
      pixels.fill(level, (row * width + x) * 4, (row * width + Math.min(x + w, width)) * 4);
  } };
}

test("the counter reads as it was drawn, at any size, and nothing else does", () => {
  for (const [width, height] of [[640, 360], [1280, 720], [360, 200]]) {
    for (const value of [0, 1, 0xffffffff, 0x80000001, 0x12345678, 1763737345123 % 2 ** 32]) {
      const context = painted(width, height);
      drawCounter(context, width, height, value);
      const small = new Uint8ClampedArray(72 * 8 * 4);
      const top = Math.floor((height * 7) / 8);
      for (let y = 0; y < 8; ++y)
        for (let x = 0; x < 72; ++x) {
          const from = (Math.floor(top + ((y + 0.5) * (height - top)) / 8) * width +
            Math.floor(((x + 0.5) * width) / 72)) * 4;
          small.set(context.pixels.subarray(from, from + 4), (y * 72 + x) * 4);
        }
      assert.equal(decodeCounter(small), value, `${width} × ${height}, ${value}`);
      small.fill(128, 4 * 5, 4 * 8 * 72);
      assert.equal(decodeCounter(small), null);
    }
  }
  assert.equal(decodeCounter(new Uint8ClampedArray(72 * 8 * 4)), null);
});

test("the age of a counter, also around its end", () => {
  const now = 1763737345123;
  assert.equal(counterAge((now - 120) % 2 ** 32, now), 120);
  const turn = 400 * 2 ** 32;
  assert.equal(counterAge(2 ** 32 - 50, turn + 30), 80);
  assert.equal(counterAge((now + 5000) % 2 ** 32, now), null);
});

test("namespaces as text and as bytes", () => {
  for (const text of ["", "a", "live/a/b", "a%2Fb/c", "%00%FF", "r%C3%A4um/%20x"]) {
    const space = names.parseNamespace(text);
    assert.equal(names.formatNamespace(space), text);
    assert.deepEqual(names.parseNamespace(names.formatNamespace(space)), space);
  }
  assert.deepEqual([...names.parseNamespace("ab/c")], [0, 2, 97, 98, 0, 1, 99]);
  assert.deepEqual(names.parseNamespace("/a//b/"), names.parseNamespace("a/b"));
  assert.equal(names.formatNamespace(names.parseNamespace("100%/räum")), "100%25/r%C3%A4um");
  assert.equal(names.showNamespace(names.parseNamespace("r%C3%A4um/%FF")), "räum / %FF");
});
