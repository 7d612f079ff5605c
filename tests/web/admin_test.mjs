// What the control room does without a page: requests, refusals, figures.
import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./support.mjs";

const { Api, Problem, counters } = await load("admin_api.js");
const { bitrate, History, outline, in_order, Rates, span_since } = await load("admin_plots.js");

function server(status, body) {
  const asked = [];
  const fetcher = async (path, options) => {
    asked.push([options.method, path, options.headers, options.body]);
    return { ok: status < 300, status, json: async () => JSON.parse(body), text: async () => body };
  };
  return { asked, fetcher };
}

test("a key goes along, a body is JSON, 204 has none", async () => {
  const { asked, fetcher } = server(204, "");
  const api = new Api("mk_a", fetcher);
  assert.equal(await api.remove("/keys/a"), null);
  assert.deepEqual(asked[0], ["DELETE", "/api/v1/keys/a", { authorization: "Bearer mk_a" }, undefined]);
  await new Api("", fetcher).post("/keys", { a: 1 });
  assert.deepEqual(asked[1].slice(2), [{ "content-type": "application/json" }, '{"a":1}']);
});

test("a refusal speaks the words of the server", async () => {
  const { fetcher } = server(422, '{"detail":"must not be empty","field":"name"}');
  await assert.rejects(new Api("", fetcher).post("/keys", {}), (problem) =>
    problem instanceof Problem && problem.status === 422 && problem.message === "name must not be empty.");
  const broken = server(502, "<html>");
  await assert.rejects(new Api("", broken.fetcher).get("/info"), /status 502/);
});

test("figures are summed over their labels", () => {
  const all = counters('# HELP a b\na{shard="0"} 3\na{shard="1"} 4\nb 1.5\n');
  assert.equal(all.sum("a"), 7);
  assert.equal(all.sum("b"), 1.5);
  assert.equal(all.sum("c"), 0);
});

test("lines go back as far as the span, and end with what they are about", () => {
  const history = new History(10);
  for (let time = 0; time <= 30; time += 2) history.add("a", time, time);
  assert.deepEqual(history.of("a")[0], [20, 20]);
  assert.equal(history.of("a").length, 6);
  history.add("b", 30, 1);
  history.keep((name) => name === "b");
  assert.deepEqual([history.of("a"), history.of("b")], [[], [[30, 1]]]);
});

test("a counter that goes back began anew", () => {
  const rates = new Rates();
  const said = [[0, 100], [2, 300], [4, 300], [4, 400], [6, 50], [8, 150]].map(([time, total]) => rates.of("a", time, total));
  assert.deepEqual(said, [0, 100, 0, 0, 0, 50]);
  rates.keep(() => false);
  assert.equal(rates.of("a", 10, 350), 0);
});

test("an outline ends now, at the right edge, and reaches the top where it is largest", () => {
  const box = { span: 100, width: 50, height: 22 };
  const { most, line, area } = outline([[50, 0], [75, 4], [100, 2]], 100, box);
  assert.equal(most, 4);
  assert.equal(line, "25.0,21.0 37.5,1.0 50.0,11.0");
  assert.equal(area, `25.0,22 ${line} 50,22`);
  assert.deepEqual([0, 59, 61, 301].map((time) => span_since(0, time)), [60, 60, 61, 300]);
  assert.deepEqual(outline([], 0, { ...box, least: 7 }), { most: 7, line: "", area: "" });
});

test("bits are written for people", () => {
  assert.deepEqual([0, 999, 1000, 12_345, 3.25e6, 4.2e10].map(bitrate),
    ["0 bit/s", "999 bit/s", "1.0 kbit/s", "12 kbit/s", "3.3 Mbit/s", "42 Gbit/s"]);
});

test("limits that were met come first, then those that are nearest", () => {
  const limit = (name, current, maximum, hits) => ({ name, current, maximum, hits });
  const idle = Array.from({ length: 8 }, (_, i) => limit(`idle${i}`, 0, 10, 0));
  const { first, rest } = in_order([...idle, limit("half", 5, 10, 0), limit("met", 0, 10, 3),
    limit("full", 10, 10, 0), limit("unknown", null, 0, null)]);
  assert.deepEqual(first.slice(0, 3).map((one) => one.name), ["met", "full", "half"]);
  assert.equal(first.length, 6);
  assert.equal(rest.length, 6);
  assert.deepEqual(in_order([]), { first: [], rest: [] });
});
