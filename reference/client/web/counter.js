// A counter in the picture: 32 bits of milliseconds as black and white blocks, which survive
// encoding and scaling. Two rows of 18 cells in the lowest eighth: white, 16 bits, black.
const COLUMNS = 18;

/** Draws `value` (mod 2^32) into the lowest eighth of a picture. */
export function drawCounter(context, width, height, value) {
  const top = Math.floor((height * 7) / 8);
  const cell = { width: width / COLUMNS, height: (height - top) / 2 };
  for (let row = 0; row < 2; ++row) {
    const half = row === 0 ? (value / 65536) & 0xffff : value & 0xffff;
    for (let column = 0; column < COLUMNS; ++column) {
      const on = column === 0 || (column <= 16 && ((half >> (16 - column)) & 1) !== 0);
      context.fillStyle = on ? "#fff" : "#000";
      const left = Math.floor(column * cell.width);
      const upper = Math.floor(top + row * cell.height);
      context.fillRect(left, upper, Math.ceil(cell.width), Math.ceil(cell.height));
    }
  }
}

let small = null;

/** The value in a picture (canvas, video, VideoFrame), or null when there is none. */
export function readCounter(source, width, height) {
  small ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  // Four samples across a cell: the middle ones are far from its edges.
  small.canvas.width = COLUMNS * 4;
  small.canvas.height = 8;
  const top = Math.floor((height * 7) / 8);
  small.drawImage(source, 0, top, width, height - top, 0, 0, COLUMNS * 4, 8);
  return decodeCounter(small.getImageData(0, 0, COLUMNS * 4, 8).data);
}

/** The value in 72 × 8 pixels of four bytes, or null. */
export function decodeCounter(pixels) {
  let value = 0;
  for (let row = 0; row < 2; ++row) {
    const light = (column) => {
      let sum = 0;
      for (const x of [column * 4 + 1, column * 4 + 2])
        for (const y of [row * 4 + 1, row * 4 + 2]) sum += pixels[(y * COLUMNS * 4 + x) * 4 + 1];
      return sum / 4;
    };
    if (light(0) < 160 || light(COLUMNS - 1) > 96) return null;
    for (let column = 1; column <= 16; ++column) {
      const level = light(column);
      if (level > 96 && level < 160) return null; // neither black nor white
      value = value * 2 + (level >= 160 ? 1 : 0);
    }
  }
  return value;
}

/** Milliseconds from a counter's value to `now`; null when it can't be so. */
export function counterAge(value, now = Date.now()) {
  const age = (now - value) % 2 ** 32;
  const positive = age < 0 ? age + 2 ** 32 : age;
  return positive < 60_000 ? positive : null;
}
