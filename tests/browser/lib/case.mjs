// A case: a test of node's runner, bounded in time, in a place of its own.

import test from "node:test";
import { Place } from "./place.mjs";

export const options = { smoke: false, filter: undefined };
export const registered = [];

// Limits on time and smoothness. A full run holds to them as they stand. A smoke run shows that
// everything works on whatever machine it is given, a slow or busy one too: it allows four times
// as much, and prints the same figures.
export const at_most = (limit) => (options.smoke ? 4 * limit : limit);
export const at_least = (count) => (options.smoke ? count / 4 : count);
/** Part of the frames that may be dropped. */
export const dropped_at_most = (part) => (options.smoke ? 0.5 : part);

/**
 * Measures up to `times` times, until `measure` is content. What a machine is able to do shows in
 * its best run: another program that takes the processor for a second spoils one, not three.
 */
export async function best_of(times, say, measure) {
    for (let run = 1; ; run++) {
        try {
            return await measure();
        } catch (error) {
            if (run === times) throw error;
            say(`${error.message}; measuring again`);
        }
    }
}

/**
 * Registers a case. `smoke`: belongs to the run of at most five minutes, too. `run` gets a Place
 * and `say`, which prints a figure under the case's name.
 */
export function browser_case(name, { smoke = false, seconds = 60 }, run) {
    if (options.smoke && !smoke) return;
    if (options.filter && !options.filter.test(name)) return;
    registered.push(name);
    test(name, { timeout: seconds * 1000 }, async (t) => {
        const place = new Place(name);
        // Also when the time is up, which leaves `run` where it stands.
        t.after(() => place.close());
        const say = (text) => console.log(`        ${name}: ${text}`);
        try {
            await run(place, say);
        } catch (error) {
            console.log(await place.tails());
            throw error;
        }
    });
}
