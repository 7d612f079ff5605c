// What the control room does without a page: requests, refusals, figures.
import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./support.mjs";

const { Api, Problem, counters } = await load("admin_api.js");

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
