// Runs on the audio thread: collects what the source plays into pieces for the encoder.
const FRAMES = 960; // 20 ms at 48 kHz

class Input extends AudioWorkletProcessor {
  constructor() {
    super();
    this.#renew();
  }
  #renew() {
    this.channels = [new Float32Array(FRAMES), new Float32Array(FRAMES)];
    this.filled = 0;
  }
  process([input]) {
    const count = input[0]?.length ?? 128;
    for (let i = 0; i < count; ++i) {
      const left = input[0]?.[i] ?? 0;
      this.channels[0][this.filled] = left;
      this.channels[1][this.filled] = input[1]?.[i] ?? left;
      if (++this.filled < FRAMES) continue;
      const ends = currentTime + (i + 1) / sampleRate;
      this.port.postMessage({ ends, channels: this.channels },
        this.channels.map((samples) => samples.buffer));
      this.#renew();
    }
    return true;
  }
}

registerProcessor("moqrtc-input", Input);
