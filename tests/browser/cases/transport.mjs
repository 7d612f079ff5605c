// WebTransport between Chromium and the server: dialects of the settings, refusals, many sessions.

import assert from "node:assert/strict";
import { browser_case } from "../lib/case.mjs";
import { mebibytes } from "../lib/figures.mjs";
import { until } from "../lib/place.mjs";
import { open_page } from "../lib/player.mjs";

async function bare(place, options) {
    const browser = await place.browser(options);
    const tab = await browser.tab(`${await place.pages()}/transport.html`);
    await until("the page's module", 10, () => tab.evaluate(() => window.transport_ready === true));
    return tab;
}

const connect = (tab, server, path, protocols) =>
    tab.evaluate(([...args]) => window.try_session(...args), [server.url(path), server.cert_sha256, protocols]);

for (const [name, options] of [
    ["draft-02 settings, Chromium's own", {}],
    ["draft-07 settings too", { features: ["EnableWebTransportDraft07"] }],
]) {
    browser_case(`transport: ${name}`, { smoke: true }, async (place, say) => {
        const server = await place.server();
        const tab = await bare(place, options);
        for (const protocols of [["moqt-18"], ["moqt-16"], ["moqt-16", "moqt-18"], ["moqt-99", "moqt-16"]]) {
            const found = await connect(tab, server, "/moq", protocols);
            say(`offered ${protocols}: ${JSON.stringify(found)}`);
            assert.ok(found.protocol !== undefined, found.error);
            assert.ok(protocols.includes(found.protocol) && found.protocol !== "moqt-99");
        }
    });
}

browser_case("transport: only draft-07 of the settings", {}, async (place, say) => {
    const server = await place.server({ more: ["--webtransport-dialects", "07"] });
    const without = await connect(await bare(place), server, "/moq", ["moqt-16"]);
    const with_it = await connect(await bare(place, { features: ["EnableWebTransportDraft07"] }), server, "/moq", ["moqt-16"]);
    say(`without the feature ${JSON.stringify(without)}, with it ${JSON.stringify(with_it)}`);
    assert.ok(without.error, "a Chromium that speaks draft-02 alone must not connect");
    assert.equal(with_it.protocol, "moqt-16");
});

browser_case("transport: a path that does not exist is refused, and the page says with which status", { smoke: true }, async (place, say) => {
    const server = await place.server();
    const found = await connect(await bare(place), server, "/nothing-here", ["moqt-16"]);
    assert.ok(found.error, "a session on a path that does not exist");
    const browser = await place.browser();
    const tab = await open_page(browser, server, "/play/live/demo", { server: server.url("/nothing-here") });
    await tab.reach("failed", 20);
    const { error, message } = await tab.facts();
    say(`'${message}'; ${JSON.stringify(error)}`);
    assert.equal(error.status, 404);
    assert.match(message, /404/);
    assert.match(await tab.locator("#message").innerText(), /404/);
});

browser_case("transport: a page that knows another certificate says so", {}, async (place, say) => {
    const server = await place.server();
    const browser = await place.browser();
    const tab = await open_page(browser, server, "/play/live/demo", { cert: "00".repeat(32) });
    const error = await until("an error", 20, async () => (await tab.facts()).error);
    say(JSON.stringify(error));
    assert.match(error.text, /certificate/);
});

browser_case("transport: 1,000 connects and disconnects leave memory and descriptors flat", { seconds: 300 }, async (place, say) => {
    const server = await place.server();
    const tab = await bare(place);
    const usages = [];
    let connecting = 0;
    for (let round = 0; round < 5; round++) {
        const start = performance.now();
        const stood = await tab.evaluate(([...args]) => window.connect_often(...args), [server.url(), server.cert_sha256, 200]);
        connecting += performance.now() - start;
        assert.equal(stood, 200, "sessions that stood");
        // Chromium leaves a connection without a word when its session is over; it ends with its idle time.
        await until("no session and no connection left", 30, async () => (await server.metric("moqrtc_sessions")) + (await server.metric("moqrtc_quic_connections")) === 0);
        usages.push(server.usage());
    }
    say(`${usages.map((usage, i) => `after ${(i + 1) * 200}: ${mebibytes(usage.bytes)}, ${usage.descriptors} descriptors`).join("; ")}; ${(connecting / 1000).toFixed(1)} ms each`);
    const [first, last] = [usages[0], usages.at(-1)];
    assert.ok(last.bytes <= first.bytes * 1.05, "memory grew by more than 5 %");
    assert.ok(last.descriptors <= first.descriptors, "descriptors stay open");
});
