// The browser and the way of measuring, without anything of ours: what the other cases rely on.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { browser_case } from "../lib/case.mjs";
import { counted_clip } from "../lib/clips.mjs";
import { height, read_counter, width } from "../lib/counter.mjs";
import { look_at } from "../lib/pictures.mjs";
import { browser_tests } from "../lib/place.mjs";

browser_case("browser: WebTransport, WebCodecs and Media Source Extensions are there", { smoke: true }, async (place, say) => {
    const browser = await place.browser();
    const tab = await browser.tab(`${await place.pages()}/blank.html`);
    const found = await tab.evaluate(async () => ({
        transport: typeof WebTransport,
        hashes: isSecureContext,
        video_decoder: (await VideoDecoder.isConfigSupported({ codec: "avc1.42c01f" })).supported,
        video_encoder: (
            await VideoEncoder.isConfigSupported({ codec: "avc1.42c01f", width: 640, height: 360, framerate: 30, bitrate: 1e6 })
        ).supported,
        audio_decoder: (await AudioDecoder.isConfigSupported({ codec: "opus", sampleRate: 48000, numberOfChannels: 2 })).supported,
        audio_encoder: (await AudioEncoder.isConfigSupported({ codec: "opus", sampleRate: 48000, numberOfChannels: 2 })).supported,
        mse_video: MediaSource.isTypeSupported('video/mp4; codecs="avc1.4d401f"'),
        mse_aac: MediaSource.isTypeSupported('audio/mp4; codecs="mp4a.40.2"'),
        mse_opus: MediaSource.isTypeSupported('audio/mp4; codecs="opus"'),
        cameras: (await navigator.mediaDevices.getUserMedia({ video: true, audio: true })).getTracks().length,
    }));
    say(JSON.stringify(found));
    assert.deepEqual(found, {
        transport: "function",
        hashes: true,
        video_decoder: true,
        video_encoder: true,
        audio_decoder: true,
        audio_encoder: true,
        mse_video: true,
        mse_aac: true,
        mse_opus: true,
        cameras: 2,
    });
});

browser_case("browser: counter, loudness and screenshot are measured right", { smoke: true }, async (place, say) => {
    counted_clip();
    const browser = await place.browser();
    const tab = await browser.tab(`${await place.pages()}/clip.html`);
    const found = await tab.evaluate(async (reader) => {
        const read = new Function(`return ${reader}`)();
        const video = document.querySelector("video");
        const audio = new AudioContext();
        const analyser = audio.createAnalyser();
        audio.createMediaElementSource(video).connect(analyser).connect(audio.destination);
        const loudest = () => {
            const samples = new Float32Array(analyser.fftSize);
            analyser.getFloatTimeDomainData(samples);
            return Math.max(...samples.map(Math.abs));
        };
        const black = document.createElement("canvas");
        const seen = [];
        const of_black = read(black, 300, 150);
        const before = loudest();
        let during = 0;
        await new Promise((done) => {
            const watch = (now, frame) => {
                seen.push([Math.round(frame.mediaTime * 1000), read(video, video.videoWidth, video.videoHeight)]);
                during = Math.max(during, loudest());
                if (frame.mediaTime < 2.5) video.requestVideoFrameCallback(watch);
                else done();
            };
            video.requestVideoFrameCallback(watch);
            video.play();
        });
        video.pause();
        return { seen, of_black, before, during };
    }, read_counter.toString());
    const wrong = found.seen.filter(([at, number]) => number === undefined || Math.abs(at - number) > 1);
    say(`${found.seen.length} frames read, ${wrong.length} wrong; loudest sample ${found.during.toFixed(2)}`);
    assert.deepEqual(wrong, []);
    assert.ok(found.seen.length > 40, `only ${found.seen.length} frames were shown in 2.5 s`);
    assert.equal(found.of_black, undefined, "a canvas without a picture must not read as a number");
    assert.equal(found.before, 0);
    assert.ok(found.during > 0.02, `the tone is not heard: ${found.during}`);

    const box = await tab.locator("video").boundingBox();
    const shown = look_at(await tab.screenshot(), box);
    await tab.evaluate(() => (document.querySelector("video").style.filter = "brightness(0)"));
    const dark = look_at(await tab.screenshot(), box);
    say(`screenshot: mean ${shown.mean.toFixed(0)}, deviation ${shown.deviation.toFixed(0)}, ${shown.colours} colours`);
    assert.ok(shown.deviation > 20 && shown.colours > 8, "the picture is not in the screenshot");
    assert.ok(dark.deviation < 1 && dark.mean < 1, "a black picture must be told from one that shows something");
});

browser_case("browser: the clock's pictures say when they were drawn", { smoke: true }, async (place, say) => {
    const file = place.path("clock.mp4");
    const drawn = place.path("drawn");
    const arguments_of = [join(browser_tests, "counter_source.mjs"), "--seconds", "2", "--audio", "--trace", drawn];
    execFileSync("sh", ["-c", 'out=$1; shift; exec "$@" >"$out"', "sh", file, process.execPath, ...arguments_of], { timeout: 20_000 });
    const pixels = execFileSync("ffmpeg", ["-v", "error", "-i", file, "-map", "0:v", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-"], { maxBuffer: 1 << 28 });
    const at = (frame, x, y) => (pixels[(frame * height + y) * width + x] > 128 ? 1 : 0);
    const times = readFileSync(drawn, "utf8").trim().split("\n").map((time) => Number(time) % 2 ** 32);
    assert.equal(pixels.length, times.length * width * height, "frames drawn and frames encoded");
    times.forEach((time, frame) => {
        let above = 0;
        for (let bit = 0; bit < 32; bit++) above = above * 2 + at(frame, bit * 20 + 10, 20);
        assert.equal(above, time, `the upper number of frame ${frame}`);
        const row = (y) => Array.from({ length: 18 }, (_, cell) => at(frame, Math.floor(((cell + 0.5) * width) / 18), y));
        const number = (cells) => parseInt(cells.slice(1, 17).join(""), 2);
        const [high, low] = [row(325), row(348)];
        assert.deepEqual([high[0], high[17], low[0], low[17]], [1, 0, 1, 0], "marks at the ends of the rows");
        assert.equal(number(high) * 65536 + number(low), time, `the lower number of frame ${frame}`);
    });
    const apart = times.slice(2).map((time, i) => time - times[i + 1]);
    say(`${times.length} pictures, ${Math.min(...apart)} to ${Math.max(...apart)} ms apart`);
});
