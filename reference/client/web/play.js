// The page of one broadcast.
import { settingsFrom } from "./connect.js";
import { Module } from "./module.js";
import { formatNamespace, parseNamespace, showNamespace } from "./names.js";
import { Player } from "./player.js";
import { Statistics, formatRate, percentile } from "./stats.js";

const element = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const state = (globalThis.moqrtc = { page: "play", state: "connecting", message: "", error: null });
const stage = element("stage");
const say = (text, isBad) => {
  const message = element("message");
  if (message.textContent !== text) message.textContent = text;
  message.classList.toggle("bad", isBad);
};

const space = parseNamespace(location.pathname.replace(/^\/play\/?/, ""));
const shown = showNamespace(space);
element("title").textContent = shown || "Watch";
document.title = `${shown || "Watch"} – live`;

let player = null;

async function begin() {
  if (space.length === 0) {
    say("This address names no broadcast. The list of broadcasts has links.", true);
    return;
  }
  let module;
  try {
    module = await Module.load(fetch(new URL("./moqrtc.wasm", import.meta.url)));
  } catch (error) {
    state.state = "failed";
    state.error = { kind: "session", status: null, text: String(error) };
    say(`This server's web client is not complete: ${error.message}`, true);
    return;
  }
  const target = Number(query.get("latency"));
  player = new Player({ module, space, settings: settingsFrom(location.search),
    canvas: element("picture"), video: element("video"),
    engine: ["webcodecs", "mse"].includes(query.get("engine")) ? query.get("engine") : "auto",
    target: target > 0 ? target : null, rendition: query.get("rendition") ?? "auto",
    muted: query.get("muted") === "1", measure: query.get("measure") === "1", onChange: update });
  state.player = () => player;
  state.readCounter = () => player.engine?.readCounter() ?? null;
  state.select = (name) => player.select(name);
  state.setLatency = (ms) => player.setLatency(ms);
  player.start();
  if (query.get("stats") === "1") toggleStatistics();
  update();
  setInterval(update, 250);
}

// Controls ----------------------------------------------------------------------------------------

const slider = element("latency");
slider.addEventListener("input", () => player?.setLatency(Number(slider.value)));
element("rendition").addEventListener("change", ({ target }) => player?.select(target.value));
element("engine").addEventListener("change", ({ target }) => player?.setEngine(target.value));
element("engine").value = query.get("engine") ?? "auto";
element("mute").addEventListener("click", () => player?.setMuted(!player.muted));
element("unblock").addEventListener("click", () => player?.engine?.audio.resume().then(update));
element("stats").addEventListener("click", toggleStatistics);
element("full").addEventListener("click", toggleFull);
element("controls").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("visibilitychange", () => player?.setHidden(document.hidden));
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
addEventListener("pagehide", () => player?.stop());
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey ||
    ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName)) return;
  const act = { m: () => player?.setMuted(!player.muted), s: toggleStatistics, f: toggleFull,
    ArrowLeft: () => player?.setLatency(Math.max(20, player.target - 20)),
    ArrowRight: () => player?.setLatency(Math.min(3000, player.target + 20)) }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

function toggleStatistics() {
  const overlay = element("overlay");
  overlay.hidden = !overlay.hidden;
  element("stats").setAttribute("aria-pressed", String(!overlay.hidden));
}
function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else stage.requestFullscreen?.().catch(() => {});
}

// What is shown -----------------------------------------------------------------------------------

const statistics = new Statistics(element("figures"), element("plots"),
  { latency: "Latency, ms", buffer: "Buffer, ms", rate: "kbit/s" });
let last = { at: performance.now(), bytes: 0 };
let bitrate = 0;
let latencyMark = 0;

function update() {
  if (!player) return;
  const { engine, lanes, times, connection } = player;
  say(player.message, player.failure !== null && player.failure.kind !== "not-live");
  slider.value = player.target;
  element("latency-value").textContent = `${player.target} ms`;
  element("mute").setAttribute("aria-pressed", String(player.muted));
  element("mute").textContent = player.muted ? "Unmute" : "Mute";
  element("unblock").hidden = !(player.state === "live" && lanes.audio && engine?.audio.blocked &&
    !player.muted);
  offerRenditions();
  measureRate();
  Object.assign(state, {
    state: player.state, message: player.message, error: player.failure?.toJSON() ?? null,
    draft: connection.draft, protocol: connection.protocol, transport: "webtransport",
    url: connection.url, connects: connection.connects,
    renewed: connection.renewal.renewed, renewalFailure: connection.renewal.failure,
    reconnects: Math.max(0, connection.connects - 1), namespace: formatNamespace(space),
    engine: engine?.name ?? null, packaging: lanes.video?.track.packaging ??
      lanes.audio?.track.packaging ?? null,
    rendition: lanes.video?.track.name ?? null,
    renditions: player.offer.video.map((track) => track.name),
    decodedFrames: engine?.counts.decoded ?? 0, shownFrames: engine?.counts.shown ?? 0,
    droppedFrames: engine?.counts.dropped ?? 0, gaps: player.totals.gaps, objects: player.objects,
    bytes: connection.session?.bytesReceived ?? 0, bitrate, ...times,
    firstFrameMs: times.firstFrameAt === null ? null : times.firstFrameAt - times.subscribedAt,
    targetLatency: player.target, latency: player.latencies.at(-1) ?? null, latencies: player.latencies,
    latencySource: player.latencySource, bufferMs: engine?.bufferMs ?? 0,
    audio: engine?.audio.levels ?? { frames: 0, peak: 0, rms: 0 }, muted: player.muted,
    audioBlocked: engine?.audio.blocked ?? null, hiddenVideo: player.videoPaused === "hidden",
    videoPaused: player.videoPaused, switches: player.switches,
    playbackRate: engine?.playbackRate ?? 1, extraLatency: engine?.clock?.extra ?? 0, throughput: player.throughput.estimate,
  });
}
function offerRenditions() {
  const select = element("rendition");
  const wanted = ["auto", ...player.offer.video.map((track) => track.name)];
  if (wanted.join("\n") !== [...select.options].map((one) => one.value).join("\n")) {
    select.replaceChildren(...wanted.map((name) => {
      const track = player.offer.video.find((one) => one.name === name);
      const size = track?.height ? ` (${track.width} × ${track.height})` : "";
      return new Option(track ? `${track.label}${size}` : "Automatic", name);
    }));
  }
  if (document.activeElement !== select) select.value = player.rendition;
}
function measureRate() {
  const now = performance.now();
  if (now - last.at < 1000) return;
  const bytes = player.connection.session?.bytesReceived ?? 0;
  bitrate = Math.max(0, ((bytes - last.bytes) * 8000) / (now - last.at));
  last = { at: now, bytes };
  const recent = player.latencies.slice(-60);
  const middle = percentile(recent, 0.5);
  statistics.add("latency", player.latencies.length === latencyMark ? null : middle);
  latencyMark = player.latencies.length;
  statistics.add("buffer", player.engine?.bufferMs ?? 0);
  statistics.add("rate", bitrate / 1000);
  if (!element("overlay").hidden) showStatistics(middle, recent);
}
const levelWords = (rms) =>
  (rms === null || rms === undefined ? "" : `, level ${(rms * 100).toFixed(1)} %`);
function showStatistics(middle, recent) {
  const { engine, lanes, connection } = player;
  const track = lanes.video?.track;
  const ms = (value) => (value === null || value === undefined ? "–" : `${Math.round(value)} ms`);
  statistics.show([
    ["Latency, glass to glass", middle === null ? "– (the publisher sends no capture times)"
      : `${ms(middle)}, 95 % ${ms(percentile(recent, 0.95))}, from the ${player.latencySource}`],
    ["Buffer", `${ms(engine?.bufferMs)} of ${ms(player.target +
      (engine?.clock?.extra ?? 0))}, speed ` + `${(engine?.playbackRate ?? 1).toFixed(2)}`],
    ["First picture", ms(state.firstFrameMs)],
    ["Pictures", `${state.decodedFrames} decoded, ${state.droppedFrames} dropped`],
    ["Objects", `${state.objects}, ${state.gaps} gaps`],
    ["Rate", `${formatRate(bitrate)}, path ${player.throughput.estimate === null ? "–"
      : formatRate(player.throughput.estimate)}`],
    ["Video", track ? `${track.name}, ${track.codec}, ${track.packaging}` +
      `${player.rendition === "auto" ? ", automatic" : ""}` : player.videoPaused ? "paused" : "–"],
    ["Audio", lanes.audio ? lanes.audio.track.codec + levelWords(engine?.audio.levels.rms) : "–"],
    ["Player", engine?.name ?? "–"],
    ["Transport", `WebTransport, draft ${connection.draft ?? "–"}, ` +
      `connection ${connection.connects}`],
  ]);
  statistics.draw();
}

begin();
