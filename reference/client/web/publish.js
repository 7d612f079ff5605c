// The page of somebody who goes live.
import { settingsFrom } from "./connect.js";
import { Module } from "./module.js";
import { formatNamespace, parseNamespace, showNamespace } from "./names.js";
import { Publisher } from "./publisher.js";
import { Statistics, formatRate } from "./stats.js";

const element = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const state = (globalThis.moqrtc = { page: "publish", state: "connecting", message: "",
  error: null });
const space = parseNamespace(location.pathname.replace(/^\/publish\/?/, ""));
const shown = showNamespace(space);
element("title").textContent = shown ? `Go live: ${shown}` : "Go live";
document.title = `${shown || "Go live"} – publish`;
element("watch").href = `/play/${formatNamespace(space)}`;
element("watch").textContent = `${location.origin}/play/${formatNamespace(space)}`;

for (const id of ["source", "packaging"])
  if ([...element(id).options].some((one) => one.value === query.get(id)))
    element(id).value = query.get(id);
if (query.get("audio") === "0") element("audio").checked = false;
if (query.get("renditions") === "2") element("two").checked = true;

let publisher = null;
const statistics = new Statistics(element("figures"), null, {});

function say(text, isBad = false) {
  const message = element("message");
  if (message.textContent !== text) message.textContent = text;
  message.classList.toggle("bad", isBad);
  state.message = text;
}
const number = (name, otherwise, least, most) => {
  const given = Number(query.get(name));
  return given >= least && given <= most ? given : otherwise;
};

async function start() {
  if (publisher?.running || space.length === 0) return;
  const [width, height] = element("size").value.split("x").map(Number);
  const options = {
    source: element("source").value, packaging: element("packaging").value,
    audio: element("audio").checked, renditions: element("two").checked ? 2 : 1,
    gop: number("gop", 2, 0.2, 60), fps: number("fps", 30, 1, 120),
    width: number("width", width, 16, 7680), height: number("height", height, 16, 4320),
    bitrate: number("bitrate", Math.round(width * height * 2.7), 10_000, 100_000_000),
  };
  element("start").disabled = element("choices").disabled = true;
  try {
    const module = await Module.load(fetch(new URL("./moqrtc.wasm", import.meta.url)));
    publisher = new Publisher({ module, space, settings: settingsFrom(location.search), options,
      onChange: update });
  } catch (error) {
    state.state = "failed";
    state.error = { kind: "session", status: null, text: String(error) };
    element("start").disabled = element("choices").disabled = false;
    return say(`This server's web client is not complete: ${error.message}`, true);
  }
  element("stop").disabled = false;
  state.publisher = () => publisher;
  await publisher.start();
  preview();
}
element("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
element("stop").addEventListener("click", () => publisher?.stop());
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
addEventListener("pagehide", () => publisher?.stop());
addEventListener("beforeunload", (event) => {
  if (publisher?.running && publisher.options.source !== "generated") event.preventDefault();
});

/** Shows what is sent: the source's own canvas, or its stream. */
function preview() {
  const canvas = element("preview");
  const context = canvas.getContext("2d");
  const { source } = publisher;
  if (!source) return;
  let from = source.video.canvas;
  if (!from) {
    from = document.createElement("video");
    from.muted = true;
    from.playsInline = true;
    from.srcObject = source.stream;
    from.play();
  }
  const draw = () => {
    if (!publisher.running) return;
    const width = from.videoWidth ?? from.width;
    const height = from.videoHeight ?? from.height;
    if (width) {
      canvas.width = 640;
      canvas.height = Math.round((640 * height) / width);
      context.drawImage(from, 0, 0, canvas.width, canvas.height);
    }
    setTimeout(draw, 100);
  };
  draw();
}

let last = { at: performance.now(), bytes: 0 };
let bitrate = 0;

function update() {
  if (!publisher) return;
  const { publication, renditions, counts, ladder, connection } = publisher;
  say(publisher.message, publisher.failure !== null);
  if (!publisher.running) {
    element("start").disabled = element("choices").disabled = false;
    element("stop").disabled = true;
  }
  const now = performance.now();
  if (now - last.at > 900) {
    bitrate = Math.max(0, ((publication.bytes - last.bytes) * 8000) / (now - last.at));
    last = { at: now, bytes: publication.bytes };
  }
  const sum = (key) => renditions.reduce((total, { encoder }) => total + encoder[key], 0);
  const audioLevel = publisher.running ? publisher.meter?.level() ?? 0 : 0;
  const wanted = renditions.reduce((total, { encoder }) => total + encoder.settings.bitrate, 0);
  element("sound-level").value = Math.min(1, audioLevel * 3);
  element("queue").value = ladder.age / 1000;
  Object.assign(state, {
    state: publisher.state, error: publisher.failure?.toJSON?.() ?? null,
    draft: connection.draft, protocol: connection.protocol, transport: "webtransport",
    url: connection.url, connects: connection.connects,
    reconnects: Math.max(0, connection.connects - 1), namespace: formatNamespace(space),
    framesEncoded: sum("frames"), keyframes: sum("keyframes"), framesSkipped: counts.skipped,
    audioEncoded: counts.audio, objects: publication.objects, bytes: publication.bytes,
    queue: publisher.unsent, queueAge: ladder.age, level: ladder.level, drops: counts.drops, bitrate,
    newGroupRequests: publication.newGroupRequests, subscriptions: publication.subscriptions,
    audioLevel, source: publisher.options.source, packaging: publisher.options.packaging,
  });
  statistics.show([
    ["Pictures", `${state.framesEncoded} sent, ${state.framesSkipped} left out`],
    ["Keyframes", `${state.keyframes}, asked for ${state.newGroupRequests} times`],
    ["Rate", `${formatRate(bitrate)} of ${formatRate(wanted)}, step ${ladder.level}`],
    ["Send queue", `${Math.round(state.queue / 1024)} KiB, ` +
      `${Math.round(ladder.age)} ms, given up ${counts.drops} times`],
    ["Transport", `WebTransport, draft ${connection.draft ?? "–"}, ` +
      `connection ${connection.connects}`],
  ]);
}
setInterval(update, 250);

if (space.length === 0) {
  say("This address names no broadcast. Begin at the list of broadcasts.", true);
  element("start").disabled = true;
} else if (query.get("start") === "1") {
  start();
}
