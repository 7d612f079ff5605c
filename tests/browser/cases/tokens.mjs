// A viewer's token in the browser: renewed in band it is never noticed, otherwise its end is that
// of the session.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { browser_case } from "../lib/case.mjs";
import { is_live, publish_clock } from "../lib/live.mjs";
import { sleep, until } from "../lib/place.mjs";
import { play } from "../lib/player.mjs";

const lifetime = 30; // seconds, the shortest there is
const ends_at = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url")).exp * 1000;

async function guarded(place) {
    const server = await place.server({ more: ["--auth", "required"] });
    const key = readFileSync(join(server.data, "admin-key"), "utf8").trim();
    server.api = async (method, path, body) => {
        const answer = await fetch(`${server.http}/api/v1${path}`, {
            method,
            headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
            body: body && JSON.stringify(body),
            signal: AbortSignal.timeout(5000),
        });
        assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
        return answer.status === 204 ? undefined : answer.json();
    };
    const input = await server.api("POST", "/live_inputs", { name: "camera" });
    server.door = `/playback/${input.id}`;
    server.space = input.namespace;
    server.token = async () => (await server.api("POST", `/live_inputs/${input.id}/playback`, { ttl: lifetime })).token;
    publish_clock(place, { moqt: `${server.moqt}/publish/${input.id}?sk=${input.stream_key}` }, server.space);
    await is_live(server);
    return server;
}

browser_case("tokens: a viewer renews in band, and ends without", { seconds: 120 }, async (place, say) => {
    const server = await guarded(place);
    const browser = await place.browser();
    let handed_out = 0;
    await browser.contexts()[0].route("**/next-token", async (route) => {
        handed_out++;
        await route.fulfill({ body: await server.token() });
    });
    const watch = async (more = {}) => {
        const token = await server.token();
        const tab = await play(browser, server, server.space, { server: server.url(server.door), token, muted: 1, ...more });
        return { tab, ends: ends_at(token) };
    };
    const renewing = await watch({ renew: "/next-token" });
    const plain = await watch();
    const end_of = async (one, seconds) => {
        await one.tab.reach("failed", seconds);
        return Date.now();
    };

    // Without renewal: to the second, and with the word.
    const over = end_of(plain, lifetime + 5);
    // With renewal: looked at twice a second, until well behind the end of the first token.
    let before = await renewing.tab.facts();
    let stalls = 0;
    while (Date.now() < renewing.ends + 8000) {
        await sleep(500);
        const now = await renewing.tab.facts();
        if (now.shownFrames === before.shownFrames) stalls++;
        before = now;
    }
    const late = (await over) - plain.ends;
    say(`without renewal over ${late} ms behind the end of the token; with it ${handed_out} more, ${stalls} stalls, ${before.gaps} gaps`);
    assert.ok(late > -1000 && late < 1000, `the session ended ${late} ms after its token`);
    const { error } = await plain.tab.facts();
    assert.equal(error.kind, "refused");
    assert.match(error.text, /auth_failed/);
    assert.ok(handed_out >= 1);
    assert.equal(before.renewed, handed_out);
    assert.equal(before.state, "live");
    assert.equal(before.connects, 1, "the same session all the time");
    assert.equal(stalls, 0);
    assert.equal(before.gaps, 0);

    // The key that signed is taken back.
    const { keys } = await server.api("GET", "/keys");
    const began = Date.now();
    for (const one of keys.filter((key) => key.state !== "revoked")) await server.api("DELETE", `/keys/${one.id}`);
    const took = (await end_of(renewing, 5)) - began;
    say(`over ${took} ms after the key was revoked`);
    assert.ok(took < 1000);
    assert.match((await renewing.tab.facts()).error.text, /auth_failed/);
});

browser_case("tokens: media that is switched off is called so", { seconds: 90 }, async (place, say) => {
    const server = await guarded(place);
    const browser = await place.browser();
    const tab = await play(browser, server, server.space, {
        server: server.url(server.door), token: (await server.api("POST", "/playback", { id: server.door.split("/").pop(), ttl: 600 })).token, muted: 1,
    });
    const began = Date.now();
    await server.api("POST", "/kill/moq");
    await until("the word for it", 5, async () => (await tab.facts()).error?.kind === "switched-off");
    say(`told ${Date.now() - began} ms after the switch`);
    const facts = await tab.facts();
    assert.equal(facts.error.status, 503);
    assert.match(facts.message, /switched this way of media off/);
    await server.api("DELETE", "/kill/moq");
});
