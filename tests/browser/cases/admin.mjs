// The control room: usable with the keyboard alone, every control has a name, nothing of others is
// loaded.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { browser_case } from "../lib/case.mjs";
import { clips_directory } from "../lib/clips.mjs";
import { publish_clock } from "../lib/live.mjs";
import { sleep, until } from "../lib/place.mjs";

browser_case("admin: inputs, keys and switches by keyboard", { smoke: true }, async (place, say) => {
    const server = await place.server({ more: ["--api-keys", "always"] });
    const key = readFileSync(join(server.data, "admin-key"), "utf8").trim();
    const browser = await place.browser();
    const tab = await browser.tab(`${server.http}/admin`);
    const hosts = new Set();
    tab.on("request", (request) => hosts.add(new URL(request.url()).host));
    const text = (selector) => tab.evaluate((s) => document.querySelector(s).textContent, selector);
    const value = (selector) => tab.evaluate((s) => document.querySelector(s).value, selector);
    const focused = () => tab.evaluate(() => document.activeElement?.id || document.activeElement?.name || document.activeElement?.textContent);
    const tab_to = async (what) => {
        for (let i = 0; i < 80; i++) {
            if ((await focused()) === what) return;
            await tab.keyboard.press("Tab");
        }
        throw new Error(`the keyboard does not reach '${what}'`);
    };

    await until("the question for a key", 10, () => tab.evaluate(() => !document.getElementById("enter").hidden));
    await until("the field to have the focus", 5, async () => (await focused()) === "key");
    await tab.keyboard.type("mk_wrong");
    await tab.keyboard.press("Enter");
    await until("the refusal", 5, async () => (await text("#message")).includes("no such key"));
    await tab_to("key");
    await tab.keyboard.type(key);
    await tab.keyboard.press("Enter");
    await until("the room", 10, () => tab.evaluate(() => window.moqrtc.state === "live"));

    await tab_to("name");
    await tab.keyboard.type("studio");
    await tab.keyboard.press("Enter");
    await until("the stream key", 5, () => tab.evaluate(() => document.getElementById("secret").open));
    assert.match(await value("#secret-text"), /^https:\/\/127\.0\.0\.1:\d+\/publish\/lv_[a-z2-7]{16}\?sk=sk_[a-z2-7]{32}$/);
    await tab.keyboard.press("Escape");
    // The dialog tells that it was closed a little later than it is.
    await until("the key to be gone from the page", 5, async () => (await value("#secret-text")) === "");
    await until("the input in the list", 5, async () => (await text("#inputs")).includes("studio"));

    await tab_to("Watch link");
    await tab.keyboard.press("Enter");
    await until("the link", 5, () => tab.evaluate(() => document.getElementById("secret").open));
    assert.match(await value("#secret-text"), /\/playback\/lv_[a-z2-7]{16}\?tok=eyJ/);
    await tab.keyboard.press("Escape");

    // What cannot be taken back is asked about, and No is where the focus is.
    await tab_to("Remove");
    await tab.keyboard.press("Enter");
    await until("the question", 5, () => tab.evaluate(() => document.getElementById("sure").open));
    assert.equal(await focused(), "No");
    await tab.keyboard.press("Enter");
    assert.ok((await text("#inputs")).includes("studio"));

    await tab_to("HLSopen");
    await tab.keyboard.press("Enter");
    await until("the question", 5, () => tab.evaluate(() => document.getElementById("sure").open));
    await tab_to("Yes");
    await tab.keyboard.press("Enter");
    await until("the switch", 5, async () => (await text("#kill")).includes("HLSshut"));

    // What is on air and who is connected, with their last minutes.
    publish_clock(place, server, "live/studio");
    place.client("viewer", "subscribe", server.moqt, "-n", "live/studio", "-o", place.path("seen.mp4"));
    await until("the broadcast", 10, async () => (await text("#live")).includes("live/studio"));
    await until("two of them", 10, () => tab.evaluate(() => document.querySelectorAll("#sessions tr").length === 2));
    const shown = () =>
        tab.evaluate(() => [...document.querySelectorAll("#now .plot, #live .plot, #sessions .plot")].map((one) => ({
            words: one.ariaLabel,
            points: one.querySelector("polyline").points.length,
            top: Math.min(...[...one.querySelector("polyline").points].map((point) => point.y)),
            height: one.getBoundingClientRect().height,
        })));
    await until("lines of some length", 20, async () => (await shown()).every((one) => one.points >= 4));
    const plots = await shown();
    assert.equal(plots.length, 4 + 2 + 2);
    for (const one of plots) assert.ok(one.top < 2 && one.height > 15, JSON.stringify(one));
    assert.match(plots[4].words, /^watching of live\/studio over the last minute: 1 now, at most 1$/);
    assert.match(plots[5].words, /[1-9][\d.]* [kM]bit\/s now, at most [1-9]/);
    assert.match(await text("#sessions"), /↓ [1-9][\d.]* [kM]bit\/s ↑/);
    // A session that is looked at stays where it is, with the focus on its button.
    await tab_to("End");
    await sleep(3000);
    assert.equal(await focused(), "End");

    const nameless = await tab.evaluate(() =>
        [...document.querySelectorAll("button, input, select")]
            .filter((one) => !(one.labels?.length || one.ariaLabel || one.textContent.trim() || one.getAttribute("aria-labelledby")))
            .map((one) => one.outerHTML),
    );
    assert.deepEqual(nameless, []);
    const back = () => tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const keep = async (name, size) => {
        await tab.setViewportSize(size);
        const wide = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${name}: the page is ${wide} pixels wider than the window`);
        const path = join(clips_directory(), `admin-${name}.png`);
        writeFileSync(path, await tab.screenshot({ fullPage: true }));
        say(`screenshot: ${path}`);
    };
    await tab.emulateMedia({ colorScheme: "light" });
    const light = await back();
    await keep("wide", { width: 1400, height: 900 });
    await tab.emulateMedia({ colorScheme: "dark" });
    assert.notEqual(await back(), light);
    await keep("narrow", { width: 400, height: 800 });
    assert.deepEqual([...hosts], [new URL(server.http).host]);
});
