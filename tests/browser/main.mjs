// Registers the cases of cases/*.mjs; they run one at a time.
//
// usage: node main.mjs [--smoke] [-R REGEX]

import { readdirSync } from "node:fs";
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
for (const file of readdirSync(new URL("cases", import.meta.url)).sort()) {
    if (file.endsWith(".mjs")) await import(`./cases/${file}`);
}
if (registered.length === 0) {
    console.error("no case of this name");
    process.exit(3);
}
