// publication.js and receiver.js by way of a relay in memory, in each draft.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { FakeRelay } from "./fake_relay.mjs";
import { transportPair } from "./fake_transport.mjs";
import { load, newModule, Session, until } from "./support.mjs";

const { Publication } = await load("publication.js");
const { TrackReceiver } = await load("receiver.js");
const { parseNamespace } = await load("names.js");
const module = await newModule();
const space = parseNamespace("live/a");
const payload = (group, object) =>
  Uint8Array.from({ length: 3000 }, (_, i) => (i + group * 7 + object) & 255);

let sessions = [];
afterEach(() => {
  for (const session of sessions) session.close();
  sessions = [];
});

/** A session with the relay whose events go to `handle`. */
async function join(relay, draft, handle = () => {}) {
  const [near, far] = transportPair(`moqt-${draft}`);
  new Session(module, far, { draft, isServer: true, onEvent: relay.act() });
  let established = false;
  const session = new Session(module, near, { draft, onEvent: (event) => {
    established = established || event.what === "established";
    handle(event);
  } });
  sessions.push(session);
  await until(() => established, "a session");
  return { session, near };
}
/** A publication of one track, "video", and a function that writes its next object. */
async function publish(relay, draft, options = {}) {
  const publication = new Publication({ space, ...options });
  const track = publication.addTrack("video", { priority: 64, properties: true });
  const { session } = await join(relay, draft, (event) => {
    if (publication.session) publication.handle(event);
  });
  publication.start(session);
  await until(() => session.moqt.established);
  const write = (group, object) => {
    publication.write(track, { group, object, payload: payload(group, object),
      timestamp: 1000 * object });
    session.flush();
  };
  return { publication, track, session, write };
}
/** A receiver of that track; `seen` has what it gave out. */
async function receive(relay, draft, { from, anywhere = false, patience = 300 } = {}) {
  const seen = [];
  const ends = [];
  const receiver = new TrackReceiver({ space, name: "video", anywhere, patience,
    onObjects: (self) => {
      for (let object; (object = self.poll()) !== null;) {
        assert.deepEqual(object.payload, payload(object.group, object.object));
        seen.push([object.group, object.object]);
      }
    },
    onEnd: (reason, event) => ends.push([reason, event.codeName]) });
  const { session, near } = await join(relay, draft, (event) => receiver.handle(event));
  receiver.subscribe(session, { from });
  return { receiver, seen, ends, session, near };
}

for (const [publishing, receiving] of [[18, 18], [16, 16], [18, 16], [16, 18]])
  test(`drafts ${publishing} to ${receiving}: a late joiner gets the group from its start`,
    async () => {
      const relay = new FakeRelay();
      const { write, publication, track } = await publish(relay, publishing);
      for (let object = 0; object < 10; ++object) write(100, object);
      await until(() => relay.tracks.size === 1 &&
        [...relay.tracks.values()][0].largest?.object === 9, "the relay has it");
      const { seen, receiver, ends } = await receive(relay, receiving);
      await until(() => seen.length >= 10, "the group so far");
      for (let object = 10; object < 15; ++object) write(100, object);
      for (let object = 0; object < 5; ++object) write(101, object);
      await until(() => seen.length >= 20, "what comes live");
      const wanted = [...Array.from({ length: 15 }, (_, i) => [100, i]),
        ...Array.from({ length: 5 }, (_, i) => [101, i])];
      assert.deepEqual(seen, wanted);
      assert.equal(receiver.order.gaps, 0);
      assert.equal(publication.subscriptions, 1);
      publication.endGroup(track);
      assert.deepEqual(ends, []);
    });

test("who subscribes to the next group gets nothing before it", async () => {
  const relay = new FakeRelay();
  const { write } = await publish(relay, 18);
  for (let object = 0; object < 3; ++object) write(5, object);
  await until(() => [...relay.tracks.values()][0]?.largest?.object === 2);
  const { seen, receiver } = await receive(relay, 18, { from: "next" });
  await until(() => [...relay.tracks.values()][0].subscribers.length === 1);
  write(5, 3);
  for (let object = 0; object < 3; ++object) write(6, object);
  await until(() => seen.length >= 3);
  assert.deepEqual(seen, [[6, 0], [6, 1], [6, 2]]);
  assert.equal(receiver.order.gaps, 0);
});

test("nobody is live: the refusal is told", async () => {
  const relay = new FakeRelay();
  const { ends } = await receive(relay, 18);
  await until(() => ends.length === 1);
  assert.deepEqual(ends, [["refused", "DOES_NOT_EXIST"]]);
});

test("a group that is given up in the middle is a gap, and the next one is played", async () => {
  const relay = new FakeRelay();
  const { write, publication, track, session } = await publish(relay, 18);
  write(1, 0);
  await until(() => relay.tracks.size === 1 && [...relay.tracks.values()][0].largest);
  const { seen, receiver } = await receive(relay, 18);
  await until(() => seen.length === 1);
  write(1, 1);
  await until(() => seen.length === 2);
  publication.dropBacklog(track);
  session.flush();
  write(1, 2); // skipped: its group was given up
  write(2, 0);
  await until(() => seen.length >= 3);
  assert.deepEqual(seen, [[1, 0], [1, 1], [2, 0]]);
  assert.equal(receiver.order.gaps, 1);
});

test("a new group that is asked for reaches the publisher", async () => {
  const relay = new FakeRelay();
  let asked = 0;
  const { write, publication } = await publish(relay, 18, { onNewGroup: () => ++asked });
  write(10, 0);
  await until(() => [...relay.tracks.values()][0]?.largest, "the relay has it");
  relay.askNewGroup(relay.publishers[0], 0);
  await until(() => asked === 1, "the wish");
  relay.askNewGroup(relay.publishers[0], 10); // there is one already
  relay.askNewGroup(relay.publishers[0], 11);
  await until(() => asked === 2, "the second wish");
  assert.equal(publication.newGroupRequests, 2);
});

test("the publisher answers a FETCH from what it keeps", async () => {
  const relay = new FakeRelay();
  const { write } = await publish(relay, 18);
  for (const group of [1, 2, 3]) for (let object = 0; object < 4; ++object) write(group, object);
  const [server] = await until(() => relay.publishers.length !== 0 && relay.publishers);
  const fetched = [];
  relay.onFetched = (event) => fetched.push([event.group, event.object]);
  const { moqt } = server;
  moqt.fetch(performance.now(), space, "video", { group: 2, object: 2 }, { group: 3, object: 2 });
  server.flush();
  await until(() => fetched.length === 4, "the objects");
  assert.deepEqual(fetched, [[2, 2], [2, 3], [3, 0], [3, 1]]);
});

test("on a congested path patient tracks wait, and others go on", async () => {
  const relay = new FakeRelay();
  const publication = new Publication({ space });
  const video = publication.addTrack("video", { priority: 64, patient: true });
  const sound = publication.addTrack("sound", { priority: 32 });
  const { session, near } = await join(relay, 18, (event) => {
    if (publication.session) publication.handle(event);
  });
  publication.start(session);
  const write = (track, group, object, size) => {
    publication.write(track, { group, object, payload: new Uint8Array(size) });
    session.flush();
  };
  write(video, 1, 0, 100);
  publication.endGroup(video);
  session.flush();
  await until(() => session.delivery.shortest < 100, "a delivery that went well");
  near.rate = 50_000;
  write(video, 2, 0, 60_000); // more than a second's worth, handed over at once
  publication.endGroup(video);
  session.flush();
  await until(() => session.delivery.delay(performance.now()) > 200, "congestion");
  write(video, 3, 0, 10_000);
  write(sound, 3, 0, 200);
  await until(() => relay.tracks.size === 2 && [...relay.tracks.values()].some((one) =>
    one.key.endsWith("sound") && one.largest), "the sound");
  const pictures = [...relay.tracks.values()].find((one) => one.key.endsWith("video"));
  assert.ok(pictures.largest.group < 3, "the picture waits here");
  assert.ok(session.unsent >= 10_000);
  near.rate = 0;
  await until(() => pictures.largest.group === 3, "the picture");
});
