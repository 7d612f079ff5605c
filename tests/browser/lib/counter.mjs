// A 32-bit counter of milliseconds drawn into a picture as black and white blocks: 32 columns,
// highest bit left; the first row of blocks is the number, the second its complement, so that a
// picture that was damaged, scaled wrong or is only black does not read as a number. The lowest
// eighth of the picture says the same in the layout of the web client (counter.js): two rows of 18
// cells, each white, 16 bits, black.

export const width = 640;
export const height = 360;
export const frame_size = (width * height * 3) / 2;

const block = width / 32;
const row_height = height / 9;
const bottom = (height * 7) / 8;

/** Draws `number` into `frame`, planar YUV 4:2:0 of 640x360, over a background that moves. */
export function frame_with(number, frame = Buffer.alloc(frame_size)) {
    const luma = width * height;
    const phase = Math.floor(number / 33) % 160;
    frame.fill(128, luma, frame_size);
    frame.fill(96 + phase / 4, luma, luma + luma / 4);
    for (let y = 2 * row_height; y < height; y++) {
        frame.fill(48 + ((y + phase) % 160), y * width, (y + 1) * width);
    }
    for (let bit = 0; bit < 32; bit++) {
        const white = (number >>> (31 - bit)) & 1;
        for (let y = 0; y < 2 * row_height; y++) {
            const value = (y < row_height) === Boolean(white) ? 235 : 16;
            frame.fill(value, y * width + bit * block, y * width + (bit + 1) * block);
        }
    }
    for (let y = bottom; y < height; y++) {
        const half = y < (bottom + height) / 2 ? number >>> 16 : number & 0xffff;
        for (let cell = 0; cell < 18; cell++) {
            const white = cell === 0 || (cell < 17 && (half >>> (16 - cell)) & 1);
            const from = Math.round((cell * width) / 18);
            frame.fill(white ? 235 : 16, y * width + from, y * width + Math.round(((cell + 1) * width) / 18));
        }
    }
    return frame;
}

/**
 * What a page runs to read the counter; needs nothing around it, so that it can be handed over as
 * text. `source` is anything that drawImage takes, `wide` and `high` its size. The number, or
 * undefined when the blocks are not there.
 */
export function read_counter(source, wide, high) {
    const canvas = (globalThis.counter_canvas ??= Object.assign(document.createElement("canvas"), { width: 640, height: 80 }));
    const context = (globalThis.counter_context ??= canvas.getContext("2d", { willReadFrequently: true }));
    context.drawImage(source, 0, 0, wide, (high * 2) / 9, 0, 0, 640, 80);
    const pixels = context.getImageData(0, 0, 640, 80).data;
    const green = (x, y) => pixels[(y * 640 + x) * 4 + 1];
    let number = 0;
    for (let bit = 0; bit < 32; bit++) {
        const above = green(bit * 20 + 10, 20);
        const below = green(bit * 20 + 10, 60);
        if (Math.abs(above - below) < 96) return undefined;
        number = number * 2 + (above > below ? 1 : 0);
    }
    return number;
}
