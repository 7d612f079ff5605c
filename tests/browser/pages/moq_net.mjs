// @moq/net as it comes from npm: connects with one draft, subscribes, publishes.

import { Broadcast, Connection } from "@moq/net";

let connection;

/**
 * Connects with one draft; the version that the library says was agreed. Draft 14 is what it speaks
 * where no subprotocol was agreed on: its version is chosen in SETUP.
 */
window.peer_connect = async (url, hash, draft) => {
    const protocols = draft > 14 ? [`moqt-${draft}`] : [];
    connection = await Connection.connect(new URL(url), {
        websocket: { enabled: false },
        webtransport: { protocols, serverCertificateHashes: [{ algorithm: "sha-256", value: hash }] },
    });
    return connection.version;
};

/** Broadcasts announced under `prefix`, the first that comes. */
window.peer_announced = async (prefix) => (await connection.announced(prefix).next())?.path;

/** Subscribes and gives the first `count` frames: {group, frame, text, bytes}. */
window.peer_subscribe = async (path, name, count) => {
    const track = connection.consume(path).track(name).subscribe();
    const frames = [];
    while (frames.length < count) {
        const read = await track.readFrameSequence();
        if (!read) break;
        const { group, frame, payload } = read;
        frames.push({ group, frame, bytes: payload.byteLength, text: new TextDecoder().decode(payload) });
    }
    track.close();
    return frames;
};

/** Publishes `groups` groups of `frames` frames, one frame every `interval` ms, from `window.peer_go()` on. */
window.peer_publish = (path, name, groups, frames, interval) => {
    const broadcast = new Broadcast.Producer();
    const track = broadcast.createTrack(name);
    connection.publish(path, broadcast);
    window.peer_go = async () => {
        for (let g = 0; g < groups; g++) {
            const group = track.appendGroup();
            for (let f = 0; f < frames; f++) {
                group.writeString(`${g}.${f} from the browser`);
                await new Promise((done) => setTimeout(done, interval));
            }
            group.close();
        }
        track.close();
    };
};
window.peer_ready = true;
