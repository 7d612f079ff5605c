// Carries bytes between a WebTransport and a session of the module.
import { CONGESTED, Delivery } from "./delivery.js";

/** Streams that the transport may open at one time, as far as the session cares. */
const STREAM_CREDIT = 1 << 20;

const LOOK_AGAIN = 40; // ms

/** How long the end of a session may come behind that of its streams. */
const FAREWELL = 100; // ms

/**
 * A session on a WebTransport, or on anything that looks like one.
 *
 * Every event of the session is handed to `onEvent`, which may give commands. After commands that
 * are given elsewhere call `flush`.
 */
export class Session {
  /** @param options.now the clock, in milliseconds */
  constructor(module, transport, { draft, onEvent, isServer = false,
    now = () => performance.now() }) {
    this.transport = transport;
    this.now = now;
    this.onEvent = onEvent;
    this.moqt = module.newSession(draft, now(), isServer);
    this.draft = draft;
    this.isServer = isServer;
    this.bytesReceived = 0;
    this.bytesSent = 0;
    this.onBytes = null; // called with the size of each piece that comes
    this.sendOrders = new Map(); // of our streams; the highest goes first
    this.patient = new Set(); // our streams that wait while the path is congested
    this.paused = new Set(); // those of them that do
    this.delivery = new Delivery();
    this.closed = false;
    this.outgoing = new Map(); // our sending sides by stream: { writer, ready }
    this.incoming = new Map(); // readers by stream
    this.remote = [0, 0]; // streams that the peer opened: bidirectional, unidirectional
    this.timer = null;
    this.draining = false;
    this.held = null; // the request that the control stream waits for
    this.subscriptions = new Set(); // that were accepted and go on
    this.moqt.calls.handle_stream_credit(this.moqt.handle, STREAM_CREDIT, STREAM_CREDIT);
    this.#accept(transport.incomingBidirectionalStreams, false);
    this.#accept(transport.incomingUnidirectionalStreams, true);
    this.#readDatagrams(transport.datagrams);
    const gone = (info, error) => this.#transportClosed(info, error);
    transport.closed.then((info) => gone(info ?? {}), (error) => gone({}, error));
    this.flush();
  }

  /** Hands out events and gives the transport what it has room for. */
  flush() {
    if (this.draining || this.moqt.handle === 0) return;
    this.draining = true;
    try {
      for (let moved = true; moved && this.moqt.handle !== 0;) {
        moved = this.#events();
        moved = this.#operations() || moved;
        moved = this.#send() || moved;
      }
    } finally {
      this.draining = false;
    }
    this.#schedule();
  }

  /**
   * SUBSCRIBE_NAMESPACE. In draft 16 it has a stream of its own while requests are numbered across
   * streams, so nothing else may be sent until the answer shows that it has arrived; give it first.
   */
  subscribeNamespace(prefix) {
    const id = this.moqt.subscribeNamespace(this.now(), prefix);
    if (this.draft < 17) this.held = id;
    this.flush();
    return id;
  }
  #releaseControl(event) {
    if (this.held !== event.id || !["accepted", "rejected", "cancelled"].includes(event.what))
      return;
    this.held = null;
    this.moqt.calls.handle_writable(this.moqt.handle, 0);
  }

  /** Shows the server another token, with a request that is open: what stood on the old one then
   * stands on it. False: there is no such request. */
  renew(token) {
    for (const id of this.subscriptions) {
      try {
        this.moqt.renew(this.now(), id, token);
      } catch {
        continue; // it has just ended
      }
      this.flush();
      return true;
    }
    return false;
  }
  #note({ what, request, id }) {
    if (what === "accepted" && request === "subscribe") this.subscriptions.add(id);
    if (["cancelled", "publish_done", "rejected"].includes(what)) this.subscriptions.delete(id);
  }

  close(code = 0, reason = "") {
    if (this.moqt.handle === 0) return;
    this.moqt.close(this.now(), code, reason);
    this.flush();
  }
  /** Bytes that wait for the transport, here and in its queues as far as they are visible. */
  get unsent() {
    return this.moqt.handle === 0 ? 0 : this.moqt.unsentBytes();
  }

  #events() {
    let any = false;
    for (let event; this.moqt.handle !== 0 && (event = this.moqt.pollEvent()) !== null;) {
      any = true;
      if (event.what === "closed") this.closed = true;
      if (this.held !== null) this.#releaseControl(event);
      this.#note(event);
      this.onEvent(event, this);
      if (event.what === "closed") this.#release();
    }
    return any;
  }
  #operations() {
    let any = false;
    for (let op; this.moqt.handle !== 0 && (op = this.moqt.pollTransmit()) !== null;) {
      any = true;
      this.#operate(op);
    }
    return any;
  }
  #operate(op) {
    const aborted = () => streamError(op.code);
    switch (op.what) {
      case "reset": {
        const out = this.outgoing.get(op.stream);
        this.outgoing.delete(op.stream);
        this.sendOrders.delete(op.stream);
        this.patient.delete(op.stream);
        out?.writer?.abort(aborted()).catch(() => {});
        break;
      }
      case "stop_sending": {
        const reader = this.incoming.get(op.stream);
        this.incoming.delete(op.stream);
        reader?.cancel(aborted()).catch(() => {});
        break;
      }
      case "datagram":
        this.datagramWriter ??= this.transport.datagrams.writable.getWriter();
        this.datagramWriter.write(op.data).catch(() => {});
        break;
      case "close":
        this.closing = true;
        try {
          this.transport.close({ closeCode: op.code,
            reason: new TextDecoder().decode(op.data) });
        } catch {
          // it is gone already
        }
        break;
    }
  }

  // Sending ---------------------------------------------------------------------------------------

  #send() {
    let any = false;
    const { moqt } = this;
    for (let offer; moqt.handle !== 0 && (offer = moqt.pollSend(this.now())) !== null;) {
      any = true;
      const out = this.outgoing.get(offer.stream);
      const isHeld = (this.held !== null && offer.stream === 0) || this.#pauses(offer.stream);
      if (!isHeld && out?.writer && out.room()) {
        this.#write(out, offer);
        continue;
      }
      moqt.calls.handle_blocked(moqt.handle, offer.stream);
      if (out === undefined) this.#open(offer.stream);
      else if (out.writer && !isHeld) this.#whenReady(offer.stream, out);
    }
    return any;
  }
  /** Whether a stream has to wait for what the browser already has. */
  #pauses(stream) {
    if (!this.patient.has(stream) || this.delivery.delay(this.now()) < CONGESTED) return false;
    if (this.paused.size === 0) setTimeout(() => this.#lookAgain(), LOOK_AGAIN);
    this.paused.add(stream);
    return true;
  }
  #lookAgain() {
    if (this.moqt.handle === 0) return;
    if (this.delivery.delay(this.now()) >= CONGESTED) {
      setTimeout(() => this.#lookAgain(), LOOK_AGAIN);
      return;
    }
    const paused = [...this.paused];
    this.paused.clear();
    for (const stream of paused) this.moqt.calls.handle_writable(this.moqt.handle, stream);
    this.flush();
  }
  async #closeStream(stream, writer) {
    this.delivery.began(stream, this.now());
    try {
      await writer.close();
    } catch {
      // stopped by the peer, or the transport is gone
    }
    this.delivery.ended(stream, this.now());
  }
  #write(out, { stream, chunks, fin }) {
    let size = 0;
    for (const chunk of chunks) {
      size += chunk.length;
      out.writer.write(chunk).catch(() => {}); // `closed` tells why
    }
    this.bytesSent += size;
    if (fin) {
      this.#closeStream(stream, out.writer);
      this.outgoing.delete(stream);
      this.sendOrders.delete(stream);
      this.patient.delete(stream);
    }
    this.moqt.calls.handle_sent(this.moqt.handle, this.now() * 1000, stream, size, fin ? 1 : 0);
  }
  #whenReady(stream, out) {
    if (out.waiting) return;
    out.waiting = true;
    out.writer.ready.then(() => {
      out.waiting = false;
      if (this.moqt.handle === 0) return;
      this.moqt.calls.handle_writable(this.moqt.handle, stream);
      this.flush();
    }, () => {});
  }
  async #open(stream) {
    const out = { writer: null, waiting: false, room: () => out.writer.desiredSize > 0 };
    this.outgoing.set(stream, out);
    const unidirectional = (stream & 2) !== 0;
    const sendOrder = this.sendOrders.get(stream);
    const options = sendOrder === undefined ? {} : { sendOrder };
    let made;
    try {
      made = unidirectional ? await this.transport.createUnidirectionalStream(options)
        : await this.transport.createBidirectionalStream(options);
    } catch {
      return; // the transport is closing, which it tells by itself
    }
    if (this.moqt.handle === 0) return;
    out.writer = (unidirectional ? made : made.writable).getWriter();
    out.writer.closed.catch((error) => this.#stopped(stream, error));
    if (!unidirectional) this.#receive(stream, made.readable);
    if (this.moqt.unsentBytesOf(stream) === 0) {
      // The session has dropped it before the transport had it: nothing will ever be sent.
      this.outgoing.delete(stream);
      out.writer.abort(streamError(0)).catch(() => {});
      return;
    }
    this.moqt.calls.handle_writable(this.moqt.handle, stream);
    this.flush();
  }
  async #stopped(stream, error) {
    if (this.moqt.handle === 0 || !this.outgoing.delete(stream)) return;
    const code = await this.#codeOf(error);
    if (this.moqt.handle === 0) return;
    this.moqt.calls.handle_stop_sending(this.moqt.handle, this.now() * 1000, stream, code);
    this.flush();
  }
  /** What ends a whole session ends its streams first, without a code of theirs; its own end says
   * more, and is waited for. */
  async #codeOf(error) {
    const code = error?.streamErrorCode ?? 0;
    if (code === 0) {
      const late = new Promise((resolve) => setTimeout(resolve, FAREWELL));
      await Promise.race([this.transport.closed.catch(() => {}), late]);
    }
    return code;
  }

  // Receiving -------------------------------------------------------------------------------------

  async #accept(streams, unidirectional) {
    const reader = streams.getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done || this.moqt.handle === 0) return;
        const opener = this.isServer ? 0 : 1;
        const stream = this.remote[Number(unidirectional)]++ * 4 +
          (unidirectional ? 2 : 0) + opener;
        if (!unidirectional) {
          const out = { writer: value.writable.getWriter(), waiting: false,
            room: () => out.writer.desiredSize > 0 };
          this.outgoing.set(stream, out);
          out.writer.closed.catch((error) => this.#stopped(stream, error));
        }
        this.#receive(stream, unidirectional ? value : value.readable);
      }
    } catch {
      // the transport is gone, which it tells by itself
    }
  }
  async #receive(stream, readable) {
    const reader = readable.getReader();
    this.incoming.set(stream, reader);
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (this.moqt.handle === 0) return;
        this.#deliver(stream, value ?? new Uint8Array(), done);
        if (done) break;
      }
    } catch (error) {
      if (this.moqt.handle === 0 || this.incoming.get(stream) !== reader) return;
      const code = await this.#codeOf(error);
      if (this.moqt.handle === 0 || this.incoming.get(stream) !== reader) return;
      this.moqt.calls.handle_reset(this.moqt.handle, this.now() * 1000, stream, code);
      this.flush();
    } finally {
      if (this.incoming.get(stream) === reader) this.incoming.delete(stream);
    }
  }
  #deliver(stream, data, fin) {
    this.bytesReceived += data.length;
    this.onBytes?.(data.length);
    do {
      const taken = this.moqt.handleStream(this.now(), stream, data, fin);
      data = data.subarray(taken);
      this.flush(); // makes room for more events
    } while (data.length !== 0 && this.moqt.handle !== 0 && !this.closed);
  }
  async #readDatagrams(datagrams) {
    const reader = datagrams.readable.getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done || this.moqt.handle === 0) return;
        this.bytesReceived += value.length;
        this.moqt.handleDatagram(this.now(), value);
        this.flush();
      }
    } catch {
      // the transport is gone, which it tells by itself
    }
  }

  // Life ------------------------------------------------------------------------------------------

  #transportClosed(info, error) {
    if (this.moqt.handle === 0) return;
    this.transportError = error ?? null;
    this.moqt.handleClosed(this.now(), info.closeCode ?? 0,
      info.reason || (error ? String(error.message ?? error) : ""), !this.closing);
    this.flush();
  }
  #schedule() {
    if (this.moqt.handle === 0) return;
    const next = this.moqt.calls.next_timeout(this.moqt.handle) / 1000;
    if (next === this.scheduled) return;
    clearTimeout(this.timer);
    this.scheduled = next;
    if (next === Infinity) return;
    const wait = Math.min(Math.max(next - this.now(), 0), 2 ** 31 - 1);
    this.timer = setTimeout(() => {
      this.scheduled = undefined;
      if (this.moqt.handle === 0) return;
      this.moqt.calls.handle_timeout(this.moqt.handle, this.now() * 1000);
      this.flush();
    }, wait);
  }
  #release() {
    this.#operations();
    clearTimeout(this.timer);
    for (const reader of this.incoming.values()) reader.cancel().catch(() => {});
    this.incoming.clear();
    this.outgoing.clear();
    this.moqt.delete();
  }
}

/** What a stream is aborted with so that the peer gets `code`. */
function streamError(code) {
  const words = `stream error ${code}`;
  if (typeof WebTransportError === "undefined")
    return Object.assign(new Error(words), { streamErrorCode: code });
  try {
    return new WebTransportError(words, { source: "stream", streamErrorCode: code });
  } catch {
    return new WebTransportError({ message: words, streamErrorCode: code }); // Chromium's older form
  }
}
