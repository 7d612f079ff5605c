// What a case works in: a directory and processes of its own, ended and removed with the case.

import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "./chromium.mjs";
import { serve_pages } from "./pages.mjs";

const here = dirname(fileURLToPath(import.meta.url));
export const browser_tests = dirname(here);
export const bin = process.env.MOQRTC_BIN ?? join(browser_tests, "..", "..", "build", "release", "bin");

export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Asks `question` every 20 ms until the answer is true (or anything like it); throws after `seconds`. */
export async function until(what, seconds, question) {
    const end = performance.now() + seconds * 1000;
    for (;;) {
        const answer = await question();
        if (answer) return answer;
        if (performance.now() > end) throw new Error(`waited ${seconds} s in vain for ${what}`);
        await sleep(20);
    }
}

// Neither programs nor their files outlive a run, also one that is told to end or breaks off.
const running = new Set();
const directories = new Set();
process.on("exit", () => {
    running.forEach((child) => child.kill("SIGKILL"));
    directories.forEach((directory) => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
});
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => process.exit(1));

/** A program with its output in files. */
export class Program {
    constructor(name, program, args, directory, options = {}) {
        this.name = name;
        this.out_path = join(directory, `${name}.out`);
        this.err_path = join(directory, `${name}.err`);
        const out = options.stdout ?? openSync(this.out_path, "w");
        const err = openSync(this.err_path, "w");
        this.process = spawn(program, args.map(String), { stdio: [options.stdin ?? "ignore", out, err] });
        if (typeof out === "number") closeSync(out);
        closeSync(err);
        running.add(this.process);
        this.ended = new Promise((done) => {
            const end = (status) => {
                running.delete(this.process);
                done((this.status = status));
            };
            this.process.once("error", (error) => end(`not started: ${error.message}`));
            this.process.once("exit", (code, signal) => end(code ?? signal));
        });
    }

    get pid() {
        return this.process.pid;
    }

    get running() {
        return this.status === undefined;
    }

    out() {
        return existsSync(this.out_path) ? readFileSync(this.out_path, "utf8") : "";
    }

    err() {
        return readFileSync(this.err_path, "utf8");
    }

    /** The exit status, or undefined when it did not end in time. */
    async wait(seconds) {
        let timer;
        const late = new Promise((done) => (timer = setTimeout(done, seconds * 1000)));
        await Promise.race([this.ended, late]);
        clearTimeout(timer);
        return this.status;
    }

    signal(name) {
        if (this.running) this.process.kill(name);
    }

    async stop(seconds = 5) {
        this.signal("SIGTERM");
        if ((await this.wait(seconds)) === undefined) {
            this.signal("SIGKILL");
            await this.wait(5);
        }
        return this.status;
    }

    tail(lines = 12) {
        const text = (this.out() + this.err()).trim().split("\n").slice(-lines).join("\n");
        return `--- ${this.name} (status ${this.status ?? "running"})\n${text}`;
    }

    /** Resident bytes and open descriptors, from /proc. */
    usage() {
        const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"))[1];
        return { bytes: Number(kib) * 1024, descriptors: readdirSync(`/proc/${this.pid}/fd`).length };
    }
}

/** A relay on free ports. */
class Server extends Program {
    async ready() {
        const line = await until("the server's ready line", 15, () => {
            if (!this.running) throw new Error(`the server ended\n${this.tail()}`);
            return this.out().split("\n").find((text) => text.startsWith("{") && text.includes('"ready"'));
        });
        this.facts = JSON.parse(line);
        this.port = Number(this.facts.quic.split(":").pop());
        this.moqt = `moqt://127.0.0.1:${this.port}`;
        this.http = `http://${this.facts.http}`;
        this.cert_sha256 = this.facts.cert_sha256;
        return this;
    }

    /** Where WebTransport goes. */
    url(path = "/moq") {
        return `https://127.0.0.1:${this.port}${path}`;
    }

    /** A figure of /metrics, labels summed up; undefined when there is none of this name. */
    async metric(name) {
        const text = await (await fetch(`${this.http}/metrics`, { signal: AbortSignal.timeout(5000) })).text();
        const values = text
            .split("\n")
            .filter((line) => line.split("{")[0].split(" ")[0] === name)
            .map((line) => Number(line.slice(line.lastIndexOf(" "))));
        return values.length > 0 ? values.reduce((a, b) => a + b) : undefined;
    }
}

export class Place {
    constructor(name) {
        this.name = name;
        this.directory = mkdtempSync(join(tmpdir(), "moqrtc-browser-"));
        directories.add(this.directory);
        this.programs = [];
        this.browsers = [];
        this.closers = [];
    }

    path(name) {
        return join(this.directory, name);
    }

    program(name, program, args, options) {
        const made = new Program(name, program, args, this.directory, options);
        this.programs.push(made);
        return made;
    }

    /** `instead` is a server before it that this one stands in for: at its addresses, with its data. */
    async server({ instead, more = [] } = {}) {
        const data = instead?.data ?? this.path(`data-${this.programs.length}`);
        const made = new Server(
            `server${this.programs.length || ""}`,
            join(bin, "moqrtc-server"),
            ["--listen", instead?.facts.quic ?? "127.0.0.1:0", "--http", instead?.facts.http ?? "127.0.0.1:0", "--https", instead?.facts.https ?? "127.0.0.1:0", "--data-dir", data, ...more],
            this.directory,
        );
        made.data = data;
        this.programs.push(made);
        return made.ready();
    }

    client(name, command, url, ...args) {
        const options = typeof args.at(-1) === "object" && !Array.isArray(args.at(-1)) ? args.pop() : {};
        return this.program(name, join(bin, "moqrtc-client"), [command, url, "--insecure", ...args], options);
    }

    /** A browser with an empty profile; `options` are those of `launch`. */
    async browser(options = {}) {
        const made = await launch(options);
        this.closers.push(() => made.close());
        this.browsers.push(made);
        return made;
    }

    /** The pages of this folder, over HTTP on a free port; the base URL. */
    async pages() {
        const made = await serve_pages();
        this.closers.push(made.close);
        return made.url;
    }

    /** What all programs and tabs said last. */
    async tails() {
        const tabs = this.browsers.flatMap((browser) => browser.tabs);
        const of_tab = async (tab) => {
            const said = await Promise.race([tab.evaluate(() => `${window.moqrtc?.state}: ${window.moqrtc?.message}`), sleep(1000)]).catch(String);
            return [`--- tab ${tab.url()} (${said})`, ...tab.log.slice(-12)].join("\n");
        };
        return [...this.programs.map((program) => program.tail()), ...(await Promise.all(tabs.map(of_tab)))].join("\n");
    }

    async close() {
        for (const close of this.closers.reverse()) await close().catch(() => {});
        await Promise.all(this.programs.map((program) => program.stop()));
        const leaks = look_for_secrets(this.directory);
        rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
        directories.delete(this.directory);
        if (leaks.length > 0) throw new Error(`secrets were written down: ${leaks.join(", ")}`);
    }
}

/**
 * Files of a run with a key or a token in them. Those that are there to keep some are left out, and
 * databases, where values stand side by side: tests/e2e/leaks.py looks into them.
 */
function look_for_secrets(directory) {
    const known = /(?<![a-z2-7])[smd]k_[a-z2-7]{32}(?![a-z2-7])|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}/;
    return readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((one) => one.isFile() && !/^admin-key$|\.jwk$|\.db(-\w+)?$/.test(one.name))
        .map((one) => join(one.parentPath ?? one.path, one.name))
        .filter((path) => known.test(readFileSync(path, "latin1")));
}
