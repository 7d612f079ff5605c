// The control room: what is in the control API, for people. Talks to this host alone.
import { Api, counters } from "./admin_api.js";
import { bitrate, History, in_order, Plot, Rates, span_since } from "./admin_plots.js";

const $ = (id) => document.getElementById(id);
const api = new Api(sessionStorage.getItem("moqrtc-api-key") ?? "");
const state = (globalThis.moqrtc = { page: "admin", state: "connecting", api });
const history = new History();
const rates = new Rates();
const most_shown = 200; // sessions
const began = performance.now() / 1000;
const draw = (plot, name, time) => plot.draw(history.of(name), time, span_since(began, time));
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

/// The same for what always changes: an element stays as long as its record, and `update` brings it
/// up to date, so that focus, selection and plots stay.
function follow(list, records, key, make) {
  list.shown ??= new Map();
  const there = new Map(records.map((one) => [key(one), one]));
  for (const [name, { element: gone }] of list.shown)
    if (!there.has(name)) list.shown.delete(name), gone.remove();
  for (const [name, one] of there) {
    if (!list.shown.has(name)) {
      const made = make(one);
      list.shown.set(name, made);
      list.append(made.element);
    }
    list.shown.get(name).update(one);
  }
}
const whole = (value) => Math.round(value).toLocaleString();

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
/// Watchers and bits of one namespace, over the last minutes.
function broadcast(one) {
  const watch = element("a", "Watch", { href: `/play/${one.space.split("/").map(encodeURIComponent).join("/")}` });
  watch.setAttribute("aria-label", `Watch ${one.space}`);
  const figure = (what, show, least) => {
    const plot = new Plot(`${what} of ${one.space}`, show, least);
    const value = element("strong");
    return { plot, value, element: element("div", [value, element("span", what), plot.element], { className: "figure" }) };
  };
  const viewers = figure("watching", whole, 1);
  const bits = figure("coming in", bitrate, 1000);
  return {
    element: element("li", [element("b", one.space), watch, viewers.element, bits.element]),
    update({ space, time }) {
      for (const [{ plot, value }, name] of [[viewers, `viewers ${space}`], [bits, `bits ${space}`]]) {
        const points = history.of(name);
        value.textContent = plot.show(points.at(-1)?.[1] ?? 0);
        draw(plot, name, time);
      }
    },
  };
}
function session(one) {
  const cells = Array.from({ length: 7 }, () => element("td"));
  const plot = new Plot(`Traffic of ${one.peer}`, bitrate, 1000);
  const flow = element("span");
  cells[0].textContent = one.peer;
  cells[1].textContent = one.door || "/";
  cells[2].textContent = `${one.transport} · ${one.draft}`;
  cells[3].append(plot.element, flow);
  cells[6].append(button("End", `End the session of ${one.peer}`, async () => {
    if (await ask(`End the session of ${one.peer}?`)) await api.remove(`/sessions/${one.id}`);
  }, "bad"));
  return {
    element: element("tr", cells),
    update(now) {
      flow.textContent = `↓ ${bitrate(now.out)} ↑ ${bitrate(now.in)}`;
      flow.title = "to them, from them";
      draw(plot, `session ${now.id}`, now.time);
      cells[4].textContent = now.round_trip_ms === undefined ? "" : `${whole(now.round_trip_ms)} ms`;
      cells[5].textContent = `${whole(now.unsent_bytes / 1024)} KiB`;
    },
  };
}
function killSwitch([path, shut]) {
  const made = button([element("span", paths[path] ?? path), element("b", shut ? "shut" : "open")],
    `${paths[path] ?? path} is ${shut ? "shut. Open it" : "open. Shut it"}`, async () => {
      if (shut) await api.remove(`/kill/${path}`);
      else if (await ask(`Shut ${paths[path] ?? path}? Everybody on it is told to leave.`))
        await api.post(`/kill/${path}`);
    }, shut ? "bad" : "");
  made.setAttribute("aria-pressed", String(shut));
  return made;
}

function tile(one) {
  const plot = new Plot(one.name, one.show, one.least);
  const value = element("strong");
  return {
    element: element("figure", [element("figcaption", one.name), value, plot.element]),
    update({ name, show, time }) {
      value.textContent = show(history.of(name).at(-1)?.[1] ?? 0);
      draw(plot, name, time);
    },
  };
}
function figures(all, watching, time) {
  const tiles = [
    { name: "Watching", now: watching, show: whole, least: 1 },
    { name: "Connected", now: all.sum("moqrtc_sessions"), show: whole, least: 1 },
    { name: "Coming in", now: 8 * rates.of("in", time, all.sum("moqrtc_bytes_in_total")), show: bitrate, least: 1000 },
    { name: "Going out", now: 8 * rates.of("out", time, all.sum("moqrtc_bytes_out_total")), show: bitrate, least: 1000 },
  ];
  for (const one of tiles) history.add(one.name, time, one.now);
  follow($("now"), tiles.map((one) => ({ ...one, time })), (one) => one.name, tile);
}
/// Limits with what there is of each, the ones that were met first; of servers that tell no limits,
/// how often somebody was refused.
function limits(usage, all) {
  const hits = [["Requests refused", "moqrtc_requests_refused_total"],
    ["Viewers left behind", "moqrtc_streams_behind_total"],
    ["Connections refused", "moqrtc_quic_connections_refused_total"],
    ["Doors closed", "moqrtc_webtransport_sessions_refused_total"],
    ["API callers refused", "moqrtc_api_refused_total"],
    ["API callers too fast", "moqrtc_api_limited_total"]];
  const { first, rest } = in_order(usage?.limits
    ?? hits.map(([name, metric]) => ({ name, current: null, maximum: null, hits: all.sum(metric) })));
  fill($("limits"), first, limit);
  fill($("other-limits"), rest, limit);
  $("more-limits").hidden = rest.length === 0;
}
function limit(one) {
  const words = one.name.replaceAll("_", " ");
  const line = [element("dt", words[0].toUpperCase() + words.slice(1), { title: one.why ?? "" })];
  const unit = one.unit ? ` ${one.unit}` : "";
  if (one.current !== null && one.maximum !== null) {
    const meter = element("meter", [], { min: 0, max: one.maximum, value: one.current, high: one.maximum * 0.8, optimum: 0 });
    meter.setAttribute("aria-label", words);
    line.push(element("dd", [`${whole(one.current)} of ${whole(one.maximum)}${unit}`, meter]));
  } else if (one.maximum !== null) {
    line.push(element("dd", `${whole(one.maximum)}${unit}`));
  }
  if (one.hits !== null)
    line.push(element("dd", `${whole(one.hits)} ×`, { className: one.hits > 0 ? "hits hit" : "hits", title: "how often it was met" }));
  return element("div", line);
}
/// What is published now, by namespace: the figures of all its tracks together. Returns how many
/// watch.
function on_air(tracks, time) {
  const spaces = new Map();
  for (const one of tracks.filter((track) => track.publishers > 0)) {
    const sum = spaces.get(one.namespace) ?? { space: one.namespace, time, viewers: 0, bits: 0 };
    // Somebody who watches takes several tracks: the one that most take tells how many there are.
    sum.viewers = Math.max(sum.viewers, one.subscribers);
    sum.bits += 8 * rates.of(`track ${one.shard} ${one.namespace} ${one.name}`, time, one.bytes_in);
    spaces.set(one.namespace, sum);
  }
  for (const one of spaces.values()) {
    history.add(`viewers ${one.space}`, time, one.viewers);
    history.add(`bits ${one.space}`, time, one.bits);
  }
  const shown = [...spaces.values()].sort((a, b) => a.space < b.space ? -1 : 1);
  follow($("live"), shown, (one) => one.space, broadcast);
  $("no-live").hidden = shown.length !== 0;
  return shown.reduce((sum, one) => sum + one.viewers, 0);
}
function connected(sessions, time) {
  const all = sessions.map((one) => ({ ...one, time,
    in: 8 * rates.of(`in ${one.id}`, time, one.bytes_received),
    out: 8 * rates.of(`out ${one.id}`, time, one.bytes_sent) }));
  const shown = all.slice(0, most_shown);
  for (const one of shown) history.add(`session ${one.id}`, time, one.in + one.out);
  follow($("sessions"), shown, (one) => one.id, session);
  $("no-sessions").hidden = all.length !== 0;
  $("more-sessions").hidden = all.length <= most_shown;
  $("more-sessions").textContent = `and ${whole(all.length - most_shown)} more`;
}
/// Lines of what is no more are forgotten when a session or a broadcast is.
function forget(sessions, tracks) {
  const names = new Set(["in", "out", "Watching", "Connected", "Coming in", "Going out"]);
  for (const one of sessions)
    for (const kind of ["session", "in", "out"]) names.add(`${kind} ${one.id}`);
  for (const one of tracks) {
    names.add(`viewers ${one.namespace}`).add(`bits ${one.namespace}`);
    names.add(`track ${one.shard} ${one.namespace} ${one.name}`);
  }
  history.keep((name) => names.has(name));
  rates.keep((name) => names.has(name));
}

async function refresh() {
  // A wrong key is asked about once, not with everything: an address has only so many guesses.
  if (state.state !== "live") await api.get("/live_inputs?limit=1");
  const [info, inputs, sessions, streams, keys, signing, metrics, usage] = await Promise.all([
    api.get("/info"), api.get("/live_inputs?limit=1000"), api.get("/sessions"), api.get("/streams"),
    api.get("/api_keys?limit=1000"), api.get("/keys?limit=1000"), api.text("/metrics"),
    api.get("/usage").catch(() => null)]);
  const time = performance.now() / 1000;
  fill($("inputs"), inputs.live_inputs, input);
  fill($("kill"), Object.entries(info.kill), killSwitch);
  fill($("keys"), keys.api_keys, apiKey);
  fill($("signing"), signing.keys, signingKey);
  const watching = on_air(streams.tracks, time);
  connected(sessions.sessions, time);
  const all = counters(metrics);
  figures(all, watching, time);
  limits(usage, all);
  forget(sessions.sessions, streams.tracks);
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
