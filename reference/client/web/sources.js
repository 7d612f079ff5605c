// Where pictures and sound come from: camera, screen, or a picture that is drawn here.
import { drawCounter } from "./counter.js";

/** Wall clock in milliseconds, with the resolution of performance.now(). */
export const wallClock = () => performance.timeOrigin + performance.now();

/** Opens a source: a VideoSource and, when there is sound, an audio node. */
export async function openSource(kind, { width, height, fps, audio }, context) {
  if (kind === "generated") {
    return { video: new GeneratedVideo({ width, height, fps }),
      audio: audio ? generatedSound(context) : null, stop() {} };
  }
  const size = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: fps } };
  const stream = kind === "screen"
    ? await navigator.mediaDevices.getDisplayMedia({ video: size, audio })
    : await openCamera(size, audio);
  const [track] = stream.getVideoTracks();
  const hasSound = stream.getAudioTracks().length !== 0;
  return {
    video: new TrackVideo(track),
    audio: hasSound ? context.createMediaStreamSource(stream) : null,
    stream,
    stop: () => stream.getTracks().forEach((one) => one.stop()),
  };
}

/** The camera, with the microphone where there is one. */
async function openCamera(video, audio) {
  const sound = audio ? { echoCancellation: true, noiseSuppression: true } : false;
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: sound });
  } catch (error) {
    if (!audio || error.name !== "NotFoundError") throw error;
    return navigator.mediaDevices.getUserMedia({ video, audio: false });
  }
}

/** A moving picture with the time in it, in figures and as the counter. */
class GeneratedVideo {
  constructor({ width, height, fps }) {
    this.canvas = new OffscreenCanvas(width, height);
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.fps = fps;
  }
  /** Calls `onFrame(frame, capture)` until `stop`; the frame is the callee's to close. */
  start(onFrame) {
    const began = performance.now();
    let count = 0;
    const tick = () => {
      const capture = wallClock();
      this.#draw(capture, count++);
      onFrame(new VideoFrame(this.canvas, { timestamp: Math.round(capture * 1000) }), capture);
      const due = began + (count * 1000) / this.fps;
      // After a pause (a sleeping machine) nothing is made up for.
      if (performance.now() - due > 1000) count = Math.ceil((performance.now() - began) *
        this.fps / 1000);
      this.timer = setTimeout(tick, Math.max(0, due - performance.now()));
    };
    tick();
  }
  stop() {
    clearTimeout(this.timer);
  }
  #draw(now, count) {
    const { context, canvas: { width, height } } = this;
    const hue = (count * 0.5) % 360;
    context.fillStyle = `hsl(${hue} 45% 30%)`;
    context.fillRect(0, 0, width, height);
    const x = ((count * width) / this.fps / 4) % width;
    context.fillStyle = `hsl(${(hue + 180) % 360} 70% 60%)`;
    context.fillRect(x, height * 0.2, width / 12, height * 0.3);
    context.fillStyle = "#fff";
    context.font = `${Math.round(height / 7)}px monospace`;
    context.textAlign = "center";
    const text = new Date(now).toISOString().slice(11, 23);
    context.fillText(text, width / 2, height * 0.75);
    drawCounter(context, width, height, Math.floor(now));
  }
}

/** A tone that beeps once a second. */
function generatedSound(context) {
  const tone = new OscillatorNode(context, { frequency: 440 });
  const level = new GainNode(context, { gain: 0.15 });
  const beat = new OscillatorNode(context, { type: "square", frequency: 1 });
  const depth = new GainNode(context, { gain: 0.1 });
  beat.connect(depth).connect(level.gain);
  tone.connect(level);
  tone.start();
  beat.start();
  return level;
}

/** The pictures of a camera or screen. */
class TrackVideo {
  constructor(track) {
    this.track = track;
  }
  start(onFrame) {
    this.running = true;
    if ("MediaStreamTrackProcessor" in globalThis) this.#read(onFrame);
    else this.#watch(onFrame);
  }
  async #read(onFrame) {
    const processor = new MediaStreamTrackProcessor({ track: this.track });
    this.reader = processor.readable.getReader();
    for (;;) {
      const { value, done } = await this.reader.read();
      if (done || !this.running) return void value?.close();
      onFrame(value, wallClock());
    }
  }
  /** Browsers without the processor: by way of a video element. */
  #watch(onFrame) {
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = new MediaStream([this.track]);
    video.play();
    const take = () => {
      if (!this.running) return;
      const capture = wallClock();
      onFrame(new VideoFrame(video, { timestamp: Math.round(capture * 1000) }), capture);
      video.requestVideoFrameCallback(take);
    };
    video.requestVideoFrameCallback(take);
  }
  stop() {
    this.running = false;
    this.reader?.cancel().catch(() => {});
  }
}

/** Hands the sound of `node` on in pieces of 20 ms: `onPiece({ channels, capture })`. */
export async function captureSound(context, node, onPiece) {
  await context.audioWorklet.addModule(new URL("./audio_in.js", import.meta.url));
  const input = new AudioWorkletNode(context, "moqrtc-input", { numberOfOutputs: 1 });
  const meter = new AnalyserNode(context, { fftSize: 1024 });
  input.port.onmessage = ({ data: { ends, channels } }) => {
    // The context's clock stands a little before or behind the present; what was played at its
    // present is what was captured now.
    const ago = (context.currentTime - ends) * 1000;
    const length = (channels[0].length * 1000) / context.sampleRate;
    onPiece({ channels, capture: wallClock() - ago - length });
  };
  node.connect(meter);
  node.connect(input);
  input.connect(new GainNode(context, { gain: 0 })).connect(context.destination);
  return { level() {
    const samples = new Float32Array(meter.fftSize);
    meter.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
  } };
}
