// Objects of a track as frames for decoders: CMAF chunks and LOC alike.
import { initBytes } from "./catalog.js";

/** Takes the objects of one track apart. */
export class Unpacker {
  constructor(module, track) {
    this.track = track;
    this.packaging = track.packaging;
    this.init = null;
    this.initBytes = initBytes(track);
    this.description = undefined;
    this.codec = track.codec;
    if (this.packaging === "cmaf") {
      if (this.initBytes === null) throw new Error(`track "${track.name}" has no init segment`);
      this.init = module.readInit(this.initBytes);
      this.index = this.init.tracks.findIndex((one) => one.kind === track.kind);
      if (this.index < 0) throw new Error(`track "${track.name}" has no ${track.kind} inside`);
      const inside = this.init.tracks[this.index];
      this.codec = inside.codec || track.codec;
      this.description = inside.description.length !== 0 ? inside.description : undefined;
      this.width = inside.width;
      this.height = inside.height;
      this.sampleRate = inside.sampleRate;
      this.channels = inside.channels;
    } else if (this.initBytes !== null) {
      this.description = this.initBytes;
    }
    this.width ||= track.width;
    this.height ||= track.height;
    this.sampleRate ||= track.sampleRate;
    this.channels ||= track.channels;
  }
  /**
   * The frames of an object; times in microseconds. `capture` is the wall clock in milliseconds
   * when it was taken, or null. Throws when the object is none of its packaging.
   */
  frames(object) {
    if (this.packaging === "cmaf") {
      const capture = object.timestamp !== null && object.timescale === null
        ? object.timestamp / 1000 : null;
      return this.init.samples(object.payload, this.index)
        .map((sample) => ({ ...sample, capture, group: object.group }));
    }
    if (object.timestamp === null) throw new Error("a LOC object without a timestamp");
    const isWall = object.timescale === null;
    const timestamp = isWall ? object.timestamp : (object.timestamp * 1e6) / object.timescale;
    return [{ timestamp, decodeTime: timestamp, duration: null, data: object.payload,
      key: this.track.kind === "audio" || object.object === 0, group: object.group,
      description: object.config ?? undefined, capture: isWall ? timestamp / 1000 : null }];
  }
  delete() {
    this.init?.delete();
    this.init = null;
  }
}
