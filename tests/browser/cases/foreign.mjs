// Other people's clients in the same browser, as they come from npm, against the relay.

import assert from "node:assert/strict";
import { at_least, browser_case } from "../lib/case.mjs";
import { live_clip } from "../lib/clips.mjs";
import { is_live } from "../lib/live.mjs";
import { sleep, until } from "../lib/place.mjs";

const space = "live/foreign";

async function foreign_page(place, name, ready) {
    const browser = await place.browser();
    const tab = await browser.tab(`${await place.pages()}/${name}.html`);
    await until(`the module of ${name}`, 15, () => tab.evaluate((flag) => window[flag] === true, ready));
    return tab;
}

const call = (tab, name, ...args) => tab.evaluate(([name, args]) => window[name](...args), [name, args]);

// Clients with a page each; every draft that they have and we have, and those in which they can
// subscribe to what has objects.
const net = { name: "@moq/net", page: "moq_net", drafts: [14, 15, 16, 17, 18, 19, 20], media: [14, 15, 16] };
const moqt = { name: "@moqt/webtransport", page: "moqt", drafts: [14, 16, 18], media: [14, 16, 18] };
const smoke = new Set(["@moq/net 16 subscribes", "@moq/net 20 subscribes", "@moq/net 14 publishes", "@moq/net 18 publishes", "@moqt/webtransport 18 subscribes"]);

async function connect(place, server, client, draft) {
    const tab = await foreign_page(place, client.page, "peer_ready");
    const version = await call(tab, "peer_connect", server.url(), server.cert_sha256, draft);
    assert.equal(version, `moq-transport-${draft}`);
    return tab;
}

/** One case for each client and draft. */
function in_each_draft(what, drafts_of, run) {
    for (const client of [net, moqt]) {
        for (const draft of drafts_of(client)) {
            const options = { smoke: smoke.has(`${client.name} ${draft} ${what}`), seconds: 60 };
            browser_case(`${client.name}, draft ${draft}: ${what}`, options, (place, say) => run(place, say, client, draft));
        }
    }
}

in_each_draft("subscribes", (client) => client.drafts, async (place, say, client, draft) => {
    const server = await place.server();
    const sender = place.client("sender", "send", server.moqt, "-n", space, "--track", "words", "--group-every", 5, { stdin: "pipe" });
    const tab = await connect(place, server, client, draft);
    if (client === net) assert.equal(await call(tab, "peer_announced", "live"), "foreign", "the namespace that was announced under live");
    const reading = call(tab, "peer_subscribe", space, "words", 40);
    // Nothing is sent before the subscription stands: from draft 17 on @moq/net cannot read
    // what a relay says of a track that has objects (see the end of this file).
    await until("the subscription", 10, async () => (await server.metric("moqrtc_subscribers")) >= 1);
    await sleep(300);
    let written = 0;
    const writing = setInterval(() => sender.process.stdin.write(`line ${written++} ${"x".repeat(written * 10)}\n`), 20);
    const frames = await reading.finally(() => clearInterval(writing));
    sender.process.stdin.end();
    say(`${frames.length} frames of ${new Set(frames.map((frame) => frame.group)).size} groups, the first is group ${frames[0].group}, frame ${frames[0].frame}`);
    assert.equal(frames.length, 40);
    const first = Number(/^line (\d+) /.exec(frames[0].text)[1]);
    frames.forEach((frame, i) => {
        assert.equal(frame.text, `line ${first + i} ${"x".repeat((first + i + 1) * 10)}`);
        assert.equal(frame.frame, (first + i) % 5, "objects stand in their groups as they were sent");
    });
});

in_each_draft("publishes", (client) => client.drafts, async (place, say, client, draft) => {
    const server = await place.server();
    const tab = await connect(place, server, client, draft);
    await call(tab, "peer_publish", space, "words", 8, 5, 20);
    await until("the namespace at the relay", 10, async () => ((await server.metric("moqrtc_namespaces")) ?? 0) > 0);
    const receivers = [16, 18].map((other) =>
        place.client(`receiver of draft ${other}`, "recv", server.moqt, "-n", space, "--track", "words", "--json", "--draft", other),
    );
    await until("the subscription at the browser", 10, async () => ((await server.metric("moqrtc_subscribers")) ?? 0) >= 2);
    await sleep(300);
    await tab.evaluate(() => window.peer_go());
    for (const receiver of receivers) {
        assert.equal(await receiver.wait(15), 0, receiver.tail());
        const got = receiver.out().split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
        say(`${receiver.name}: ${got.length} objects`);
        const lines = got.map((line) => line.text);
        const wanted = [];
        for (let g = 0; g < 8; g++) for (let f = 0; f < 5; f++) wanted.push(`${g}.${f} from the browser`);
        assert.deepEqual(lines, wanted);
    }
});

in_each_draft("subscribes to media", (client) => client.media, async (place, say, client, draft) => {
    const server = await place.server();
    place.client("publisher", "publish", server.moqt, "-n", space, live_clip({ seconds: 20, size: "640x360" }), "--loop");
    await is_live(server);
    const tab = await connect(place, server, client, draft);
    const [catalog] = await call(tab, "peer_subscribe", space, "catalog", 1);
    const video = JSON.parse(catalog.text).tracks.find((track) => track.codec?.startsWith("avc1"));
    const frames = await call(tab, "peer_subscribe", space, video.name, 90);
    const groups = new Set(frames.map((frame) => frame.group));
    say(`catalog of ${catalog.bytes} bytes; ${frames.length} frames of ${video.name} in ${groups.size} groups, ${frames.reduce((sum, frame) => sum + frame.bytes, 0)} bytes`);
    assert.equal(frames.length, 90);
    assert.ok(groups.size >= 3);
    frames.slice(1).forEach((frame, i) => {
        const before = frames[i];
        assert.ok(frame.group === before.group ? frame.frame === before.frame + 1 : frame.frame === 0, `${before.group}.${before.frame} then ${frame.group}.${frame.frame}`);
    });
});

const next_group_start = 1;

async function shaka(place, server, draft, mend = false) {
    place.client("publisher", "publish", server.moqt, "-n", space, live_clip({ seconds: 20, size: "640x360" }), "--loop");
    await is_live(server);
    const tab = await foreign_page(place, "shaka", "shaka_ready");
    if (mend) await call(tab, "shaka_mend_group_order");
    tab.version = await call(tab, "shaka_play", server.url(), `${server.http}/certificate.sha256`, space.split("/"), next_group_start, draft);
    return tab;
}

async function plays(place, say, draft, mend) {
    const tab = await shaka(place, await place.server(), draft, mend);
    const look = () =>
        tab.evaluate(() => {
            const video = document.querySelector("video");
            const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
            return { at: video.currentTime, frames: totalVideoFrames, dropped: droppedVideoFrames, errors: window.shaka_errors };
        });
    await until("a moving picture", 15, async () => (await look()).frames > 10);
    const before = await look();
    await sleep(6000);
    const after = await look();
    say(`Shaka Player ${tab.version}: ${after.frames - before.frames} frames and ${(after.at - before.at).toFixed(1)} s of media in 6 s, dropped ${after.dropped - before.dropped}`);
    assert.deepEqual(after.errors, []);
    assert.ok(after.frames - before.frames > at_least(6 * 24), "too few frames in 6 s");
    assert.ok(after.at - before.at > 5, "the media time stands still");
}

browser_case("shaka-player, MSF of draft 14: plays", { seconds: 60 }, (place, say) => plays(place, say, 14, false));

browser_case("shaka-player, MSF of draft 16: plays, once its GROUP_ORDER is one of the draft's", { smoke: true, seconds: 60 }, (place, say) =>
    plays(place, say, 16, true),
);

// Failures that are theirs (docs/browser.md names the sections). Each of these fails when a newer
// version of the package behaves: then its case moves up to the others.

browser_case("shaka-player 5.2.12, draft 16, as it is: GROUP_ORDER 0 ends the session", { seconds: 60 }, async (place, say) => {
    const server = await place.server();
    await assert.rejects(shaka(place, server, 16));
    const line = server.err().split("\n").find((text) => text.includes("session_down") && text.includes("draft 16"));
    say(line);
    assert.match(line, /close=PROTOCOL_VIOLATION reason=group_order/);
});

for (const draft of net.drafts.filter((number) => !net.media.includes(number))) {
    browser_case(`@moq/net 0.3.4, draft ${draft}: reads LARGEST_OBJECT with a length that the draft does not have`, { seconds: 60 }, async (place, say) => {
        const server = await place.server();
        place.client("publisher", "publish", server.moqt, "-n", space, live_clip({ seconds: 20, size: "640x360" }), "--loop");
        await is_live(server);
        const tab = await connect(place, server, net, draft);
        await assert.rejects(call(tab, "peer_subscribe", space, "catalog", 1), (error) => {
            say(error.message.split("\n")[0]);
            return /read size \d{13} exceeds max size/.test(error.message); // the Group ID, taken for a length
        });
    });
}

browser_case("@moq/net 0.3.4, draft 20: writes LARGEST_OBJECT with a length that the draft does not have", { seconds: 60 }, async (place, say) => {
    const server = await place.server();
    const tab = await connect(place, server, net, 20);
    await call(tab, "peer_publish", space, "words", 100, 5, 20);
    await tab.evaluate(() => void window.peer_go());
    await sleep(500); // it has objects now: of which it says nothing in the drafts before
    place.client("receiver", "recv", server.moqt, "-n", space, "--track", "words");
    const line = await until("the end of the session", 10, () => server.err().split("\n").find((text) => text.includes("session_down") && text.includes("draft 20")));
    say(line);
    assert.match(line, /close=PROTOCOL_VIOLATION/);
});
