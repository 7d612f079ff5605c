#!/usr/bin/env node
// Draws the time of day into pictures, in real time, and writes them encoded to standard output as
// fragmented MP4, one frame a fragment: what a camera that films a clock would send.
//
// usage: counter_source.mjs [--rate FPS] [--group SECONDS] [--seconds S] [--audio] [--trace FILE]
//   --audio   adds a tone
//   --trace   one line a frame, when it was drawn, in milliseconds since 1970

import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { frame_with, height, width } from "./lib/counter.mjs";

const { values: options } = parseArgs({
    options: {
        rate: { type: "string", default: "30" },
        group: { type: "string", default: "1" },
        seconds: { type: "string", default: "600" },
        audio: { type: "boolean", default: false },
        trace: { type: "string" },
    },
});
const rate = Number(options.rate);
const frames = Math.round(Number(options.seconds) * rate);

const samples_per_second = 48000;
const audio = ["-probesize", "32", "-analyzeduration", "0", "-f", "s16le", "-ar", String(samples_per_second), "-ac", "1", "-i", "pipe:3"];
const encoder = spawn(
    "ffmpeg",
    [
        "-v", "error", "-nostdin",
        "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", `${width}x${height}`, "-r", options.rate, "-i", "pipe:0",
        ...(options.audio ? audio : []),
        "-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline",
        "-g", String(rate * Number(options.group)), "-keyint_min", String(rate * Number(options.group)), "-sc_threshold", "0",
        ...(options.audio ? ["-c:a", "libopus", "-b:a", "64k", "-application", "lowdelay", "-frame_duration", "10", "-shortest"] : []),
        "-flush_packets", "1",
        "-movflags", "empty_moov+default_base_moof+frag_every_frame", "-f", "mp4", "pipe:1",
    ],
    { stdio: ["pipe", "inherit", "inherit", "pipe"] },
);
// An encoder that ended says so by its status.
encoder.stdin.on("error", () => {});
encoder.stdio[3].on("error", () => {});
encoder.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
process.on("SIGTERM", () => encoder.kill("SIGTERM"));

let began;
let drawn = 0;
let sounded = 0;

function tone(count) {
    const samples = Buffer.alloc(count * 2);
    for (let i = 0; i < count; i++, sounded++) {
        samples.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * 440 * sounded) / samples_per_second)), i * 2);
    }
    return samples;
}

// Frames are due at their own times: a late timer makes one frame late, never all that follow.
function tick() {
    const now = performance.now() - began;
    if (options.audio) encoder.stdio[3].write(tone(Math.max(0, Math.floor((now * samples_per_second) / 1000) - sounded)));
    while (drawn < frames && (drawn * 1000) / rate <= now) draw();
    if (drawn === frames) {
        encoder.stdin.end();
        encoder.stdio[3].end();
    } else {
        setTimeout(tick, Math.min(10, Math.max(0, (drawn * 1000) / rate - (performance.now() - began))));
    }
}

function draw(taken) {
    const at = Date.now();
    encoder.stdin.write(frame_with(at % 2 ** 32), taken);
    if (options.trace) appendFileSync(options.trace, `${at}\n`);
    drawn++;
}

// The clock starts when the encoder is there and takes the first picture.
draw(() => {
    began = performance.now();
    tick();
});
