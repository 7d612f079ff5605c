// Broadcasts that cases watch.

import { join } from "node:path";
import { browser_tests, until } from "./place.mjs";

/** Publishes pictures of the clock; the publisher's process. */
export function publish_clock(place, server, space, { group = 1, audio = true } = {}) {
    const source = place.program(
        "clock",
        process.execPath,
        [join(browser_tests, "counter_source.mjs"), "--group", group, ...(audio ? ["--audio"] : [])],
        { stdout: "pipe" },
    );
    return place.client("publisher", "publish", server.moqt, "-n", space, "--no-pace", "-", { stdin: source.process.stdout });
}

/** Waits until the relay has objects of a publisher. */
export async function is_live(server) {
    await until("objects at the relay", 15, async () => ((await server.metric("moqrtc_objects_in_total")) ?? 0) > 20);
}
