// What the control room draws: figures over the last minutes. Pure, but for `Plot`.

/// How far back plots go, and how far at least. Units: seconds.
export const SPAN = 300;
const LEAST_SPAN = 60;

/// A plot is no wider than what has been seen, so that the first minutes show something, too.
export const span_since = (began, now) => Math.min(SPAN, Math.max(LEAST_SPAN, now - began));

/// Figures with their times, by name; what is older than the span is forgotten.
export class History {
  constructor(span = SPAN) {
    this.span = span;
    this.lines = new Map();
  }
  add(name, time, value) {
    const line = this.lines.get(name) ?? [];
    line.push([time, value]);
    while (line[0][0] < time - this.span) line.shift();
    this.lines.set(name, line);
  }
  of(name) { return this.lines.get(name) ?? []; }
  /// Forgets every line that `is_there` does not know.
  keep(is_there) {
    for (const name of this.lines.keys()) if (!is_there(name)) this.lines.delete(name);
  }
}

/// Counters to rates. A counter that goes back began anew: that is no rate.
export class Rates {
  constructor() { this.before = new Map(); }
  /// Units: `time` in seconds; the answer is per second, 0 the first time.
  of(name, time, total) {
    const before = this.before.get(name);
    this.before.set(name, [time, total]);
    if (before === undefined || time <= before[0] || total < before[1]) return 0;
    return (total - before[1]) / (time - before[0]);
  }
  keep(is_there) {
    for (const name of this.before.keys()) if (!is_there(name)) this.before.delete(name);
  }
}

/// Bits in a second for people: three digits at most.
export function bitrate(bits) {
  for (const [unit, size] of [["Gbit/s", 1e9], ["Mbit/s", 1e6], ["kbit/s", 1e3]])
    if (bits >= size) return `${(bits / size).toFixed(bits < 10 * size ? 1 : 0)} ${unit}`;
  return `${Math.round(bits)} bit/s`;
}

/// Limits in the order in which somebody should look at them: those that were met, then those that
/// are nearest. `rest` is what is of no concern now: less than a hundredth taken, and never met.
export function in_order(limits) {
  const part = (one) => one.current === null || !(one.maximum > 0) ? 0 : one.current / one.maximum;
  const sorted = [...limits].sort((a, b) => (b.hits ?? 0) - (a.hits ?? 0) || part(b) - part(a));
  const first = sorted.filter((one, i) => (one.hits ?? 0) > 0 || part(one) >= 0.01 || i < 6);
  return { first, rest: sorted.slice(first.length) };
}

/// The points of a line, for SVG, in a box of `width` by `height`: now is at its right edge, its
/// top is the largest figure (at least `least`).
export function outline(points, now, { span = SPAN, width = 100, height = 24, least = 1 } = {}) {
  const most = points.reduce((most, [, value]) => Math.max(most, value), least);
  const at = ([time, value]) => [width * (1 - (now - time) / span), height - 1 - (value / most) * (height - 2)];
  const spots = points.map(at).map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`);
  const first = points.length === 0 ? width : at(points[0])[0];
  return { most, line: spots.join(" "),
    area: spots.length === 0 ? "" : `${first.toFixed(1)},${height} ${spots.join(" ")} ${width},${height}` };
}

const NS = "http://www.w3.org/2000/svg";

/// A line over the last minutes, with its words for those who do not see it.
export class Plot {
  /// `show` writes a figure.
  constructor(what, show, least = 1) {
    Object.assign(this, { what, show, least });
    this.element = document.createElementNS(NS, "svg");
    this.element.setAttribute("class", "plot");
    this.element.setAttribute("viewBox", "0 0 100 24");
    this.element.setAttribute("preserveAspectRatio", "none");
    this.element.setAttribute("role", "img");
    this.area = this.element.appendChild(document.createElementNS(NS, "polygon"));
    this.line = this.element.appendChild(document.createElementNS(NS, "polyline"));
  }
  draw(points, now, span = SPAN) {
    const { most, line, area } = outline(points, now, { span, least: this.least });
    const minutes = Math.ceil(span / 60);
    this.line.setAttribute("points", line);
    this.area.setAttribute("points", area);
    this.element.setAttribute("aria-label",
      `${this.what} over the last ${minutes === 1 ? "minute" : `${minutes} minutes`}: ${this.show(points.at(-1)?.[1] ?? 0)} now, at most ${this.show(most)}`);
  }
}
