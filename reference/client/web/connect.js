// Finds the server, opens WebTransport, keeps a session standing, and puts failures into words.
import { Renewal } from "./renewal.js";
import { Session } from "./session.js";

/** The drafts this client speaks, best first. */
export const DRAFTS = [18, 16];
const HANDSHAKE_LIMIT = 10_000; // ms
const RETRY = { first: 250, most: 3_000 }; // ms
/** Browsers take hashes of certificates that live at most this long. */
const HASHED_LIFE = 14 * 86_400; // s

/** Why there is no picture: a kind for programs, words for people. */
export class Failure extends Error {
  constructor(kind, text, status = null) {
    super(text);
    Object.assign(this, { kind, status, text });
  }
  toJSON() {
    return { kind: this.kind, status: this.status, text: this.text };
  }
}

const hexToBytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (two) => parseInt(two, 16));

/** What the page's address says about where to connect. */
export function settingsFrom(search) {
  const query = new URLSearchParams(search);
  const draft = Number(query.get("draft"));
  return {
    server: query.get("server"),
    hashes: query.getAll("cert").filter((hex) => /^[0-9a-fA-F]{64}$/.test(hex)),
    drafts: DRAFTS.includes(draft) ? [draft] : DRAFTS,
    token: query.get("token"),
    renew: query.get("renew"), // the URL of the next one
  };
}

/** The URL of the relay behind this page and the certificate hashes that belong to it. */
export async function findServer(settings, origin = location) {
  const found = { url: settings.server, hashes: settings.hashes.map(hexToBytes), ours: false };
  if (!found.url || found.hashes.length === 0) {
    const info = await ask("/api/v1/info", (answer) => answer.json());
    const place = /^(.*):(\d+)$/.exec(info?.quic ?? "");
    if (!found.url && !place)
      throw new Failure("unreachable", "The server that sent this page does not answer. " +
        "Is it still running?");
    const own = place && `https://${hostFor(origin.hostname, place[1])}:${place[2]}`;
    found.url ??= `${own}/moq`;
    found.ours = own !== null && new URL(found.url).origin === new URL(own).origin;
    const left = (info?.certificate?.not_after ?? 0) - Date.now() / 1000;
    if (found.ours && found.hashes.length === 0 && left < HASHED_LIFE)
      found.hashes = await askHashes();
  }
  if (settings.token) {
    const url = new URL(found.url);
    url.searchParams.set(found.ours ? "tok" : "jwt", settings.token);
    found.url = url.href;
  }
  return found;
}

/** The token that the page was given: by itself, or in the address of the server. */
function tokenOf(settings) {
  if (settings.token || !settings.server) return settings.token ?? null;
  return new URL(settings.server).searchParams.get("tok");
}

/** Where browsers try IPv6 first for "localhost", a server on 127.0.0.1 would not be found. */
function hostFor(pageHost, listening) {
  const anywhere = ["*", "0.0.0.0", "[::]", "::"].includes(listening);
  return pageHost === "localhost" && !anywhere ? listening : pageHost;
}

/** Hashes of the server's certificates: the present one, and the next when it is near. */
async function askHashes() {
  const lines = await ask("/certificate.sha256", (answer) => answer.text());
  return (lines ?? "").split(/\s+/).filter((hex) => hex.length === 64).map(hexToBytes);
}

async function ask(path, take) {
  try {
    const answer = await fetch(path, { cache: "no-store" });
    return answer.ok ? await take(answer) : null;
  } catch {
    return null;
  }
}

/** Opens a WebTransport; gives it with the draft that the server chose. */
export async function openTransport(server, drafts) {
  if (typeof WebTransport === "undefined")
    throw new Failure("no-webtransport", globalThis.isSecureContext === false
      ? "Browsers offer WebTransport on secure pages alone: open this page by https, or as 127.0.0.1."
      : "This browser has no WebTransport. Chrome, Edge, Firefox and Safari 26.4 or newer have it.");
  const options = { protocols: drafts.map((draft) => `moqt-${draft}`),
    congestionControl: "low-latency" };
  if (server.hashes.length !== 0)
    options.serverCertificateHashes = server.hashes.map((value) =>
      ({ algorithm: "sha-256", value }));
  let transport;
  let timer;
  try {
    transport = new WebTransport(server.url, options);
    transport.closed.catch(() => {});
    await Promise.race([transport.ready, new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("no answer")), HANDSHAKE_LIMIT);
    })]);
  } catch (error) {
    try {
      transport?.close();
    } catch {
      // it never was open
    }
    throw await explain(server, error);
  } finally {
    clearTimeout(timer);
  }
  const draft = drafts.find((one) => transport.protocol === `moqt-${one}`);
  if (draft === undefined) {
    transport.close({ closeCode: 0x15, reason: "no common draft" });
    throw new Failure("session", "The server speaks none of the drafts that this page speaks " +
      `(${drafts.join(", ")}).`);
  }
  return { transport, draft };
}

/** Scripts are not told why a handshake failed, so the server is asked what it would have said. */
async function explain(server, error) {
  if (server.ours) {
    const { pathname, search } = new URL(server.url);
    const { status, text } = await askDoor(pathname + search);
    if (status === 503 && text === "moq is switched off")
      return new Failure("switched-off", "The operator has switched this way of media off " +
        "(HTTP status 503).", status);
    if (status !== null && status !== 200)
      return new Failure("refused", refusalWords(status), status);
    const hashes = server.hashes.length === 0 ? [] : (await askHashes()).map(String);
    if (hashes.length !== 0 && !server.hashes.some((one) => hashes.includes(String(one))))
      return new Failure("certificate", "The server has another certificate than this page was " +
        "told to accept.");
  }
  const words = String(error?.message ?? error);
  if (/certificate|CERT_|hash/i.test(words))
    return new Failure("certificate", `The server's certificate is not accepted: ${words}`);
  if (server.ours && server.hashes.length === 0)
    return new Failure("certificate", "The server cannot be reached by WebTransport. Its " +
      "certificate may not be trusted here, or UDP is blocked on the way.");
  return new Failure("unreachable", "The server cannot be reached by WebTransport. UDP may be " +
    "blocked on the way, the server gone, or its certificate another one.");
}

async function askDoor(path) {
  try {
    const answer = await fetch(`/api/v1/door?path=${encodeURIComponent(path)}`,
      { cache: "no-store" });
    return answer.headers.has("x-moq-door")
      ? { status: answer.status, text: (await answer.text()).trim() } : { status: null };
  } catch {
    return { status: null };
  }
}

function refusalWords(status) {
  const known = {
    401: "The server wants a token, and this page has none (HTTP status 401).",
    403: "The server refuses this token or this page (HTTP status 403).",
    404: "The server knows no such place (HTTP status 404).",
    429: "The server has too many visitors just now (HTTP status 429).",
    503: "The server takes no visitors just now (HTTP status 503).",
  };
  return known[status] ?? `The server refuses the connection (HTTP status ${status}).`;
}

/**
 * Keeps a session standing until `stop`: connects, and again when it is lost.
 *
 * `onSession(session)` comes when a session is established, `onEvent(event, session)` with each of
 * its events, `onDown(failure, willRetry)` when there is none any more or none could be made.
 */
export class Connection {
  constructor(module, settings, { onSession, onEvent, onDown }) {
    Object.assign(this, { module, settings, onSession, onEvent, onDown });
    this.session = null;
    this.url = null;
    this.draft = null;
    this.connects = 0;
    this.failures = 0;
    this.stopped = false;
    this.timer = null;
    this.renewal = new Renewal(tokenOf(settings), settings.renew, (token) => this.#show(token));
  }
  start() {
    this.renewal.start();
    this.#connect();
  }
  stop(reason = "") {
    this.stopped = true;
    clearTimeout(this.timer);
    this.renewal.stop();
    this.session?.close(0, reason);
  }

  /** A fresh token: for the session that there is, and for the next one. */
  #show(token) {
    this.settings = { ...this.settings, token };
    this.session?.renew(token);
  }
  async #connect() {
    try {
      const server = await findServer(this.settings);
      this.url = server.url;
      const { transport, draft } = await openTransport(server, this.settings.drafts);
      if (this.stopped) return transport.close();
      this.draft = draft;
      this.protocol = transport.protocol;
      new Session(this.module, transport, { draft, onEvent: (e, s) => this.#event(e, s) });
    } catch (error) {
      this.#down(error instanceof Failure ? error : new Failure("session", String(error)));
    }
  }
  #event(event, session) {
    if (event.what === "established") {
      this.session = session;
      this.failures = 0;
      ++this.connects;
      this.onSession(session);
    }
    if (event.what === "goaway") session.close(0, "going away");
    this.onEvent(event, session);
    if (event.what !== "closed") return;
    this.session = null;
    const unauthorized = event.codeName === "UNAUTHORIZED";
    this.#down(unauthorized
      ? new Failure("refused", `The server ended the session: ${event.text || event.codeName}`, 401)
      : new Failure("session", `The connection was lost${event.text ? `: ${event.text}` : ""}.`));
  }
  #down(failure) {
    const passing = failure.status === 429 || failure.status === 503;
    const final = this.stopped || failure.kind === "no-webtransport" ||
      (failure.kind === "refused" && !passing);
    this.onDown(failure, !final);
    if (final) return this.renewal.stop();
    const wait = Math.min(RETRY.first * 2 ** this.failures++, RETRY.most);
    this.timer = setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2));
  }
}
