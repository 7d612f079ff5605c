// The control room: what is in the control API, for people. Talks to this host alone.
import { Api, counters } from "./admin_api.js";

const $ = (id) => document.getElementById(id);
const api = new Api(sessionStorage.getItem("moqrtc-api-key") ?? "");
const state = (globalThis.moqrtc = { page: "admin", state: "connecting", api });
const history = new Map(); // plot to its last values
const paths = { moq: "Media over QUIC", webrtc: "WebRTC", hls: "HLS", ingest: "Encoders" };

function say(text, bad = false) {
  $("message").textContent = text;
  $("message").classList.toggle("bad", bad);
}
function element(name, content = "", properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...[content].flat());
  return made;
}
function button(text, label, act, kind = "") {
  const made = element("button", text, { type: "button", className: kind });
  made.setAttribute("aria-label", label);
  made.addEventListener("click", () => attempt(act));
  return made;
}
async function attempt(act) {
  try {
    await act();
    await refresh();
  } catch (problem) {
    say(problem.message, true);
  }
}
function ask(question) {
  $("sure-text").textContent = question;
  $("sure").returnValue = "no";
  $("sure").showModal();
  return new Promise((done) =>
    $("sure").addEventListener("close", () => done($("sure").returnValue === "yes"), { once: true }));
}
function tell(what, secret) {
  $("secret-what").textContent = what;
  $("secret-text").value = secret;
  $("secret").showModal();
  $("secret-text").select();
}
$("copy").addEventListener("click", async () => {
  $("secret-text").select();
  try {
    await navigator.clipboard.writeText($("secret-text").value);
  } catch {
    document.execCommand("copy"); // pages without TLS have no clipboard of the newer kind
  }
  $("copy").textContent = "Copied";
});
$("secret").addEventListener("close", () => {
  $("secret-text").value = "";
  $("copy").textContent = "Copy";
});

/// Replaces a list only where it changed, so that focus and selection stay where they are.
function fill(list, records, make) {
  const text = JSON.stringify(records);
  if (list.dataset.shown === text) return;
  list.dataset.shown = text;
  list.replaceChildren(...records.map(make));
}

function input(one) {
  const name = one.name || one.id;
  const item = element("li", [element("b", name),
    element("span", `${one.kind} · ${one.id}${one.enabled ? "" : " · shut"}`, { className: "hint" })]);
  item.append(
    button("Watch link", `Make a link to watch ${name}`, async () => {
      const made = await api.post(`/live_inputs/${one.id}/playback`, { ttl: 86400 });
      tell("Whoever has this link can watch for a day.", made.url);
    }),
    button("New stream key", `Make a new stream key for ${name}`, async () => {
      if (!(await ask(`The stream key of ${name} stops working now. Make a new one?`))) return;
      tell(`Stream key of ${name}`, (await api.post(`/live_inputs/${one.id}/rotate`, {})).stream_key);
    }),
    button(one.enabled ? "Shut" : "Open", `${one.enabled ? "Shut" : "Open"} ${name}`,
      () => api.patch(`/live_inputs/${one.id}`, { enabled: !one.enabled })),
    button("Remove", `Remove ${name}`, async () => {
      if (await ask(`Remove ${name}?`)) await api.remove(`/live_inputs/${one.id}`);
    }, "bad"));
  return item;
}
function apiKey(one) {
  const item = element("li", [element("b", one.name),
    element("span", `${one.prefix}… · ${one.scopes.join(", ")}${one.revoked ? " · revoked" : ""}`,
      { className: "hint" })]);
  if (!one.revoked)
    item.append(button("Revoke", `Revoke the key ${one.name}`, async () => {
      if (await ask(`Revoke the key ${one.name}? Whoever uses it is refused from now on.`))
        await api.remove(`/api_keys/${one.id}`);
    }, "bad"));
  return item;
}
function signingKey(one) {
  const item = element("li", [element("b", one.id),
    element("span", `${one.algorithm} · ${one.state}`, { className: "hint" })]);
  if (one.state !== "revoked")
    item.append(button("Revoke", `Revoke the signing key ${one.id}`, async () => {
      if (await ask(`Revoke ${one.id}? Every link that it signed stops working.`))
        await api.remove(`/keys/${one.id}`);
    }, "bad"));
  return item;
}
function session(one) {
  const row = element("tr", [one.peer, one.door || "/", `${one.transport}, draft ${one.draft}`,
    one.subscriptions, one.namespaces, `${Math.round(one.unsent_bytes / 1024)} KiB`]
    .map((text) => element("td", String(text))));
  row.append(element("td", button("End", `End the session of ${one.peer}`, async () => {
    if (await ask(`End the session of ${one.peer}?`)) await api.remove(`/sessions/${one.id}`);
  }, "bad")));
  return row;
}
function killSwitch([path, shut]) {
  const made = button(`${paths[path] ?? path}: ${shut ? "shut" : "open"}`,
    `${paths[path] ?? path} is ${shut ? "shut. Open it" : "open. Shut it"}`, async () => {
      if (shut) await api.remove(`/kill/${path}`);
      else if (await ask(`Shut ${paths[path] ?? path}? Everybody on it is told to leave.`))
        await api.post(`/kill/${path}`);
    }, shut ? "bad" : "");
  made.setAttribute("aria-pressed", String(shut));
  return made;
}

function plot(name, value, unit) {
  const values = history.get(name) ?? [];
  values.push(value);
  if (values.length > 60) values.shift();
  history.set(name, values);
  let figure = $(`plot-${name.replaceAll(" ", "-")}`);
  if (figure === null) {
    figure = element("figure", [element("figcaption", name), element("strong")],
      { id: `plot-${name.replaceAll(" ", "-")}` });
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 59 20");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    svg.append(document.createElementNS("http://www.w3.org/2000/svg", "polyline"));
    figure.append(svg);
    $("plots").append(figure);
  }
  figure.querySelector("strong").textContent = `${value.toLocaleString(undefined,
    { maximumFractionDigits: 1 })}${unit}`;
  const most = Math.max(...values, 1);
  figure.querySelector("polyline").setAttribute("points", values.map((one, i) =>
    `${60 - values.length + i},${(19 - (one / most) * 18).toFixed(2)}`).join(" "));
}

let before = null;
function figures(text) {
  const all = counters(text);
  const now = performance.now();
  const rate = (name) => before === null ? 0
    : Math.max(0, all.sum(name) - before.all.sum(name)) / ((now - before.now) / 1000);
  plot("Sessions", all.sum("moqrtc_sessions"), "");
  plot("Viewers", all.sum("moqrtc_subscribers"), "");
  plot("In", rate("moqrtc_bytes_in_total") * 8e-6, " Mbit/s");
  plot("Out", rate("moqrtc_bytes_out_total") * 8e-6, " Mbit/s");
  before = { all, now };
  const hits = [["Requests refused", "moqrtc_requests_refused_total"],
    ["Viewers left behind", "moqrtc_streams_behind_total"],
    ["Connections refused", "moqrtc_quic_connections_refused_total"],
    ["Doors closed", "moqrtc_webtransport_sessions_refused_total"],
    ["API callers refused", "moqrtc_api_refused_total"],
    ["API callers too fast", "moqrtc_api_limited_total"]];
  $("limits").replaceChildren(...hits.flatMap(([what, name]) =>
    [element("dt", what), element("dd", all.sum(name).toLocaleString())]));
}

async function refresh() {
  const [info, inputs, sessions, keys, signing, metrics] = await Promise.all([
    api.get("/info"), api.get("/live_inputs?limit=1000"), api.get("/sessions"),
    api.get("/api_keys?limit=1000"), api.get("/keys?limit=1000"), api.text("/metrics")]);
  fill($("inputs"), inputs.live_inputs, input);
  fill($("sessions"), sessions.sessions, session);
  $("no-sessions").hidden = sessions.sessions.length !== 0;
  fill($("kill"), Object.entries(info.kill), killSwitch);
  fill($("keys"), keys.api_keys, apiKey);
  fill($("signing"), signing.keys, signingKey);
  figures(metrics);
  $("enter").hidden = true;
  $("room").hidden = false;
  $("leave").hidden = api.key === "";
  state.state = "live";
  say(info.api.open ? "Nobody needs a key here: this server listens on this machine alone."
    : `moqrtc-server ${info.version}`);
}
async function watch() {
  try {
    await refresh();
  } catch (problem) {
    if (problem.status === 401 || problem.status === 403) {
      state.state = "locked";
      $("room").hidden = true;
      $("enter").hidden = false;
      say(api.key === "" ? "This server wants a key." : problem.message, api.key !== "");
      $("key").focus();
      return;
    }
    say(`${problem.message} Trying again …`, true);
  }
  setTimeout(watch, 2000);
}

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  api.key = $("key").value.trim();
  sessionStorage.setItem("moqrtc-api-key", api.key);
  $("key").value = "";
  watch();
});
$("leave").addEventListener("click", () => {
  sessionStorage.removeItem("moqrtc-api-key");
  location.reload();
});
$("new-input").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  attempt(async () => {
    const made = await api.post("/live_inputs", Object.fromEntries(new FormData(form)));
    form.reset();
    tell(`Where ${made.name} publishes, with its stream key`, made.publish_url);
  });
});
$("new-key").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const { name, scope } = Object.fromEntries(new FormData(form));
  attempt(async () => {
    const made = await api.post("/api_keys", { name, scopes: [scope] });
    form.reset();
    tell(`The key ${made.name}`, made.key);
  });
});
$("new-signing").addEventListener("click", () => attempt(() => api.post("/keys", {})));
watch();
