// Clips that ffmpeg makes, kept beside the binaries for the next run.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { bin } from "./place.mjs";
import { frame_size, frame_with } from "./counter.mjs";

export function clips_directory() {
    const path = join(dirname(bin), "clips");
    mkdirSync(path, { recursive: true });
    return path;
}

const h264 = (rate, group_seconds) => [
    "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-bf", "0",
    "-g", rate * group_seconds, "-keyint_min", rate * group_seconds, "-sc_threshold", "0",
].map(String);

function made_once(name, make) {
    const path = join(clips_directory(), name);
    if (existsSync(path)) return path;
    // The last part of the name tells ffmpeg the format, so the unfinished file keeps it.
    const partial = join(clips_directory(), `partial-${process.pid}-${name}`);
    make(partial);
    renameSync(partial, path);
    return path;
}

const ffmpeg = (args, options) =>
    execFileSync("ffmpeg", ["-v", "error", "-nostdin", "-y", ...args], { stdio: ["ignore", "inherit", "inherit"], ...options });

/** A test picture and a tone, groups of `group_seconds`; `audio` is ffmpeg's name of the encoder. */
export function live_clip({ seconds = 20, size = "1280x720", group_seconds = 1, audio = "aac" } = {}) {
    return made_once(`browser-${size}-${seconds}s-g${group_seconds}-${audio}.mp4`, (path) =>
        ffmpeg([
            "-f", "lavfi", "-i", `testsrc=size=${size}:rate=30`,
            "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
            "-t", String(seconds), ...h264(30, group_seconds), "-c:a", audio, "-ac", "2", path,
        ]),
    );
}

/** Frame n shows the counter at n / 30 s, in milliseconds; 90 frames and a tone. */
export function counted_clip() {
    return made_once("browser-counted.mp4", (path) => {
        const frames = Buffer.alloc(90 * frame_size);
        for (let n = 0; n < 90; n++) frame_with(Math.round((n * 1000) / 30), frames.subarray(n * frame_size));
        ffmpeg(
            [
                "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "640x360", "-r", "30", "-i", "-",
                "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
                "-t", "3", ...h264(30, 1), "-c:a", "aac", path,
            ],
            { input: frames, stdio: ["pipe", "inherit", "inherit"] },
        );
    });
}
