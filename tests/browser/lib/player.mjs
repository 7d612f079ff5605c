// What cases ask of the web client's pages. `window.moqrtc` is their plain state.

import { read_counter } from "./counter.mjs";
import { percentile } from "./figures.mjs";
import { sleep, until } from "./place.mjs";

/**
 * Listens to all that a page plays, without its help: what it sends to an AudioDestinationNode, and
 * the sound of its media elements. `window.heard()` is the loudest sample of the last 43 ms.
 */
function listen() {
    const taps = new Map(); // of a context or a media element: its AnalyserNode
    const connect = AudioNode.prototype.connect;
    const tap = (of, context, source) => {
        if (!taps.has(of)) taps.set(of, new AnalyserNode(context, { fftSize: 2048 }));
        connect.call(source, taps.get(of));
    };
    AudioNode.prototype.connect = function (target, ...more) {
        if (target instanceof AudioDestinationNode) tap(target.context, target.context, this);
        return connect.call(this, target, ...more);
    };
    let own;
    window.heard = () => {
        for (const element of document.querySelectorAll("video, audio")) {
            if (taps.has(element) || element.readyState < 3 || !element.captureStream) continue;
            const stream = element.captureStream();
            if (stream.getAudioTracks().length === 0) continue;
            own ??= new AudioContext();
            tap(element, own, own.createMediaStreamSource(stream));
        }
        let loudest = 0;
        for (const [of, analyser] of taps) {
            const samples = new Float32Array(analyser.fftSize);
            analyser.getFloatTimeDomainData(samples);
            // The stream of an element knows nothing of its volume.
            const volume = of instanceof HTMLMediaElement ? (of.muted ? 0 : of.volume) : 1;
            for (const sample of samples) loudest = Math.max(loudest, volume * Math.abs(sample));
        }
        return loudest;
    };
}

/** The picture that a play page shows, as [source, width, height]. */
const shown_picture = `() => {
    const video = document.querySelector("#video"), canvas = document.querySelector("#picture");
    return window.moqrtc.engine === "mse" ? [video, video.videoWidth, video.videoHeight] : [canvas, canvas.width, canvas.height];
}`;

/** Opens a page of the web client with the query parameters `query`; `first` runs in it before its own scripts. */
export async function open_page(browser, server, path, query = {}, first = undefined) {
    const tab = await browser.tab("about:blank");
    await tab.addInitScript(listen);
    if (first) await tab.addInitScript(first);
    const parameters = new URLSearchParams(query).toString();
    await tab.goto(`${server.http}${path}${parameters ? `?${parameters}` : ""}`);
    await until(`window.moqrtc in ${path}`, 10, () => tab.evaluate(() => typeof window.moqrtc === "object"));
    tab.facts = () => tab.evaluate(() => JSON.parse(JSON.stringify(window.moqrtc)));
    tab.state = () => tab.evaluate(() => window.moqrtc.state);
    tab.reach = async (state, seconds = 15) => {
        await until(`the state '${state}' of ${path}`, seconds, async () => {
            const now = await tab.evaluate(() => [window.moqrtc.state, window.moqrtc.message]);
            if (now[0] === "failed" && state !== "failed") throw new Error(`the page failed: ${now[1]}`);
            return now[0] === state;
        });
    };
    return tab;
}

/** Opens the player of `space` and waits until it shows frames. */
export async function play(browser, server, space, query = {}) {
    const tab = await open_page(browser, server, `/play/${space}`, query);
    await tab.reach("live");
    await until("the first frame", 15, () => tab.evaluate(() => window.moqrtc.shownFrames > 0));
    return tab;
}

/**
 * Reads the counter of every picture shown during `seconds`: {latencies, unreadable}. A number
 * counts once, when it is seen first.
 */
export function measure_latency(tab, seconds) {
    return tab.evaluate(
        async ([reader, shown, length]) => {
            const read = new Function(`return ${reader}`)();
            const picture = new Function(`return ${shown}`)();
            const latencies = [];
            let unreadable = 0;
            let last;
            const look = () => {
                const number = read(...picture());
                if (number === undefined) unreadable++;
                else if (number !== last) {
                    latencies.push((Date.now() - number) % 2 ** 32);
                    last = number;
                }
            };
            const end = performance.now() + length * 1000;
            const [source] = picture();
            await new Promise((done) => {
                const video = source instanceof HTMLVideoElement;
                // A canvas is read behind all that the page itself draws for this frame.
                const behind = new MessageChannel();
                behind.port1.onmessage = look;
                const again = video ? (f) => source.requestVideoFrameCallback(f) : requestAnimationFrame;
                const step = () => {
                    if (video) look();
                    else behind.port2.postMessage(0);
                    if (performance.now() < end) again(step);
                    else done();
                };
                again(step);
                setTimeout(done, length * 1000 + 500);
            });
            return { latencies: latencies.map((value) => (value + 2 ** 32) % 2 ** 32), unreadable };
        },
        [read_counter.toString(), shown_picture, seconds],
    );
}

/** The loudest sample that a page plays during `seconds`. */
export async function loudness(tab, seconds) {
    let loudest = 0;
    for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(50)) {
        loudest = Math.max(loudest, await tab.evaluate(() => window.heard()));
    }
    return loudest;
}

/** What happened between two looks at a player. */
export function progress(before, after) {
    const decoded = after.decodedFrames - before.decodedFrames;
    const dropped = after.droppedFrames - before.droppedFrames;
    return { decoded, shown: after.shownFrames - before.shownFrames, dropped, part: dropped / Math.max(1, decoded), gaps: after.gaps - before.gaps };
}

export const median = (values) => percentile(values, 50);
