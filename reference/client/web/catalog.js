// What a publisher offers: MSF-01 with CMSF-01 (delta updates included) and the plain catalog.
import { parseNamespace } from "./names.js";

/** More than any honest catalog has. */
const LIMITS = { size: 1 << 20, tracks: 1024 };

export const CATALOG_NAMES = ["catalog", ".catalog"];

/** Keeps the catalog of a broadcast up to date, object by object. */
export class CatalogState {
  constructor(space) {
    this.space = space; // of tracks that name none
    this.current = null;
    this.at = { group: -1, object: -1 };
    this.usable = false;
  }
  /** Takes an object of the catalog track; true when the catalog has changed. Throws. */
  take(group, object, payload) {
    if (group < this.at.group || (group === this.at.group && object <= this.at.object)) return false;
    const follows = group === this.at.group && object === this.at.object + 1 && this.usable;
    this.at = { group, object };
    this.usable = false; // until this one is understood
    if (payload.length > LIMITS.size) throw new Error("the catalog is too large");
    const root = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    if (root === null || typeof root !== "object" || Array.isArray(root))
      throw new Error("the catalog is no object");
    const text = JSON.stringify(this.current);
    if (Array.isArray(root.deltaUpdate)) {
      if (!follows) throw new Error("an update without its catalog");
      this.current = this.#updated(root);
    } else {
      this.current = this.#complete(root);
    }
    this.usable = true;
    return JSON.stringify(this.current) !== text;
  }

  #complete(root) {
    if (!Array.isArray(root.tracks)) throw new Error("the catalog has no tracks");
    if (root.tracks.length > LIMITS.tracks) throw new Error("the catalog has too many tracks");
    const inits = readInits(root, {});
    return {
      complete: root.isComplete === true || (root.live === false && root.tracks.length === 0),
      inits,
      tracks: root.tracks.map((track) => readTrack(track, inits)),
    };
  }
  /** MSF-01 section 5.3: add, clone and remove, one after the other. */
  #updated(root) {
    const inits = readInits(root, { ...this.current.inits });
    let tracks = [...this.current.tracks];
    const find = (name, space) =>
      tracks.findIndex((one) => one.name === name && (one.namespace ?? null) === (space ?? null));
    for (const { op, tracks: named = [] } of root.deltaUpdate) {
      for (const track of named) {
        if (op === "remove") {
          const at = find(track.name, track.namespace);
          if (at < 0) throw new Error(`there is no track "${track.name}" to remove`);
          tracks.splice(at, 1);
          continue;
        }
        let made = track;
        if (op === "clone") {
          const { parentName, parentNamespace, ...changed } = track;
          const at = find(parentName, parentNamespace);
          if (at < 0) throw new Error(`there is no track "${parentName}" to clone`);
          made = { ...tracks[at].source, ...changed };
        } else if (op === "update") {
          const at = find(track.name, track.namespace);
          if (at < 0) throw new Error(`there is no track "${track.name}" to update`);
          made = { ...tracks[at].source, ...track };
          tracks.splice(at, 1);
        } else if (op !== "add") {
          throw new Error(`unknown operation "${op}"`);
        }
        if (find(made.name, made.namespace) >= 0)
          throw new Error(`track "${made.name}" exists already`);
        if (tracks.length >= LIMITS.tracks) throw new Error("the catalog has too many tracks");
        tracks = [...tracks, readTrack(made, inits)];
      }
    }
    return { ...this.current,
      complete: root.isComplete === true || this.current.complete, inits, tracks };
  }
}

function readInits(root, into) {
  for (const { id, type = "inline", data } of root.initDataList ?? [])
    if (type === "inline" && typeof id === "string" && typeof data === "string") into[id] = data;
  return into;
}

function kindOf({ role, kind, codec = "", mimeType = "", width, samplerate, sampleRate }) {
  const named = kind ?? role;
  if (["video", "audio"].includes(named)) return named;
  if (named === "signlanguage") return "video";
  if (named === "audiodescription") return "audio";
  if (named !== undefined) return "other";
  if (/^(avc|hvc|hev|vp|av01)/i.test(codec) || mimeType.startsWith("video/")) return "video";
  if (/^(mp4a|opus|flac|[ae]c-3)/i.test(codec) || mimeType.startsWith("audio/")) return "audio";
  return width !== undefined ? "video" : (samplerate ?? sampleRate) !== undefined ? "audio"
    : "other";
}

function readTrack(source, inits) {
  if (typeof source?.name !== "string") throw new Error("a track has no name");
  return {
    source,
    name: source.name,
    namespace: source.namespace,
    label: source.label ?? source.name,
    kind: kindOf(source),
    packaging: source.packaging ?? "cmaf",
    codec: source.codec ?? "",
    init: source.initData ?? inits[source.initRef] ?? null, // base64
    width: source.width ?? null,
    height: source.height ?? null,
    framerate: source.framerate ?? null,
    bitrate: source.bitrate ?? null,
    sampleRate: source.samplerate ?? source.sampleRate ?? null,
    channels: Number(source.channels ?? source.channelConfig) || null,
    live: source.isLive ?? true,
    altGroup: source.altGroup ?? null,
    targetLatency: source.targetLatency ?? null,
    encrypted: source.encryptionScheme !== undefined ||
      (source.contentProtectionRefIDs ?? []).length !== 0,
  };
}

/** The namespace that a track is in. */
export const spaceOf = (track, space) =>
  (track.namespace === undefined ? space : parseNamespace(track.namespace));

export const initBytes = (track) =>
  (track.init === null ? null : Uint8Array.from(atob(track.init), (c) => c.charCodeAt(0)));

/** What this page can play of a catalog: renditions of the video, best first, and the audio. */
export function playable(catalog) {
  const usable = catalog.tracks.filter((track) =>
    ["cmaf", "loc"].includes(track.packaging) && !track.encrypted &&
    ["video", "audio"].includes(track.kind));
  const video = usable.filter((track) => track.kind === "video")
    .sort((a, b) => weight(b) - weight(a));
  return { video, audio: usable.filter((track) => track.kind === "audio") };
}
const weight = (track) => track.bitrate ?? (track.width ?? 0) * (track.height ?? 0);

/** Writes MSF-01 with the fields of CMSF-01; `tracks` are track objects, `init` their bytes. */
export function writeCatalog(tracks, { complete = false, now = Date.now() } = {}) {
  const inits = [];
  const written = tracks.map(({ init, ...track }) => {
    const out = { ...track, isLive: !complete };
    if (init) {
      out.initRef = `init-${track.name}`;
      inits.push({ id: out.initRef, type: "inline", data: base64(init) });
    }
    return out;
  });
  const root = { version: "1", generatedAt: now };
  if (complete) root.isComplete = true;
  return JSON.stringify({ ...root, tracks: written,
    ...(inits.length !== 0 ? { initDataList: inits } : {}) });
}

/** Writes the plain catalog: version 1, live, tracks with kind, codec and a few numbers. */
export function writePlainCatalog(tracks, { complete = false } = {}) {
  return JSON.stringify({ version: 1, live: !complete,
    tracks: complete ? [] : tracks.map((track) => ({
    name: track.name, kind: track.role,
    ...(track.packaging !== "cmaf" ? { packaging: track.packaging } : {}),
    codec: track.codec, width: track.width, height: track.height, bitrate: track.bitrate,
    sampleRate: track.samplerate,
    ...(track.channelConfig ? { channels: Number(track.channelConfig) } : {}),
    ...(track.init ? { initData: base64(track.init) } : {}),
  })) });
}

const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
