// Serves pages/ on loopback, which browsers take for a secure context. A module NAME.mjs there is
// bundled on request with what it imports from npm.

import { build } from "esbuild";
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { clips_directory } from "./clips.mjs";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "pages");
const types = { ".html": "text/html; charset=utf-8", ".mjs": "text/javascript", ".js": "text/javascript", ".mp4": "video/mp4" };
const bundles = new Map();

async function bundle(path) {
    if (!bundles.has(path)) {
        const made = await build({
            entryPoints: [path],
            bundle: true,
            format: "esm",
            target: "es2022",
            write: false,
            logLevel: "silent",
        });
        bundles.set(path, made.outputFiles[0].contents);
    }
    return bundles.get(path);
}

export async function serve_pages() {
    const server = createServer(async (request, response) => {
        const name = normalize(new URL(request.url, "http://localhost").pathname);
        const root = name.startsWith("/clips/") ? dirname(clips_directory()) : folder;
        const path = join(root, name);
        try {
            if (!existsSync(path)) {
                response.writeHead(404).end();
                return;
            }
            response.setHeader("Content-Type", types[extname(path)] ?? "application/octet-stream");
            if (extname(path) === ".mjs") response.end(await bundle(path));
            else createReadStream(path).pipe(response);
        } catch (error) {
            response.writeHead(500, { "Content-Type": "text/plain" }).end(String(error));
        }
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    return {
        url: `http://127.0.0.1:${server.address().port}`,
        close: () =>
            new Promise((done) => {
                server.closeAllConnections();
                server.close(done);
            }),
    };
}
