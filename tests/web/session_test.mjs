// session.js and the module: two sessions on a transport without a network, each draft.
import assert from "node:assert/strict";
import { test } from "node:test";
import { transportPair } from "./fake_transport.mjs";
import { load, newModule, recording, until, webFile } from "./support.mjs";

const { parseNamespace, formatNamespace, joinFields, splitFields } = await load("names.js");
const { FILTER, REQUEST_ERROR, DONE } = await load("records.js");
const module = await newModule();
const space = parseNamespace("live/a%2Fb/%ff");
const now = () => performance.now();
const bytes = (size, seed) => Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed) & 255);

/** A client and a server session of one draft, both established. */
async function pair(draft, serverActs = () => {}) {
  const [near, far] = transportPair(`moqt-${draft}`);
  const server = recording(module, far, { draft, isServer: true }, serverActs);
  const client = recording(module, near, { draft });
  await until(() => client.find("established") && server.find("established"), "established");
  return { near, far, server, client };
}

/** Answers every SUBSCRIBE with `groups` groups of `objects` objects. */
const publishes = (groups, objects, size) => (event, self) => {
  if (event.what !== "requested" || event.request !== "subscribe") return;
  const { moqt } = self;
  moqt.acceptSubscribe(now(), event.id, 7, { largest: { group: 2 ** 42, object: 3 } });
  for (let group = 2 ** 42; group < 2 ** 42 + groups; ++group) {
    const stream = moqt.openSubgroup(now(), event.id, { group, priority: 9, hasProperties: true });
    for (let object = 0; object < objects; ++object)
      moqt.writeObject(now(), { stream, object, payload: bytes(size, object),
        timestamp: 1.7e15 + object, audioLevel: object,
        videoConfig: object === 0 ? bytes(40, 1) : undefined });
    moqt.finishStream(now(), stream);
  }
  moqt.publishDone(now(), event.id, DONE.track_ended, "that was all");
};

for (const draft of [16, 18]) {
  test(`draft ${draft}: objects arrive whole, in order, with their properties`, async () => {
    const { client, server, near } = await pair(draft, publishes(3, 5, 50_000));
    const id = client.moqt.subscribe(now(), space, "video", { priority: 3 });
    client.session.flush();
    await until(() => client.find("publish_done"), "PUBLISH_DONE");
    const asked = server.find("requested");
    assert.deepEqual(asked.space, space);
    assert.equal(asked.name, "video");
    const accepted = client.find("accepted");
    assert.equal(accepted.id, id);
    assert.deepEqual(accepted.largest, { group: 2 ** 42, object: 3 });
    const objects = client.all("object");
    assert.equal(objects.length, 15);
    for (const [i, one] of objects.sort((a, b) => a.group - b.group || a.object - b.object)
      .entries()) {
      assert.equal(one.group, 2 ** 42 + Math.floor(i / 5));
      assert.equal(one.object, i % 5);
      assert.equal(one.priority, 9);
      assert.equal(one.timestamp, 1.7e15 + one.object);
      assert.equal(one.audioLevel, one.object);
      assert.deepEqual(one.payload, bytes(50_000, one.object));
      assert.deepEqual(one.config, one.object === 0 ? bytes(40, 1) : null);
    }
    assert.equal(client.all("stream_finished").length, 3);
    assert.equal(client.find("publish_done").codeName, "TRACK_ENDED");
    assert.equal(client.find("publish_done").text, "that was all");
    client.session.close(0, "done");
    await until(() => server.find("closed"), "closed");
    assert.equal(server.find("closed").text, "done");
    assert.equal((await near.closed).closeCode, 0);
  });

  test(`draft ${draft}: a refusal says why`, async () => {
    const { client } = await pair(draft, (event, self) => {
      if (event.what === "requested")
        self.moqt.reject(now(), event.id, REQUEST_ERROR.does_not_exist, "nobody is live", 500);
    });
    client.moqt.subscribe(now(), space, "catalog");
    client.session.flush();
    const refused = await until(() => client.find("rejected"));
    assert.equal(refused.codeName, "DOES_NOT_EXIST");
    assert.equal(refused.text, "nobody is live");
    assert.equal(refused.retryAfter, 500);
    client.session.close();
  });

  test(`draft ${draft}: namespaces come and go`, async () => {
    let asked = null;
    const { client, server } = await pair(draft, (event, self) => {
      if (event.what !== "requested" || event.request !== "subscribe_namespace") return;
      asked = event;
      self.moqt.accept(now(), event.id);
      self.moqt.announceNamespace(now(), event.id, joinFields(splitFields(space)));
    });
    client.moqt.subscribeNamespace(now(), parseNamespace(""));
    client.session.flush();
    const added = await until(() => client.find("namespace_added"));
    assert.equal(asked.space.length, 0);
    assert.equal(formatNamespace(added.space), "live/a%2Fb/%FF");
    server.session.close();
    await until(() => client.find("closed"));
  });

  test(`draft ${draft}: a joining FETCH brings the group under way`, async () => {
    const { client } = await pair(draft, (event, self) => {
      const { moqt } = self;
      if (event.what !== "requested") return;
      if (event.request === "subscribe")
        moqt.acceptSubscribe(now(), event.id, 1, { largest: { group: 5, object: 1 } });
      if (event.request !== "fetch") return;
      assert.equal(event.fetch.type, 2);
      assert.equal(event.fetch.back, 0);
      moqt.acceptFetch(now(), event.id, { group: 5, object: 2 }, false);
      const stream = moqt.openFetchStream(now(), event.id);
      for (let object = 0; object < 2; ++object)
        moqt.writeFetchObject(now(), { stream, group: 5, object, payload: bytes(100, object) });
      moqt.finishStream(now(), stream);
    });
    const id = client.moqt.subscribe(now(), space, "video",
      { filter: FILTER.largest, forward: true });
    const fetch = client.moqt.joiningFetch(now(), id, 0);
    client.session.flush();
    await until(() => client.find("stream_finished", (e) => e.id === fetch), "the fetch");
    const objects = client.all("object");
    assert.deepEqual(objects.map((e) => [e.id, e.group, e.object]),
      [[fetch, 5, 0], [fetch, 5, 1]]);
    assert.deepEqual(objects[1].payload, bytes(100, 1));
    client.session.close();
  });

  test(`draft ${draft}: PUBLISH, and a new group is asked for`, async () => {
    const { client, server } = await pair(draft, (event, self) => {
      if (event.what === "requested") self.moqt.acceptPublish(now(), event.id, { forward: true });
    });
    const id = client.moqt.publish(now(), space, "video", 4,
      { forward: true, dynamicGroups: true, largest: { group: 9, object: 0 } });
    client.session.flush();
    await until(() => client.find("accepted"));
    const offered = server.find("requested");
    assert.equal(offered.request, "publish");
    assert.deepEqual(offered.largest, { group: 9, object: 0 });
    server.moqt.update(now(), offered.id, { newGroup: 10 });
    server.session.flush();
    const wish = await until(() => client.find("update_requested"));
    assert.equal(wish.id, id);
    assert.equal(wish.newGroup, 10);
    client.moqt.acceptUpdate(now(), wish.updateId);
    client.session.flush();
    await until(() => server.find("update_accepted"));
    client.session.close();
  });
}

test("a stream that stops in the middle is a reset with its code", async () => {
  let stream;
  const { client, server } = await pair(18, (event, self) => {
    if (event.what !== "requested") return;
    self.moqt.acceptSubscribe(now(), event.id, 1);
    stream = self.moqt.openSubgroup(now(), event.id, { group: 1 });
    self.moqt.writeObject(now(), { stream, object: 0, payload: bytes(10, 0) });
  });
  client.moqt.subscribe(now(), space, "video");
  client.session.flush();
  await until(() => client.find("object"));
  server.moqt.resetStream(now(), stream, 2);
  server.session.flush();
  const reset = await until(() => client.find("stream_reset"));
  assert.equal(reset.codeName, "DELIVERY_TIMEOUT");
  client.session.close();
});

test("who cancels a subscription stops its streams", async () => {
  const { client, server } = await pair(18, (event, self) => {
    if (event.what !== "requested") return;
    self.moqt.acceptSubscribe(now(), event.id, 1);
    const stream = self.moqt.openSubgroup(now(), event.id, { group: 1 });
    self.moqt.writeObject(now(), { stream, object: 0, payload: bytes(10, 0) });
  });
  const id = client.moqt.subscribe(now(), space, "video");
  client.session.flush();
  await until(() => client.find("object"));
  client.moqt.cancel(now(), id);
  client.session.flush();
  await until(() => server.find("cancelled"), "UNSUBSCRIBE");
  client.session.close();
});

test("the transport's backpressure reaches the session", async () => {
  const { server, far } = await pair(18);
  far.unread = true; // what is opened from here on nobody reads
  const id = server.moqt.publish(now(), space, "video", 1, { forward: true });
  const stream = server.moqt.openSubgroup(now(), id, { group: 1 });
  for (let object = 0; object < 100; ++object)
    server.moqt.writeObject(now(), { stream, object, payload: bytes(10_000, object) });
  server.session.flush();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(server.session.unsent > 500_000, `${server.session.unsent} bytes wait`);
  far.break();
  await until(() => server.find("closed"));
});

test("a lost connection closes the session, once", async () => {
  const { client, near } = await pair(18);
  near.break("gone");
  await until(() => client.find("closed"));
  assert.equal(client.all("closed").length, 1);
  assert.match(client.find("closed").text, /gone/);
  assert.equal(client.session.moqt.handle, 0);
});

test("what ends a session counts, not that its streams end before it", async () => {
  const [near, far] = transportPair("moqt-18");
  const open = near.createUnidirectionalStream.bind(near);
  let stop;
  near.createUnidirectionalStream = async () => {
    const way = (await open()).getWriter();
    return new WritableStream({ start: (controller) => (stop ??= (e) => controller.error(e)),
      write: (chunk) => way.write(chunk) });
  };
  recording(module, far, { draft: 18, isServer: true });
  const client = recording(module, near, { draft: 18 });
  await until(() => client.find("established"), "established");
  // As Chromium tells it: the code is none of the application's.
  stop(Object.assign(new Error("gone"), { streamErrorCode: 0 }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(client.find("closed"), undefined);
  far.close({ closeCode: 2, reason: "auth_failed" });
  await until(() => client.find("closed"), "the end");
  assert.deepEqual([client.find("closed").codeName, client.find("closed").text],
    ["UNAUTHORIZED", "auth_failed"]);
});

test("a hundred sessions leave no memory behind", async () => {
  const sizes = [];
  for (let i = 0; i < 100; ++i) {
    const { client, server } = await pair(i % 2 ? 16 : 18, publishes(2, 4, 20_000));
    client.moqt.subscribe(now(), space, "video");
    client.session.flush();
    await until(() => client.find("publish_done"));
    client.session.close();
    await until(() => server.find("closed"));
    sizes.push(module.view().buffer.byteLength);
  }
  assert.equal(sizes[99], sizes[20], "the module's memory grows");
});

test("what the module refuses is an error with a reason", () => {
  assert.throws(() => module.newSession(99, 0), /unsupported/);
  const alone = module.newSession(18, 0);
  assert.throws(() => alone.cancel(0, 4), /not found|request/);
  alone.delete();
});

test("the module asks for nothing from outside and is small", () => {
  const bytes = webFile("moqrtc.wasm");
  assert.deepEqual(WebAssembly.Module.imports(new WebAssembly.Module(bytes)), []);
  assert.ok(bytes.length < 400_000, `${bytes.length} bytes`);
});
