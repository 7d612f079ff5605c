// Encoders: H.264 for each rendition, Opus for the sound.

const TRIES = ["avc1.42E01F", "avc1.42E028", "avc1.42001F", "avc1.4D0028", "avc1.640028"];

/** One rendition of the video. */
export class VideoRendition {
  /**
   * @param settings name, width, height, bitrate, fps
   * @param onChunk called with { key, timestamp, duration, data, capture, group }
   * @param onConfig called with { codec, description, width, height } before the first chunk
   */
  constructor(settings, { onChunk, onConfig, onTrouble }) {
    Object.assign(this, { settings, onChunk, onConfig, onTrouble });
    this.scale = 1;
    this.pending = new Map(); // timestamp to what belongs to the frame
    this.frames = 0;
    this.keyframes = 0;
  }
  async open() {
    const { width, height, fps } = this.settings;
    for (const hardwareAcceleration of ["no-preference", "prefer-software"])
      for (const codec of TRIES) {
        const config = { codec, width, height, bitrate: this.settings.bitrate, framerate: fps,
          latencyMode: "realtime", bitrateMode: "variable", hardwareAcceleration,
          avc: { format: "avc" } };
        const { supported } = await VideoEncoder.isConfigSupported(config)
          .catch(() => ({ supported: false }));
        if (!supported) continue;
        this.config = config;
        this.encoder = new VideoEncoder({ output: (chunk, about) => this.#chunk(chunk, about),
          error: (error) => this.onTrouble(error) });
        this.encoder.configure(config);
        return;
      }
    throw new Error(`this browser cannot encode H.264 at ${width} × ${height}`);
  }
  /** Encodes a frame, which stays the caller's; false when the encoder does not keep up. */
  encode(frame, { timestamp, capture, group, key }) {
    if (this.encoder.state !== "configured") return false;
    if (!key && this.encoder.encodeQueueSize > 3) return false;
    const { width, height } = this.config;
    let own = null;
    const isOther = frame.displayWidth !== width || frame.displayHeight !== height;
    if (isOther || frame.timestamp !== timestamp)
      own = isOther ? this.#scaled(frame, timestamp) : new VideoFrame(frame, { timestamp });
    this.pending.set(timestamp, { capture, group });
    this.encoder.encode(own ?? frame, { keyFrame: key });
    own?.close();
    return true;
  }
  #scaled(frame, timestamp) {
    const { width, height } = this.config;
    this.canvas ??= new OffscreenCanvas(width, height);
    this.context ??= this.canvas.getContext("2d", { alpha: false });
    // The whole picture fits; what is left over stays black.
    const factor = Math.min(width / frame.displayWidth, height / frame.displayHeight);
    const [w, h] = [frame.displayWidth * factor, frame.displayHeight * factor];
    this.context.drawImage(frame, (width - w) / 2, (height - h) / 2, w, h);
    return new VideoFrame(this.canvas, { timestamp });
  }
  #chunk(chunk, about) {
    const description = about?.decoderConfig?.description;
    if (description) {
      const record = new Uint8Array(ArrayBuffer.isView(description) ? description.buffer
        : description).slice();
      const codec = "avc1." + [...record.subarray(1, 4)]
        .map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("");
      this.onConfig({ codec, description: record, width: this.config.width,
        height: this.config.height }, this);
    }
    const data = new Uint8Array(chunk.byteLength);
    chunk.copyTo(data);
    const known = this.pending.get(chunk.timestamp);
    this.pending.delete(chunk.timestamp);
    ++this.frames;
    if (chunk.type === "key") ++this.keyframes;
    if (known) this.onChunk({ ...known, key: chunk.type === "key", timestamp: chunk.timestamp,
      data }, this);
  }
  /** Encodes with this part of the bitrate from now on. */
  setScale(scale) {
    if (scale === this.scale || this.encoder.state !== "configured") return;
    this.scale = scale;
    this.encoder.configure({ ...this.config,
      bitrate: Math.round(this.settings.bitrate * scale) });
  }
  close() {
    if (this.encoder && this.encoder.state !== "closed") this.encoder.close();
  }
}

/** The sound. */
export class SoundEncoder {
  constructor({ sampleRate, bitrate, onChunk, onConfig, onTrouble }) {
    this.sampleRate = sampleRate;
    this.next = null; // timestamp of the next sample, microseconds
    this.timestamps = []; // of the pieces inside the encoder: one packet comes of each
    this.encoder = new AudioEncoder({
      output: (chunk, about) => {
        if (about?.decoderConfig) {
          const { description } = about.decoderConfig;
          onConfig({ codec: "opus", sampleRate, channels: 2, description: description
            ? new Uint8Array(ArrayBuffer.isView(description) ? description.buffer : description)
              .slice() : null });
        }
        const data = new Uint8Array(chunk.byteLength);
        chunk.copyTo(data);
        const timestamp = this.timestamps.shift() ?? chunk.timestamp;
        onChunk({ timestamp, duration: chunk.duration ?? 20_000, data });
      },
      error: onTrouble,
    });
    this.encoder.configure({ codec: "opus", sampleRate, numberOfChannels: 2, bitrate,
      opus: { frameDuration: 20_000 } });
  }
  /** Encodes samples that were captured at `timestamp` (microseconds). */
  encode(channels, timestamp) {
    if (this.encoder.state !== "configured") return;
    const count = channels[0].length;
    // Samples follow each other, and the sound card's clock is led towards the wall clock.
    if (this.next === null || Math.abs(timestamp - this.next) > 80_000) this.next = timestamp;
    else this.next += (timestamp - this.next) * 0.04;
    this.timestamps.push(Math.round(this.next));
    const data = new Float32Array(count * 2);
    data.set(channels[0], 0);
    data.set(channels[1], count);
    const audio = new AudioData({ format: "f32-planar", sampleRate: this.sampleRate,
      numberOfFrames: count, numberOfChannels: 2, timestamp: Math.round(this.next), data });
    this.next += (count * 1e6) / this.sampleRate;
    this.encoder.encode(audio);
    audio.close();
  }
  close() {
    if (this.encoder.state !== "closed") this.encoder.close();
  }
}
