// The library as a WebAssembly module: sessions and CMAF, with bytes instead of pointers.
import * as records from "./records.js";

const encoder = new TextEncoder();
const bytesOf = (data) =>
  typeof data === "string" ? encoder.encode(data)
    : data instanceof Uint8Array ? data
    : ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);

/** A call that the module refused. */
export class ModuleError extends Error {}

/** The module itself; `Module.load` makes one. */
export class Module {
  #memory;
  #room = [0, 0]; // place and size of the scratch memory
  #used = 0;

  constructor(instance) {
    this.calls = instance.exports;
    this.#memory = instance.exports.memory;
    this.calls._initialize();
  }

  /** @param source a Response, or a promise of one, or bytes */
  static async load(source) {
    const given = await source;
    if (!(given instanceof Uint8Array) && !given.ok)
      throw new Error(`The module cannot be loaded: HTTP status ${given.status}`);
    const bytes = given instanceof Uint8Array ? given : await given.arrayBuffer();
    return new Module((await WebAssembly.instantiate(bytes, {})).instance);
  }

  view() {
    return new DataView(this.#memory.buffer);
  }

  /** Starts a call: what `put` placed before is void. `size` is an estimate in bytes. */
  begin(size = 0) {
    this.#used = 0;
    this.#reserve(size);
  }
  #reserve(size) {
    if (size <= this.#room[1]) return;
    if (this.#used !== 0) throw new Error("scratch memory grows within a call");
    if (this.#room[0] !== 0) this.calls.release(this.#room[0]);
    const wanted = Math.max(size, 4096);
    this.#room = [this.calls.allocate(wanted) >>> 0, wanted];
    if (this.#room[0] === 0) throw new Error("out of memory");
  }
  /** Places bytes for the call; gives pointer and size. */
  put(data) {
    const place = this.take(data.length);
    new Uint8Array(this.#memory.buffer, place, data.length).set(data);
    return [place, data.length];
  }
  take(size) {
    this.#reserve(this.#used + size);
    const place = this.#room[0] + this.#used;
    this.#used += (size + 7) & ~7;
    return place;
  }

  /** Throws for a number that says that a call failed. */
  check(number) {
    if (number <= -2) {
      const view = this.view();
      const at = this.calls.last_error();
      throw new ModuleError(records.textOf(records.copyBytes(view, at)));
    }
    return number;
  }
  output() {
    return records.copyBytes(this.view(), this.calls.last_output());
  }

  newSession(draft, now, isServer = false) {
    return new MoqtSession(this, draft, now, isServer);
  }
  /** Reads an init segment. */
  readInit(data) {
    return new InitSegment(this, bytesOf(data));
  }
  /** The init segment of an H.264 track from the content of an avcC box. */
  writeVideoInit({ timescale, width, height, description }) {
    const record = bytesOf(description);
    this.begin(record.length + 16);
    this.check(this.calls.write_video_init(timescale, width, height, ...this.put(record)));
    return this.output();
  }
  /** The init segment of an Opus track; `description` as the encoder gives it, or nothing. */
  writeAudioInit({ timescale, channels, sampleRate, description }) {
    const head = bytesOf(description ?? new Uint8Array());
    this.begin(head.length + 16);
    this.check(this.calls.write_audio_init(timescale, channels, sampleRate, ...this.put(head)));
    return this.output();
  }
  /** A CMAF chunk of one sample; times in ticks. */
  writeChunk({ sequence, decodeTime, duration, compositionOffset = 0, key, data }) {
    const payload = bytesOf(data);
    this.begin(payload.length + 16);
    this.check(this.calls.write_chunk(sequence, decodeTime, duration, compositionOffset,
      key ? 1 : 0, ...this.put(payload)));
    return this.output();
  }
  /** Whether decoding can start at a sample of H.264 units behind their lengths. */
  isIdr(data, lengthSize = 4) {
    this.begin(data.length + 16);
    return this.calls.is_idr(...this.put(data), lengthSize) !== 0;
  }
}

/** An init segment that was read; `delete` it. */
class InitSegment {
  constructor(module, data) {
    this.module = module;
    module.begin(data.length + 16);
    this.handle = module.calls.read_init(...module.put(data));
    if (this.handle === 0) module.check(-2);
    const count = module.calls.track_count(this.handle);
    this.tracks = [];
    for (let i = 0; i < count; ++i) {
      const at = module.calls.track_at(this.handle, i);
      this.tracks.push(records.readTrack(module.view(), at));
    }
  }
  /** Takes a chunk of a track apart; times in microseconds. */
  samples(chunk, track = 0) {
    const m = this.module;
    m.begin(chunk.length + 16);
    const count = m.check(m.calls.read_chunk(this.handle, track, ...m.put(chunk)));
    return records.readSamples(m.view(), m.calls.samples_of(this.handle), count, chunk);
  }
  delete() {
    if (this.handle !== 0) this.module.calls.delete_init(this.handle);
    this.handle = 0;
  }
}

/**
 * A session of the library: its transport side is for session.js, its commands for everybody.
 * Times are milliseconds as performance.now() gives them; a namespace is what names.js makes.
 */
class MoqtSession {
  constructor(module, draft, now, isServer) {
    this.module = module;
    this.draft = draft;
    this.calls = module.calls;
    this.handle = this.calls.new_session(now * 1000, draft, isServer ? 1 : 0);
    if (this.handle === 0) module.check(-2);
  }
  delete() {
    if (this.handle !== 0) this.calls.delete_session(this.handle);
    this.handle = 0;
  }

  // From and to the transport.
  handleStream(now, stream, data, fin) {
    this.module.begin(data.length + 16);
    const place = this.module.put(data);
    return this.calls.handle_stream(this.handle, now * 1000, stream, ...place, fin ? 1 : 0);
  }
  handleDatagram(now, data) {
    this.module.begin(data.length + 16);
    this.calls.handle_datagram(this.handle, now * 1000, ...this.module.put(data));
  }
  handleClosed(now, code, reason, byPeer) {
    const text = bytesOf(reason);
    this.module.begin(text.length + 16);
    this.calls.handle_transport_closed(this.handle, now * 1000, code, ...this.module.put(text),
      byPeer ? 1 : 0);
  }
  pollSend(now) {
    const at = this.calls.poll_send(this.handle, now * 1000);
    return at === 0 ? null : records.readSend(this.module.view(), at);
  }
  pollTransmit() {
    const at = this.calls.poll_transmit(this.handle);
    return at === 0 ? null : records.readOperation(this.module.view(), at);
  }
  pollEvent() {
    const at = this.calls.poll_event(this.handle);
    return at === 0 ? null : records.readEvent(this.module.view(), at);
  }

  // Commands; each gives a request's or stream's number, or throws.
  #params(params) {
    if (!params) return 0;
    const at = this.module.take(records.PARAMS_SIZE);
    records.writeParams(this.module.view(), at, params);
    return at;
  }
  #named(call, now, space, name, rest, params) {
    const text = bytesOf(name);
    this.module.begin(space.length + text.length + records.PARAMS_SIZE + 64);
    return this.module.check(call(this.handle, now * 1000, ...this.module.put(space),
      ...this.module.put(text), ...rest, this.#params(params)));
  }
  #plain(call, now, ...rest) {
    return this.module.check(call(this.handle, now * 1000, ...rest));
  }
  #withParams(call, now, params, ...rest) {
    this.module.begin(records.PARAMS_SIZE + 16);
    return this.module.check(call(this.handle, now * 1000, ...rest, this.#params(params)));
  }
  #withBytes(call, now, data, ...rest) {
    const bytes = bytesOf(data);
    this.module.begin(bytes.length + 16);
    return this.module.check(call(this.handle, now * 1000, ...rest, ...this.module.put(bytes)));
  }

  subscribe(now, space, name, params) {
    return this.#named(this.calls.subscribe, now, space, name, [], params);
  }
  publish(now, space, name, alias, params) {
    return this.#named(this.calls.publish, now, space, name, [alias], params);
  }
  fetch(now, space, name, start, end, params) {
    return this.#named(this.calls.fetch, now, space, name,
      [start.group, start.object, end.group, end.object], params);
  }
  joiningFetch(now, subscription, back, params) {
    return this.#withParams(this.calls.joining_fetch, now, params, subscription, back);
  }
  publishNamespace(now, space) {
    return this.#withBytes(this.calls.publish_namespace, now, space);
  }
  subscribeNamespace(now, prefix) {
    return this.#withBytes(this.calls.subscribe_namespace, now, prefix);
  }
  update(now, id, params) {
    return this.#withParams(this.calls.update, now, params, id);
  }
  /** REQUEST_UPDATE with a token and nothing else. */
  renew(now, id, token) {
    return this.#withBytes(this.calls.renew, now, token, id);
  }
  cancel(now, id) {
    return this.#plain(this.calls.cancel, now, id);
  }

  acceptSubscribe(now, id, alias, params) {
    return this.#withParams(this.calls.accept_subscribe, now, params, id, alias);
  }
  acceptPublish(now, id, params) {
    return this.#withParams(this.calls.accept_publish, now, params, id);
  }
  acceptFetch(now, id, end, endOfTrack) {
    return this.#plain(this.calls.accept_fetch, now, id, end.group, end.object,
      endOfTrack ? 1 : 0);
  }
  accept(now, id, params) {
    return this.#withParams(this.calls.accept, now, params, id);
  }
  reject(now, id, code, reason, retryAfter = -1) {
    const text = bytesOf(reason);
    this.module.begin(text.length + 16);
    return this.module.check(this.calls.reject(this.handle, now * 1000, id, code,
      ...this.module.put(text), retryAfter));
  }
  acceptUpdate(now, id) {
    return this.#plain(this.calls.accept_update, now, id);
  }
  announceNamespace(now, id, suffix) {
    return this.#withBytes(this.calls.announce_namespace, now, suffix, id);
  }
  publishDone(now, id, code, reason) {
    return this.#withBytes(this.calls.publish_done, now, reason, id, code);
  }

  openSubgroup(now, id, { group, subgroup = 0, priority = -1, hasProperties = false,
    first = true }) {
    return this.#plain(this.calls.open_subgroup, now, id, group, subgroup, priority,
      hasProperties ? 1 : 0, first ? 1 : 0);
  }
  #object(call, now, object) {
    const parts = [object.payload, object.videoConfig, object.audioConfig]
      .map((part) => bytesOf(part ?? new Uint8Array()));
    const size = parts.reduce((sum, part) => sum + part.length + 8, 0);
    this.module.begin(size + records.OBJECT_SIZE + 16);
    const places = parts.map((part) => this.module.put(part));
    const at = this.module.take(records.OBJECT_SIZE);
    records.writeObject(this.module.view(), at, object, ...places);
    return this.module.check(call(this.handle, now * 1000, at));
  }
  writeObject(now, object) {
    return this.#object(this.calls.write_object, now, object);
  }
  openFetchStream(now, id) {
    return this.#plain(this.calls.open_fetch_stream, now, id);
  }
  writeFetchObject(now, object) {
    return this.#object(this.calls.write_fetch_object, now, object);
  }
  finishStream(now, stream) {
    return this.#plain(this.calls.finish_stream, now, stream);
  }
  resetStream(now, stream, code) {
    return this.#plain(this.calls.reset_stream, now, stream, code);
  }

  unsentBytes() {
    return this.calls.unsent_bytes(this.handle);
  }
  unsentBytesOf(stream) {
    return this.calls.unsent_bytes_of_stream(this.handle, stream);
  }
  get established() {
    return this.calls.is_established(this.handle) !== 0;
  }
  close(now, code, reason) {
    const text = bytesOf(reason);
    this.module.begin(text.length + 16);
    this.calls.close_session(this.handle, now * 1000, code, ...this.module.put(text));
  }
}
