// @moqt/webtransport as it comes from npm, with the functions that moq_net.mjs has.

import { MoqtConnection } from "@moqt/webtransport";

const bytes_of = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
const encode = (text) => new TextEncoder().encode(text);
const fields_of = (path) => path.split("/").map(encode);
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const track_ended = 2n;

let connection;
let failure;

/** Connects with one draft; the version that the library says it speaks. */
window.peer_connect = async (url, hash, draft) => {
    const transport = new WebTransport(url, {
        protocols: draft > 14 ? [`moqt-${draft}`] : ["moq-00"],
        serverCertificateHashes: [{ algorithm: "sha-256", value: bytes_of(hash) }],
    });
    await transport.ready;
    connection = new MoqtConnection(draft);
    connection.onError = (error) => (failure ??= error);
    connection.onClose = (code, reason) => (failure ??= new Error(`closed with ${code}: ${reason}`));
    await connection.connect(transport, { maxRequestId: 100n });
    return `moq-transport-${connection.draftVersion}`;
};

/** Subscribes without a filter and gives the first `count` objects: {group, frame, text, bytes}. */
window.peer_subscribe = async (path, name, count) => {
    const objects = [];
    const subscription = await connection.subscribeTrack(fields_of(path), encode(name), {
        onObject: ({ kind, groupId, objectId, payload }) => {
            if (kind !== "data") return;
            objects.push({ group: Number(groupId), frame: Number(objectId), bytes: payload.byteLength, text: new TextDecoder().decode(payload) });
        },
    });
    while (objects.length < count) {
        if (failure) throw failure;
        await sleep(20);
    }
    await subscription.unsubscribe();
    // Groups come on streams of their own.
    return objects.sort((a, b) => a.group - b.group || a.frame - b.frame).slice(0, count);
};

/** Publishes `groups` groups of `frames` objects, one every `interval` ms, from `window.peer_go()` on. */
window.peer_publish = async (path, name, groups, frames, interval) => {
    const subscribers = [];
    connection.onSubscribe = async (id) => {
        const alias = BigInt(subscribers.length + 1);
        await connection.acceptSubscribe(id, alias);
        subscribers.push({ id, alias });
    };
    await connection.publishNamespace(fields_of(path));
    window.peer_go = async () => {
        for (let g = 0; g < groups; g++) {
            const streams = await Promise.all(subscribers.map(({ alias }) => connection.openSubgroup(alias, BigInt(g), 0n)));
            for (let f = 0; f < frames; f++) {
                for (const stream of streams) await connection.sendObject(stream, BigInt(f), encode(`${g}.${f} from the browser`));
                await sleep(interval);
            }
            for (const stream of streams) await connection.closeSubgroup(stream);
        }
        for (const { id } of subscribers) await connection.publishDone(id, track_ended, "");
    };
};
window.peer_ready = true;
