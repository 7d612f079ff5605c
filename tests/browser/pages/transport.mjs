// WebTransport without a client of anybody: sessions that connect, set up draft 16, and close.

const bytes_of = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));

function open(url, hash, protocols) {
    return new WebTransport(url, {
        protocols,
        serverCertificateHashes: [{ algorithm: "sha-256", value: bytes_of(hash) }],
    });
}

/** Opens a session: {protocol} or {error}. */
window.try_session = async (url, hash, protocols) => {
    const session = open(url, hash, protocols);
    session.closed.catch(() => {});
    try {
        await session.ready;
        const protocol = session.protocol;
        session.close();
        await session.closed;
        return { protocol };
    } catch (error) {
        return { error: String(error) };
    }
};

/** CLIENT_SETUP of draft 16 without parameters; SERVER_SETUP has to come. */
const client_setup = Uint8Array.of(0x20, 0, 1, 0);
const server_setup = 0x21;

/** Connects, sets up and closes `count` times, one after the other; the number that stood. */
window.connect_often = async (url, hash, count) => {
    let stood = 0;
    for (let i = 0; i < count; i++) {
        const session = open(url, hash, ["moqt-16"]);
        session.closed.catch(() => {});
        await session.ready;
        const control = await session.createBidirectionalStream();
        const writer = control.writable.getWriter();
        await writer.write(client_setup);
        const { value } = await control.readable.getReader().read();
        if (session.protocol === "moqt-16" && value?.[0] === server_setup) stood++;
        session.close({ closeCode: 0, reason: "" });
        await session.closed;
    }
    return stood;
};
window.transport_ready = true;
