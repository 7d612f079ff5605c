#pragma once

#include <string_view>

namespace moqrtc::reference {

/// The status page: one document without anything from elsewhere, which reads the API every two
/// seconds. Whatever peers named is set as text, never as markup.
inline constexpr std::string_view status_page = R"page(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>moqrtc-server</title>
<style>
:root { color-scheme: light dark; --line: #8884; --soft: #888; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; color: var(--soft); overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); } .number { text-align: right; }
code { font: 13px ui-monospace, monospace; }
</style>
<h1>moqrtc-server</h1>
<p id="about" role="status">reading…</p>
<p>certificate <code id="hash"></code></p>
<h2>Namespaces</h2><p id="spaces"></p>
<h2>Tracks</h2><div class="wide"><table id="tracks"></table></div>
<h2>Sessions</h2><div class="wide"><table id="sessions"></table></div>
<script>
"use strict";
const at = id => document.getElementById(id);
const bytes = n => n < 1024 ? n + " B" : n < 1048576 ? (n / 1024).toFixed(1) + " KiB"
  : (n / 1048576).toFixed(1) + " MiB";
function fill(table, columns, rows) {
  const part = (tag, row) => {
    const line = document.createElement("tr");
    for (const [name, value, number] of columns) {
      const cell = document.createElement(tag);
      cell.textContent = row ? value(row) : name;
      if (number) cell.className = "number";
      line.append(cell);
    }
    return line;
  };
  table.replaceChildren(part("th", null), ...rows.map(row => part("td", row)));
}
const tracks = [
  ["namespace", t => t.namespace], ["track", t => t.name],
  ["largest", t => t.largest ? t.largest.group + ":" + t.largest.object : "", true],
  ["publishers", t => t.publishers, true], ["subscribers", t => t.subscribers, true],
  ["cached groups", t => t.cached_groups, true], ["cached", t => bytes(t.cached_bytes), true]];
const sessions = [
  ["session", s => s.shard + "/" + s.session], ["peer", s => s.peer],
  ["draft", s => s.draft, true], ["transport", s => s.transport],
  ["role", s => (s.upstream ? "upstream " : "") + (s.established ? "" : "setting up ") + s.door],
  ["subscriptions", s => s.subscriptions, true], ["namespaces", s => s.namespaces, true],
  ["unsent", s => bytes(s.unsent_bytes), true]];
const read = path => fetch(path).then(answer => {
  if (!answer.ok) throw new Error(path + ": " + answer.status);
  return answer.json();
});
async function refresh() {
  try {
    const [info, streams, people] = await Promise.all(
      [read("/api/v1/info"), read("/api/v1/streams"), read("/api/v1/sessions")]);
    at("about").textContent = info.version + " on UDP " + info.quic + ", drafts " +
      info.drafts.join(", ") + (info.draining ? ", draining" : "") + ", up " +
      Math.max(0, Math.round(Date.now() / 1000 - info.started)) + " s";
    at("hash").textContent = info.certificate.sha256.join(" ");
    at("spaces").textContent = streams.namespaces.join(", ") || "none";
    fill(at("tracks"), tracks, streams.tracks);
    fill(at("sessions"), sessions, people.sessions);
  } catch (failure) {
    at("about").textContent = "no answer: " + failure.message;
  }
  setTimeout(refresh, 2000);
}
refresh();
</script>
</html>
)page";

} // namespace moqrtc::reference
