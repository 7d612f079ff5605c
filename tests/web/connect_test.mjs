// connect.js: every failure has its kind and its words; a lost session is made again.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { FakeRelay } from "./fake_relay.mjs";
import { transportPair } from "./fake_transport.mjs";
import { load, newModule, Session, until } from "./support.mjs";

const { Connection, findServer, openTransport, settingsFrom } = await load("connect.js");
const { lifeLeft, Renewal } = await load("renewal.js");
const module = await newModule();
const hash = "ab".repeat(32);
const page = { hostname: "127.0.0.1" };
const soon = Math.floor(Date.now() / 1000) + 86_400;
globalThis.location = page;
let answers = {};
let asked = [];

globalThis.fetch = async (path) => {
  asked.push(path);
  const found = answers[path.split("?")[0]];
  if (found === undefined) throw new TypeError("Failed to fetch");
  return { ok: found.status === 200, status: found.status, headers: new Map(found.headers ?? []),
    json: async () => JSON.parse(found.body), text: async () => found.body };
};
const info = (quic, notAfter = soon) => ({ status: 200,
  body: JSON.stringify({ quic, certificate: { not_after: notAfter } }) });

/** A WebTransport that fails, or is one end of a pair. */
function offer(make) {
  globalThis.WebTransport = function (url, options) {
    return make(url, options);
  };
}
const failing = (words) => offer(() => {
  const closed = Promise.reject(new Error(words));
  const ready = Promise.reject(new Error(words));
  ready.catch(() => {});
  return { closed, ready, close() {} };
});

afterEach(() => {
  answers = {};
  asked = [];
  delete globalThis.WebTransport;
});

test("the server of a page: address, port and hashes", async () => {
  answers = { "/api/v1/info": info("127.0.0.1:4443"),
    "/certificate.sha256": { status: 200, body: `${hash}\n${"cd".repeat(32)}\n` } };
  const settings = settingsFrom("");
  const found = await findServer(settings, page);
  assert.equal(found.url, "https://127.0.0.1:4443/moq");
  assert.deepEqual(found.hashes.map((one) => Buffer.from(one).toString("hex")),
    [hash, "cd".repeat(32)]);
  assert.equal((await findServer(settings, { hostname: "localhost" })).url,
    "https://127.0.0.1:4443/moq");
  answers["/api/v1/info"] = info("0.0.0.0:4443");
  assert.equal((await findServer(settings, { hostname: "relay.example" })).url,
    "https://relay.example:4443/moq");
});

test("a certificate of long life is one that browsers check by themselves", async () => {
  answers = { "/api/v1/info": info("127.0.0.1:4443", soon + 90 * 86_400),
    "/certificate.sha256": { status: 200, body: hash } };
  assert.deepEqual((await findServer(settingsFrom(""), page)).hashes, []);
});

test("what the page's address says wins", async () => {
  const settings = settingsFrom(
    `?server=https://other:1/moq%3Fa=b&cert=${hash}&cert=nonsense&draft=16&token=t.o.k`);
  assert.deepEqual(settings.drafts, [16]);
  const found = await findServer(settings, page);
  assert.equal(found.url, "https://other:1/moq?a=b&jwt=t.o.k");
  assert.equal(found.hashes.length, 1);
  assert.deepEqual(asked, []);
  assert.deepEqual(settingsFrom("?draft=7").drafts, [18, 16]);
});

test("another place of the same server is still ours, another server is not", async () => {
  answers = { "/api/v1/info": info("127.0.0.1:4443"),
    "/certificate.sha256": { status: 200, body: hash } };
  const here = await findServer(settingsFrom("?server=https://127.0.0.1:4443/playback/x"), page);
  assert.equal(here.url, "https://127.0.0.1:4443/playback/x");
  assert.equal(here.ours, true);
  assert.equal(here.hashes.length, 1);
  const there = await findServer(settingsFrom("?server=https://127.0.0.1:4444/moq"), page);
  assert.equal(there.ours, false);
  assert.equal(there.hashes.length, 0);
  answers = {};
  const alone = await findServer(settingsFrom("?server=https://127.0.0.1:4444/moq"), page);
  assert.equal(alone.url, "https://127.0.0.1:4444/moq");
});

test("no server: unreachable", async () => {
  await assert.rejects(findServer(settingsFrom(""), page), { kind: "unreachable" });
});

test("no WebTransport, and no secure page", async () => {
  const server = { url: "https://127.0.0.1:1/moq", hashes: [], ours: true };
  await assert.rejects(openTransport(server, [18]), { kind: "no-webtransport", text: /Chrome/ });
  globalThis.isSecureContext = false;
  await assert.rejects(openTransport(server, [18]), { kind: "no-webtransport", text: /https/ });
  delete globalThis.isSecureContext;
});

test("a refusal has its HTTP status, asked of the server", async () => {
  failing("Opening handshake failed.");
  const server = { url: "https://127.0.0.1:1/playback/x?jwt=t", hashes: [new Uint8Array(32)],
    ours: true };
  for (const status of [401, 403, 404, 429, 503]) {
    answers = { "/api/v1/door": { status, headers: [["x-moq-door", "1"]], body: "" } };
    await assert.rejects(openTransport(server, [18]),
      { kind: "refused", status, text: new RegExp(String(status)) });
  }
  assert.equal(asked[0], "/api/v1/door?path=%2Fplayback%2Fx%3Fjwt%3Dt");
});

test("a way of media that is switched off is called so, and looked at again", async () => {
  failing("Opening handshake failed.");
  answers = { "/api/v1/info": info("127.0.0.1:4443"),
    "/certificate.sha256": { status: 200, body: hash },
    "/api/v1/door": { status: 503, headers: [["x-moq-door", "1"]],
      body: "moq is switched off\n" } };
  const down = [];
  const connection = new Connection(module, settingsFrom(""), { onSession() {}, onEvent() {},
    onDown: ({ kind, status, text }, again) => down.push({ kind, status, text, again }) });
  connection.start();
  await until(() => down.length === 2, "a second try");
  connection.stop();
  assert.equal(down[0].kind, "switched-off");
  assert.equal(down[0].status, 503);
  assert.match(down[0].text, /switched this way of media off/);
  assert.equal(down[0].again, true);
});

const jwt = (claims) =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;

test("the next token is due at four fifths of the last one's life", async () => {
  const second = () => Date.now() / 1000;
  assert.equal(lifeLeft("opaque"), null);
  assert.equal(lifeLeft(jwt({ sub: "x" })), null);
  assert.equal(lifeLeft(jwt({ exp: 100 }), 40_000), 60_000);
  const began = Date.now();
  const first = jwt({ exp: second() + 2 });
  const next = jwt({ exp: second() + 1000 });
  answers = { "/next": { status: 500, body: "" } };
  const shown = [];
  const renewal = new Renewal(first, "/next", (token) => shown.push(token));
  renewal.start();
  await until(() => renewal.failure !== null, "the first attempt");
  assert.ok(Date.now() - began > 1400 && Date.now() - began < 1950);
  assert.match(renewal.failure, /500/);
  answers = { "/next": { status: 200, body: JSON.stringify({ token: next }) } };
  await until(() => shown.length === 1, "the second attempt");
  assert.deepEqual([shown[0], renewal.token, renewal.renewed, renewal.failure],
    [next, next, 1, null]);
  renewal.stop();
  // A function does as well; what is opaque is never renewed by itself.
  const other = new Renewal(jwt({ exp: second() + 0.1 }), async () => next, (t) => shown.push(t));
  other.start();
  await until(() => shown.length === 2);
  other.stop();
  const opaque = new Renewal("opaque", async () => next, () => assert.fail());
  opaque.start();
  assert.equal(opaque.timer, null);
});

test("a fresh token is shown with a request that is open, and used from then on", async () => {
  const updates = [];
  offer((url, { protocols }) => {
    const [near, far] = transportPair(protocols[0]);
    new Session(module, far, { draft: 18, isServer: true, onEvent: (event, { moqt }) => {
      if (event.what === "requested") moqt.acceptSubscribe(performance.now(), event.id, 1, {});
      if (event.what !== "update_requested") return;
      updates.push(event.id);
      moqt.acceptUpdate(performance.now(), event.updateId);
    } });
    return near;
  });
  const connection = new Connection(module, settingsFrom("?server=https://a:1/moq?tok=one"), {
    onSession() {}, onEvent() {}, onDown() {} });
  assert.equal(connection.renewal.token, "one");
  connection.start();
  await until(() => connection.session !== null);
  assert.equal(connection.session.renew("two"), false, "nothing is open yet");
  const { session } = connection;
  const id = session.moqt.subscribe(session.now(), ["live"], "catalog", {});
  session.flush();
  await until(() => session.subscriptions.has(id), "the subscription");
  assert.equal(session.renew("two"), true);
  await until(() => updates.length === 1, "the update");
  connection.stop();
});

test("neither a server without such an answer nor an open door is a refusal", async () => {
  failing("Opening handshake failed.");
  const server = { url: "https://127.0.0.1:1/moq", hashes: [new Uint8Array(32)], ours: true };
  answers = { "/api/v1/door": { status: 404, body: "" } };
  await assert.rejects(openTransport(server, [18]), { kind: "unreachable", status: null });
  answers = { "/api/v1/door": { status: 200, headers: [["x-moq-door", "1"]], body: "" } };
  await assert.rejects(openTransport(server, [18]), { kind: "unreachable", status: null });
});

test("a certificate that is not trusted", async () => {
  failing("net::ERR_QUIC_PROTOCOL_ERROR.QUIC_TLS_CERTIFICATE_UNKNOWN");
  await assert.rejects(openTransport({ url: "https://a:1/moq", hashes: [], ours: false }, [18]),
    { kind: "certificate" });
});

test("another certificate than the page was told of", async () => {
  failing("Opening handshake failed.");
  answers = { "/api/v1/door": { status: 200, headers: [["x-moq-door", "1"]], body: "" },
    "/certificate.sha256": { status: 200, body: "cd".repeat(32) } };
  const server = { url: "https://127.0.0.1:1/moq", hashes: [new Uint8Array(32).fill(0xab)],
    ours: true };
  await assert.rejects(openTransport(server, [18]), { kind: "certificate" });
  server.hashes[0].fill(0xcd);
  await assert.rejects(openTransport(server, [18]), { kind: "unreachable" });
});

test("hashes and drafts are handed to the browser; a server without a draft is told", async () => {
  let given;
  offer((url, options) => {
    given = options;
    return transportPair("")[0];
  });
  const server = { url: "https://a:1/moq", hashes: [new Uint8Array(32)], ours: false };
  await assert.rejects(openTransport(server, [18, 16]), { kind: "session", text: /18, 16/ });
  assert.deepEqual(given.protocols, ["moqt-18", "moqt-16"]);
  assert.equal(given.serverCertificateHashes[0].algorithm, "sha-256");
});

test("the server chooses the draft; a lost session is made again, until stop", async () => {
  const relay = new FakeRelay();
  const ends = [];
  offer((url, { protocols }) => {
    const [near, far] = transportPair(protocols.at(-1));
    new Session(module, far, { draft: 16, isServer: true, onEvent: relay.act() });
    ends.push(near);
    return near;
  });
  const down = [];
  const connection = new Connection(module, settingsFrom("?server=https://a:1/moq"), {
    onSession() {}, onEvent() {}, onDown: (failure, again) => down.push([failure.kind, again]) });
  connection.start();
  await until(() => connection.connects === 1);
  assert.equal(connection.draft, 16);
  ends[0].break("gone");
  await until(() => connection.connects === 2, "another session");
  ends[1].break("gone");
  await until(() => connection.connects === 3, "and another");
  connection.stop();
  await until(() => down.length === 3);
  assert.deepEqual(down, [["session", true], ["session", true], ["session", false]]);
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal(ends.length, 3);
});

test("a refused page does not try again, one without a server does", async () => {
  failing("Opening handshake failed.");
  answers = { "/api/v1/info": info("127.0.0.1:4443"),
    "/certificate.sha256": { status: 200, body: hash },
    "/api/v1/door": { status: 403, headers: [["x-moq-door", "1"]], body: "" } };
  const down = [];
  const make = () => new Connection(module, settingsFrom(""), { onSession() {}, onEvent() {},
    onDown: (failure, again) => down.push([failure.kind, failure.status, again]) });
  make().start();
  await until(() => down.length === 1);
  assert.deepEqual(down, [["refused", 403, false]]);
  answers = {};
  const other = make();
  other.start();
  await until(() => down.length >= 3, "a second try");
  assert.deepEqual(down[2], ["unreachable", null, true]);
  other.stop();
});
