// What ffprobe reads in a recording.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Streams with codec, and per stream the packets as {pts, dts, key}, in seconds; what ffmpeg complains of when it decodes. */
export function probe(path) {
    const json = JSON.parse(
        execFileSync(
            "ffprobe",
            ["-v", "error", "-show_entries", "stream=index,codec_name,codec_type,width,height,sample_rate:packet=stream_index,pts_time,dts_time,flags", "-of", "json", path],
            { encoding: "utf8", maxBuffer: 1 << 28 },
        ),
    );
    const streams = json.streams.map((stream) => ({ ...stream, packets: [] }));
    for (const packet of json.packets) {
        const of = streams.find((stream) => stream.index === packet.stream_index);
        of.packets.push({ pts: Number(packet.pts_time), dts: Number(packet.dts_time), key: packet.flags.includes("K") });
    }
    const video = streams.find((stream) => stream.codec_type === "video");
    const audio = streams.find((stream) => stream.codec_type === "audio");
    return { streams, video, audio };
}

/** What ffmpeg says when it decodes all of `path`; empty when there is nothing to complain of. */
export function decode_complaints(path) {
    // In the file's own time base: a camera's pictures come unevenly, and two of them within one
    // period of the mean rate are no fault of the file.
    return execFileSync("sh", ["-c", 'ffmpeg -v error -nostdin -i "$1" -enc_time_base -1 -f null - 2>&1 || echo failed', "sh", path], { encoding: "utf8" }).trim();
}

/** The places where decode times do not grow. */
export function backward_steps(packets) {
    return packets.flatMap((packet, i) => (i > 0 && !(packet.dts > packets[i - 1].dts) ? [i] : []));
}

/** Objects of a trace that moqrtc-client wrote: {track, group, object, at (microseconds)}, each once, in the order of the track. */
export function read_trace(path) {
    const seen = new Map();
    for (const line of readFileSync(path, "utf8").trim().split("\n")) {
        const match = /^(.*) (\d+) (\d+) (\d+)$/.exec(line);
        if (!match) continue;
        const [, track, group, object, at] = match;
        const key = `${track} ${group} ${object}`;
        if (!seen.has(key)) seen.set(key, { track, group: Number(group), object: Number(object), at: Number(at) });
    }
    return [...seen.values()].sort((a, b) => a.track.localeCompare(b.track) || a.group - b.group || a.object - b.object);
}
