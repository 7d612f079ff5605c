// Tokens end: fetches the next one while the last still holds, and shows it to the session.

const SHARE = 0.8; // of a token's life, after which the next one is due
const RETRY = 1000; // ms between attempts to get one
const LEAST = 500; // ms: whatever a token says of itself

/** The claims of a JWT, unverified; null for anything else. */
function claimsOf(token) {
  const part = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(token ?? "")?.[1];
  try {
    const text = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Milliseconds until the token ends; null when it does not say. */
export function lifeLeft(token, now = Date.now()) {
  const ends = claimsOf(token)?.exp;
  return typeof ends === "number" ? ends * 1000 - now : null;
}

/** What makes the next token: a function, or a URL that answers with it as text or in JSON. */
function sourceOf(renew) {
  if (typeof renew === "function") return renew;
  return async () => {
    const answer = await fetch(renew, { cache: "no-store", credentials: "same-origin" });
    if (!answer.ok) throw new Error(`HTTP status ${answer.status}`);
    const text = (await answer.text()).trim();
    return text.startsWith("{") ? JSON.parse(text).token : text;
  };
}

/**
 * Keeps a token fresh: `token` is the newest one. Without a source it does nothing.
 *
 * @param options.onToken called with every new one
 */
export class Renewal {
  constructor(token, renew, onToken) {
    this.token = token;
    this.source = renew ? sourceOf(renew) : null;
    this.onToken = onToken;
    this.renewed = 0;
    this.failure = null;
    this.timer = null;
  }
  start() {
    const left = lifeLeft(this.token);
    if (this.source && left !== null) this.#after(Math.max(left * SHARE, LEAST));
  }
  stop() {
    clearTimeout(this.timer);
    this.timer = null;
  }
  #after(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#renew(), Math.min(ms, 2 ** 31 - 1));
  }
  async #renew() {
    const timer = this.timer;
    try {
      const token = await this.source();
      if (this.timer !== timer) return; // stopped meanwhile
      if (typeof token !== "string" || token === "") throw new Error("the answer has no token");
      this.failure = null;
      this.token = token;
      ++this.renewed;
      this.onToken(token);
      this.start();
    } catch (error) {
      this.failure = String(error?.message ?? error);
      if (this.timer === timer) this.#after(RETRY);
    }
  }
}
