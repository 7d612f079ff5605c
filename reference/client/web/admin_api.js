// The control API as the control room calls it.

/// Why something was refused, in the words of the server (RFC 9457).
export class Problem extends Error {
  constructor(status, body) {
    super(body?.field ? `${body.field} ${body.detail}.` : `${body?.detail ?? `status ${status}`}.`);
    this.status = status;
    this.field = body?.field ?? null;
  }
}

export class Api {
  constructor(key, fetcher = (...all) => fetch(...all)) {
    this.key = key;
    this.fetcher = fetcher;
  }
  async ask(method, path, body) {
    const headers = {};
    if (this.key !== "") headers.authorization = `Bearer ${this.key}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    const answer = await this.fetcher(path, { method, headers,
      body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store" });
    if (answer.ok) return answer;
    throw new Problem(answer.status, await answer.json().catch(() => null));
  }
  async json(method, path, body) {
    const answer = await this.ask(method, `/api/v1${path}`, body);
    return answer.status === 204 ? null : answer.json();
  }
  get(path) { return this.json("GET", path); }
  post(path, body) { return this.json("POST", path, body); }
  patch(path, body) { return this.json("PATCH", path, body); }
  remove(path) { return this.json("DELETE", path); }
  async text(path) { return (await this.ask("GET", path)).text(); }
}

/// Figures in the text format of Prometheus; labels are summed over.
export function counters(text) {
  const sums = new Map();
  for (const line of text.split("\n")) {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{.*\})? ([^ ]+)$/.exec(line);
    if (found !== null) sums.set(found[1], (sums.get(found[1]) ?? 0) + Number(found[2]));
  }
  return { sum: (name) => sums.get(name) ?? 0 };
}
