// Shaka Player as it comes from npm, with its support of MSF.

import shaka from "shaka-player/dist/shaka-player.experimental.debug.js";

/**
 * Shaka Player 5.2.12 sends GROUP_ORDER 0 in draft 16, which a relay has to end the session for
 * (docs/browser.md). This writes 1 (Ascending) in its place, the last byte of its SUBSCRIBE, and
 * changes nothing else, so that the rest can be seen.
 */
window.shaka_mend_group_order = () => {
    const open = WebTransport.prototype.createBidirectionalStream;
    const subscribe = 0x03;
    WebTransport.prototype.createBidirectionalStream = async function (...args) {
        const { readable, writable } = await open.apply(this, args);
        const mend = new TransformStream({
            transform(chunk, controller) {
                const bytes = new Uint8Array(chunk.slice(0));
                if (bytes[0] === subscribe && bytes.at(-1) === 0) bytes[bytes.length - 1] = 1;
                controller.enqueue(bytes);
            },
        });
        mend.readable.pipeTo(writable).catch(() => {});
        return { readable, writable: mend.writable };
    };
};

window.shaka_errors = [];
window.shaka_play = async (url, fingerprint, namespaces, filter, draft) => {
    const player = new shaka.Player();
    await player.attach(document.querySelector("video"));
    player.addEventListener("error", ({ detail }) => window.shaka_errors.push(`${detail.code} ${detail.message}`));
    player.configure({
        manifest: { msf: { fingerprintUri: fingerprint, namespaces, version: shaka.config.MsfVersion[`DRAFT_${draft}`], subscribeFilterType: filter } },
    });
    await player.load(url, null, "application/msf");
    await document.querySelector("video").play();
    window.shaka_player = player;
    return shaka.Player.version;
};
window.shaka_ready = true;
