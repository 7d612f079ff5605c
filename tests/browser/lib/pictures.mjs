// What a screenshot shows, in figures.

import { execFileSync } from "node:child_process";

/**
 * Mean brightness (0 to 255), its standard deviation and the number of different colours (of 4096)
 * in a PNG or in `box` ({x, y, width, height} in pixels) of it.
 */
export function look_at(png, box) {
    const crop = box ? [`crop=${Math.floor(box.width)}:${Math.floor(box.height)}:${Math.floor(box.x)}:${Math.floor(box.y)},`] : [];
    const pixels = execFileSync(
        "ffmpeg",
        ["-v", "error", "-f", "png_pipe", "-i", "-", "-vf", `${crop.join("")}scale=160:90`, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        { input: png, maxBuffer: 1 << 24 },
    );
    let sum = 0;
    let squares = 0;
    const colours = new Set();
    const count = pixels.length / 3;
    for (let i = 0; i < pixels.length; i += 3) {
        const [r, g, b] = pixels.subarray(i, i + 3);
        const bright = 0.299 * r + 0.587 * g + 0.114 * b;
        sum += bright;
        squares += bright * bright;
        colours.add(((r >> 4) << 8) | ((g >> 4) << 4) | (b >> 4));
    }
    const mean = sum / count;
    return { mean, deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)), colours: colours.size };
}
