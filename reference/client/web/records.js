// Layouts of module/records.hpp: what the module and JavaScript hand to each other.

export const EVENT = [
  "none", "established", "requested", "accepted", "rejected", "update_requested",
  "update_accepted", "update_rejected", "cancelled", "publish_done", "namespace_added",
  "namespace_removed", "publish_blocked", "subgroup_opened", "object", "fetch_gap",
  "stream_finished", "stream_reset", "stream_stopped", "goaway", "request_goaway",
  "malformed_track", "closed",
];
export const REQUEST = [
  "none", "subscribe", "publish", "fetch", "track_status", "publish_namespace",
  "subscribe_namespace", "subscribe_tracks",
];
export const FILTER = { next_group: 1, largest: 2, absolute: 3, range: 4 };
/** Object status, as on the wire. */
export const STATUS = { normal: 0, end_of_group: 3, end_of_track: 4 };
/** Enumerators of include/moqrtc/moqt/codes.hpp, in their order. */
export const REQUEST_ERROR = { internal_error: 0, unauthorized: 1, timeout: 2, not_supported: 3,
  malformed_auth_token: 4, expired_auth_token: 5, going_away: 6, excessive_load: 7,
  does_not_exist: 8, invalid_range: 9 };
export const DONE = { internal_error: 0, unauthorized: 1, track_ended: 2, subscription_ended: 3 };
export const RESET = { internal_error: 0, cancelled: 1, delivery_timeout: 2 };

const FLAG = { by_peer: 1, end_of_group: 2, first_object: 4, has_properties: 8, gap_unknown: 16,
  forward_set: 32, forward: 64, datagram: 128, end_of_track: 256, has_audio_level: 512 };

const absent = (number) => (number < 0 ? null : number);

/**
 * Reads an event; its bytes are copies.
 * @param {DataView} view of the module's memory
 */
export function readEvent(view, at) {
  const f64 = (offset) => view.getFloat64(at + offset, true);
  const u32 = (offset) => view.getUint32(at + offset, true);
  const bytes = (offset) => copyBytes(view, at + offset);
  const text = (offset) => textOf(bytes(offset));
  const flags = u32(156);
  const event = {
    what: EVENT[u32(144)],
    request: REQUEST[u32(148)],
    id: f64(0),
    byPeer: (flags & FLAG.by_peer) !== 0,
  };
  switch (event.what) {
    case "object":
    case "subgroup_opened":
    case "fetch_gap":
      event.stream = f64(16);
      event.group = f64(24);
      event.object = f64(32);
      event.subgroup = f64(40);
      event.priority = u32(160);
      event.status = u32(164);
      event.endOfGroup = (flags & FLAG.end_of_group) !== 0;
      if (event.what !== "object") break;
      event.timestamp = absent(f64(48));
      event.timescale = absent(f64(56));
      event.audioLevel = flags & FLAG.has_audio_level ? u32(172) : null;
      event.payload = bytes(176);
      event.config = u32(212) !== 0 ? bytes(208) : null;
      break;
    case "stream_finished":
    case "stream_reset":
    case "stream_stopped":
      event.stream = f64(16);
      break;
    case "update_requested":
    case "update_accepted":
    case "update_rejected":
      event.updateId = f64(8);
      break;
    case "namespace_added":
    case "namespace_removed":
    case "publish_blocked":
    case "requested":
      event.space = bytes(192);
      event.name = text(200);
      event.fetch = { type: u32(168), start: { group: f64(88), object: f64(96) },
        end: { group: f64(104), object: f64(112) }, joining: f64(120), back: f64(128) };
      break;
    case "accepted":
      event.end = { group: f64(104), object: f64(112) };
      event.endOfTrack = (flags & FLAG.end_of_track) !== 0;
      break;
    default:
      break;
  }
  const largest = absent(f64(64));
  event.largest = largest === null ? null : { group: largest, object: f64(72) };
  event.newGroup = absent(f64(80));
  event.forward = flags & FLAG.forward_set ? (flags & FLAG.forward) !== 0 : null;
  event.retryAfter = absent(f64(136));
  event.code = u32(152);
  event.codeName = text(216);
  event.text = text(184);
  return event;
}

export function readSend(view, at) {
  const count = view.getUint32(at + 8, true);
  const chunks = [];
  for (let i = 0; i < count; ++i) chunks.push(copyBytes(view, at + 16 + 8 * i));
  return { stream: view.getFloat64(at, true), fin: view.getUint32(at + 12, true) !== 0, chunks };
}

export function readOperation(view, at) {
  return {
    stream: view.getFloat64(at, true),
    code: view.getFloat64(at + 8, true),
    what: ["reset", "stop_sending", "datagram", "close"][view.getUint32(at + 16, true)],
    data: copyBytes(view, at + 20),
  };
}

export function readTrack(view, at) {
  const u32 = (offset) => view.getUint32(at + offset, true);
  return {
    timescale: view.getFloat64(at, true),
    kind: ["video", "audio", "other"][u32(8)],
    trackId: u32(12),
    width: u32(16),
    height: u32(20),
    channels: u32(24),
    sampleRate: u32(28),
    codec: textOf(copyBytes(view, at + 32)),
    description: copyBytes(view, at + 40),
  };
}

/** Samples of a chunk; `data` shares the bytes of `chunk`. */
export function readSamples(view, at, count, chunk) {
  const samples = [];
  for (let i = 0; i < count; ++i, at += 40) {
    const offset = view.getUint32(at + 24, true);
    samples.push({
      timestamp: view.getFloat64(at, true),
      decodeTime: view.getFloat64(at + 8, true),
      duration: view.getFloat64(at + 16, true),
      data: chunk.subarray(offset, offset + view.getUint32(at + 28, true)),
      key: view.getUint32(at + 32, true) !== 0,
    });
  }
  return samples;
}

export const PARAMS_SIZE = 104;
/** Message parameters; what is undefined or null is left out. */
export function writeParams(view, at, params) {
  const put = (index, value) => view.setFloat64(at + 8 * index, value ?? -1, true);
  put(0, params.filter);
  put(1, params.start?.group ?? 0);
  put(2, params.start?.object ?? 0);
  put(3, params.endGroup ?? 0);
  put(4, params.priority);
  put(5, params.order);
  put(6, params.forward === undefined ? -1 : Number(params.forward));
  put(7, params.newGroup);
  put(8, params.rendezvousTimeout);
  put(9, params.deliveryTimeout);
  put(10, params.largest?.group);
  put(11, params.largest?.object ?? 0);
  put(12, params.dynamicGroups === undefined ? -1 : Number(params.dynamicGroups));
}

export const OBJECT_SIZE = 96;
/** An object to send; the bytes' places are pairs of pointer and size. */
export function writeObject(view, at, object, payload, videoConfig, audioConfig) {
  const put = (index, value, otherwise) =>
    view.setFloat64(at + 8 * index, value ?? otherwise, true);
  put(0, object.stream, 0);
  put(1, object.object, 0);
  put(2, object.group, 0);
  put(3, object.subgroup, 0);
  put(4, object.priority, 128);
  put(5, object.status, 0);
  put(6, object.timestamp, -1);
  put(7, object.timescale, -1);
  put(8, object.audioLevel, -1);
  [payload, videoConfig, audioConfig].forEach(([data, size], i) => {
    view.setUint32(at + 72 + 8 * i, data, true);
    view.setUint32(at + 76 + 8 * i, size, true);
  });
}

/** The bytes that a pair of pointer and size at `at` names, copied. */
export function copyBytes(view, at) {
  const data = view.getUint32(at, true);
  return new Uint8Array(view.buffer, data, view.getUint32(at + 4, true)).slice();
}

const decoder = new TextDecoder();
export const textOf = (bytes) => decoder.decode(bytes);
