// Registers the cases in the order in which they run, one at a time.
//
// usage: node main.mjs [--smoke] [-R REGEX]

import { options, registered } from "./lib/case.mjs";
import { chromium_version } from "./lib/chromium.mjs";

const args = process.argv.slice(2);
while (args.length > 0) {
    const option = args.shift();
    if (option === "--smoke") options.smoke = true;
    else if (option === "-R" && args.length > 0) options.filter = new RegExp(args.shift());
    else {
        console.error(`no option '${option}'`);
        process.exit(2);
    }
}
console.log(chromium_version());
await import("./cases/browser.mjs");
if (registered.length === 0) {
    console.error("no case of this name");
    process.exit(3);
}
