// The system's Chromium, headless, with an empty profile. QUIC stays on, nothing is looked up
// outside of this machine.

import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome"];

export function chromium_path() {
    if (process.env.MOQRTC_CHROMIUM) return process.env.MOQRTC_CHROMIUM;
    for (const directory of (process.env.PATH ?? "").split(delimiter)) {
        for (const name of names) {
            try {
                accessSync(join(directory, name), constants.X_OK);
                return join(directory, name);
            } catch {
                // The next place.
            }
        }
    }
    throw new Error(`none of ${names.join(", ")} is installed, and MOQRTC_CHROMIUM names none`);
}

export const chromium_version = () =>
    execFileSync(chromium_path(), ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();

const flags = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--use-fake-device-for-media-stream=fps=30",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
];

/**
 * `features`: what --enable-features gets. The result is playwright's browser; `tab(url)` opens a
 * page that collects what goes wrong in it as `tab.complaints`, and all that it logs as `tab.log`.
 */
export async function launch({ features = [], flags: more = [] } = {}) {
    const args = [...flags, ...more];
    if (features.length > 0) args.push(`--enable-features=${features.join(",")}`);
    // Chromium's sandbox needs a user other than root, or privileges that containers lack.
    const browser = await chromium.launch({
        executablePath: chromium_path(),
        headless: true,
        chromiumSandbox: false,
        args,
        timeout: 60_000,
    });
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    await context.grantPermissions(["camera", "microphone"]);
    browser.tabs = [];
    browser.tab = async (url) => {
        const tab = await context.newPage();
        browser.tabs.push(tab);
        tab.complaints = [];
        tab.log = [];
        tab.on("pageerror", (error) => tab.complaints.push(String(error)));
        tab.on("console", (message) => {
            tab.log.push(`${message.type()}: ${message.text()}`);
            if (message.type() === "error") tab.complaints.push(message.text());
        });
        tab.setDefaultTimeout(15_000);
        await tab.goto(url);
        return tab;
    };
    return browser;
}
