// Figures and small plots over the picture.

const POINTS = 60;

export class Statistics {
  constructor(figures, plots, names) {
    this.figures = figures;
    this.cells = new Map();
    this.plots = new Map();
    for (const [key, caption] of Object.entries(names)) {
      const figure = document.createElement("figure");
      const canvas = document.createElement("canvas");
      const words = document.createElement("figcaption");
      canvas.width = 300;
      canvas.height = 72;
      words.textContent = caption;
      figure.append(canvas, words);
      plots.append(figure);
      this.plots.set(key, { canvas, words, caption, values: [] });
    }
  }
  /** Shows pairs of name and text. */
  show(pairs) {
    for (const [name, text] of pairs) {
      let cell = this.cells.get(name);
      if (!cell) {
        const term = document.createElement("dt");
        cell = document.createElement("dd");
        term.textContent = name;
        this.figures.append(term, cell);
        this.cells.set(name, cell);
      }
      if (cell.textContent !== text) cell.textContent = text;
    }
  }
  /** Adds a value to a plot. */
  add(key, value) {
    const plot = this.plots.get(key);
    plot.values.push(value);
    if (plot.values.length > POINTS) plot.values.shift();
  }
  draw() {
    for (const { canvas, words, caption, values } of this.plots.values()) {
      const known = values.filter((value) => value !== null);
      const most = Math.max(...known, 1);
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.strokeStyle = "#7fb2ff";
      context.lineWidth = 3;
      context.beginPath();
      let isFirst = true;
      values.forEach((value, i) => {
        if (value === null) return void (isFirst = true);
        const x = ((i + POINTS - values.length) * canvas.width) / (POINTS - 1);
        const y = canvas.height - 4 - (value / most) * (canvas.height - 8);
        if (isFirst) context.moveTo(x, y);
        else context.lineTo(x, y);
        isFirst = false;
      });
      context.stroke();
      words.textContent = `${caption}, up to ${Math.round(most)}`;
    }
  }
}

export const percentile = (values, part) => {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
};

export const formatRate = (bits) => (bits >= 1e6 ? `${(bits / 1e6).toFixed(2)} Mbit/s`
  : `${Math.round(bits / 1e3)} kbit/s`);
