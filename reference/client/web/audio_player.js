// Decodes audio and hands it to the audio thread (audio_out.js).

export class AudioPlayer {
  /** @param onTrouble called with an error when audio cannot be decoded */
  constructor({ onTrouble }) {
    this.onTrouble = onTrouble;
    this.levels = { frames: 0, peak: 0, rms: 0, silent: 0, snaps: 0, queued: 0 };
    this.decoder = null;
    this.node = null;
    this.muted = false;
    this.timestamps = []; // of what is inside the decoder: one piece comes of each packet
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.gain = this.context.createGain();
    this.gain.connect(this.context.destination);
    this.ready = this.#prepare();
  }
  async #prepare() {
    try {
      await this.context.audioWorklet.addModule(new URL("./audio_out.js", import.meta.url));
      this.node = new AudioWorkletNode(this.context, "moqrtc-output", { numberOfInputs: 0,
        outputChannelCount: [2] });
      this.node.port.onmessage = ({ data }) => this.#levels(data);
      this.node.connect(this.gain);
    } catch (error) {
      this.onTrouble(error);
    }
  }
  #levels({ frames, sum, peak, silent, snaps, queued }) {
    this.levels = { frames: this.levels.frames + frames, peak,
      rms: frames === 0 ? 0 : Math.sqrt(sum / frames), silent, snaps, queued: queued * 1000 };
  }
  /** Whether the browser lets sound out: it waits for a click otherwise. */
  get blocked() {
    return this.context.state !== "running";
  }
  resume() {
    return this.context.resume();
  }
  setMuted(muted) {
    this.muted = muted;
    this.gain.gain.value = muted ? 0 : 1;
  }

  configure({ codec, description, sampleRate, channels }) {
    this.close();
    this.config = { codec, sampleRate: sampleRate || 48000, numberOfChannels: channels || 2 };
    if (description && description.length !== 0) this.config.description = description;
    this.decoder = new AudioDecoder({
      output: (data) => this.#decoded(data),
      error: (error) => this.onTrouble(error),
    });
    this.decoder.configure(this.config);
    this.timestamps = [];
  }
  decode({ timestamp, duration, data }) {
    if (this.decoder?.state !== "configured") return;
    this.timestamps.push(timestamp);
    // A decoder that swallows packets must not shift the sound for ever.
    if (this.timestamps.length > this.decoder.decodeQueueSize + 32) this.timestamps.shift();
    this.decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: Math.round(timestamp),
      duration: duration === null ? undefined : Math.round(duration), data }));
  }
  #decoded(audio) {
    const channels = [];
    for (let i = 0; i < Math.min(audio.numberOfChannels, 2); ++i) {
      const samples = new Float32Array(audio.numberOfFrames);
      audio.copyTo(samples, { planeIndex: i, format: "f32-planar" });
      channels.push(samples);
    }
    // Decoders count samples from the first packet on and do not notice what is missing.
    const timestamp = this.timestamps.shift() ?? audio.timestamp;
    this.node?.port.postMessage({ chunk: { time: timestamp / 1e6, rate: audio.sampleRate,
      channels } }, channels.map((samples) => samples.buffer));
    audio.close();
  }
  /** The playhead: media time (ms) that should be heard now, and its speed (0 stops). */
  setHead(media, speed) {
    if (!this.node) return;
    const { currentTime, outputLatency = 0, baseLatency = 0 } = this.context;
    this.node.port.postMessage({ head: { speed, at: currentTime,
      media: media / 1000 + (outputLatency || baseLatency) * speed } });
  }
  clear() {
    this.node?.port.postMessage({ clear: true });
  }
  close() {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
    this.clear();
  }
  dispose() {
    this.close();
    this.context.close().catch(() => {});
  }
}
