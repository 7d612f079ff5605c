// ordering.js: whatever order objects come in, they go out in theirs, and gaps are counted.
import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./support.mjs";

const { Ordering } = await load("ordering.js");

/** Everything that can be had now, as "group:object". */
function drain(order, now = 0) {
  const out = [];
  for (let item; (item = order.poll(now)) !== null;) out.push(item);
  return out;
}
const fill = (order, group, objects) => {
  for (const object of objects) order.add(group, object, `${group}:${object}`);
};

test("objects of several groups, mixed up, come out in order", () => {
  const wanted = [];
  const input = [];
  for (let group = 10; group < 14; ++group)
    for (let object = 0; object < 6; ++object) {
      wanted.push(`${group}:${object}`);
      input.push([group, object]);
    }
  for (let seed = 1; seed < 50; ++seed) {
    let state = seed;
    const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const order = new Ordering();
    for (let group = 10; group < 14; ++group) order.streamOpened(group);
    const mixed = [...input].sort(() => random() - 0.5);
    const out = [];
    order.beginAt(10);
    for (const [group, object] of mixed) {
      fill(order, group, [object]);
      out.push(...drain(order));
    }
    for (let group = 10; group < 14; ++group) {
      order.streamEnded(group, true);
      out.push(...drain(order));
    }
    assert.deepEqual(out, wanted, `seed ${seed}`);
    assert.equal(order.gaps, 0);
  }
});

test("video starts at the first object of a group, audio anywhere", () => {
  const video = new Ordering();
  fill(video, 5, [3, 4]);
  assert.deepEqual(drain(video), []);
  fill(video, 6, [0]);
  assert.deepEqual(drain(video), ["6:0"]);
  const audio = new Ordering({ anywhere: true });
  fill(audio, 5, [3, 4]);
  assert.deepEqual(drain(audio), ["5:3", "5:4"]);
});

test("what a joining FETCH brings goes before what the subscription brings", () => {
  const order = new Ordering();
  order.fetching = true;
  order.streamOpened(7);
  fill(order, 7, [3, 4]);
  assert.deepEqual(drain(order), []);
  order.beginAt(7);
  fill(order, 7, [0, 1, 2]);
  assert.deepEqual(drain(order), ["7:0", "7:1", "7:2", "7:3", "7:4"]);
});

test("a group that stalls is left for a later one when patience is over, not before", () => {
  const order = new Ordering({ patience: 500 });
  order.streamOpened(1);
  fill(order, 1, [0, 1]);
  assert.deepEqual(drain(order, 0), ["1:0", "1:1"]);
  order.streamOpened(2);
  fill(order, 2, [0]);
  assert.deepEqual(drain(order, 100), []);
  assert.deepEqual(drain(order, 599), []);
  assert.deepEqual(drain(order, 600), ["2:0"]);
  assert.equal(order.gaps, 1);
  fill(order, 1, [2]); // too late
  assert.deepEqual(drain(order, 700), []);
  assert.equal(order.late, 1);
});

test("a group that was reset is left at once, and is a gap", () => {
  const order = new Ordering();
  order.streamOpened(1);
  fill(order, 1, [0]);
  assert.deepEqual(drain(order), ["1:0"]);
  order.streamEnded(1, false);
  order.streamOpened(2);
  fill(order, 2, [0]);
  assert.deepEqual(drain(order), ["2:0"]);
  assert.equal(order.gaps, 1);
});

test("a hole in a group ends it for video and is skipped for audio", () => {
  for (const anywhere of [false, true]) {
    const order = new Ordering({ anywhere });
    order.streamOpened(1);
    order.beginAt(1);
    fill(order, 1, [0, 2]);
    order.streamEnded(1, true);
    order.streamOpened(2);
    fill(order, 2, [0]);
    assert.deepEqual(drain(order), anywhere ? ["1:0", "1:2", "2:0"] : ["1:0", "2:0"]);
    assert.ok(anywhere ? order.gaps === 1 : order.late === 0);
  }
});

test("complete groups follow each other without waiting; nothing is kept of the past", () => {
  const order = new Ordering({ patience: 1e9 });
  for (let group = 0; group < 1000; ++group) {
    order.streamOpened(group);
    fill(order, group, [0, 1]);
    order.streamEnded(group, true);
    assert.deepEqual(drain(order), [`${group}:0`, `${group}:1`]);
  }
  assert.equal(order.gaps, 0);
  assert.ok(order.groups.size < 4, `${order.groups.size} groups are kept`);
});

test("duplicates come out once", () => {
  const order = new Ordering();
  fill(order, 1, [0, 0, 1]);
  assert.deepEqual(drain(order), ["1:0", "1:1"]);
  fill(order, 1, [0, 1]);
  assert.deepEqual(drain(order), []);
});
