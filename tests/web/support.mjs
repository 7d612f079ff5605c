// What the tests of the web client share: the module, sessions on a transport without a network.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = process.env.MOQRTC_WEB_DIR;
if (!folder) throw new Error("MOQRTC_WEB_DIR names the folder that the build made");

export const load = (name) => import(pathToFileURL(join(folder, name)).href);
export const webFile = (name) => readFileSync(join(folder, name));

const { Module } = await load("module.js");
export const { Session } = await load("session.js");
export const newModule = () => Module.load(new Uint8Array(webFile("moqrtc.wasm")));

/** Waits until `condition` gives something, at most `limit` milliseconds. */
export async function until(condition, what = "", limit = 20_000) {
  const end = Date.now() + limit;
  for (;;) {
    const found = condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`nothing within ${limit} ms: ${what || condition}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** A session whose events are kept in a list. */
export function recording(module, transport, options, act = () => {}) {
  const events = [];
  const session = new Session(module, transport, { ...options,
    onEvent: (event, self) => {
      events.push(event);
      act(event, self);
    } });
  return { session, events, moqt: session.moqt,
    find: (what, where = () => true) => events.find((e) => e.what === what && where(e)),
    all: (what) => events.filter((e) => e.what === what) };
}
