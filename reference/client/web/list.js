// What is live: SUBSCRIBE_NAMESPACE with the empty prefix.
import { Connection, settingsFrom } from "./connect.js";
import { Module } from "./module.js";
import { formatNamespace, parseNamespace, showNamespace } from "./names.js";

const state = (globalThis.moqrtc = { page: "list", state: "connecting", message: "", error: null,
  namespaces: [] });
const list = document.getElementById("list");
const message = document.getElementById("message");
const found = new Map(); // text of the namespace to its element

function say(text, failure = null) {
  message.textContent = state.message = text;
  message.classList.toggle("bad", failure !== null);
  state.error = failure?.toJSON() ?? null;
}
function show() {
  state.namespaces = [...found.keys()];
  if (state.state !== "live") return;
  say(found.size === 0 ? "Nobody is live just now. This page tells when somebody is."
    : found.size === 1 ? "One broadcast." : `${found.size} broadcasts.`);
}
function add(space) {
  const name = formatNamespace(space);
  if (found.has(name)) return;
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `/play/${name}${location.search}`;
  link.textContent = showNamespace(space);
  item.append(link);
  const after = [...found.keys()].filter((other) => other > name).sort()[0];
  list.insertBefore(item, after === undefined ? null : found.get(after));
  found.set(name, item);
  show();
}
function remove(space) {
  const name = formatNamespace(space);
  found.get(name)?.remove();
  found.delete(name);
  show();
}
function clear() {
  list.replaceChildren();
  found.clear();
  show();
}

async function begin() {
  const module = await Module.load(fetch(new URL("./moqrtc.wasm", import.meta.url)));
  let request = -1;
  const connection = new Connection(module, settingsFrom(location.search), {
    onSession: (session) => {
      clear();
      request = session.subscribeNamespace(parseNamespace(""));
      state.draft = connection.draft;
      state.url = connection.url;
    },
    onEvent: (event, session) => {
      if (event.what === "requested")
        session.moqt.reject(performance.now(), event.id, 3, "a list");
      if (event.id !== request) return;
      if (event.what === "accepted") {
        state.state = "live";
        show();
      }
      if (event.what === "rejected")
        say(`The server does not tell what is live: ${event.text || event.codeName}`);
      if (event.what === "namespace_added") add(event.space);
      if (event.what === "namespace_removed") remove(event.space);
    },
    onDown: (failure, willRetry) => {
      clear();
      state.state = willRetry ? "reconnecting" : "failed";
      say(failure.text + (willRetry ? " Trying again …" : ""), failure);
    },
  });
  connection.start();
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  addEventListener("pagehide", () => connection.stop("the page was left"));
}

document.getElementById("publish").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = document.getElementById("name").value.trim().replace(/^\/+|\/+$/g, "");
  if (name !== "")
    location.href = `/publish/${name.split("/").map(encodeURIComponent).join("/")}${location.search}`;
});
begin().catch((error) => {
  state.state = "failed";
  say(`This server's web client is not complete: ${error.message}`,
    { toJSON: () => ({ kind: "session", status: null, text: String(error) }) });
});
