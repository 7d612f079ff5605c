// Two ends of a WebTransport without a network, made of the streams that browsers and Node share.

/** Streams that come in, to be put in by the other end. */
class Incoming {
  constructor() {
    this.readable = new ReadableStream({ start: (controller) => (this.controller = controller) });
  }
}

class End {
  constructor(protocol) {
    this.protocol = protocol;
    this.bidirectional = new Incoming();
    this.unidirectional = new Incoming();
    this.incomingBidirectionalStreams = this.bidirectional.readable;
    this.incomingUnidirectionalStreams = this.unidirectional.readable;
    this.closed = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    this.ready = Promise.resolve();
    this.isClosed = false;
    this.unread = false; // streams that are opened reach nobody
    const datagrams = new Incoming();
    this.datagramIn = datagrams.controller;
    this.datagrams = {
      readable: datagrams.readable,
      writable: new WritableStream({ write: (data) => this.peer.datagramIn.enqueue(data) }),
    };
    this.pipes = [];
    this.opened = { bidirectional: 0, unidirectional: 0 };
  }
  /** A stream's way; `rate` (bytes per second) is shared by all that this end sends. */
  pipe() {
    const made = new TransformStream({ transform: async (chunk, controller) => {
      if (this.rate) {
        const now = performance.now();
        this.freeAt = Math.max(now, this.freeAt ?? 0) + (chunk.length * 1000) / this.rate;
        await new Promise((resolve) => setTimeout(resolve, this.freeAt - now));
      }
      controller.enqueue(chunk);
    } }, { highWaterMark: 1 }, { highWaterMark: 4 });
    this.pipes.push(made);
    return made;
  }
  async createUnidirectionalStream() {
    await null;
    if (this.isClosed) throw new Error("closed");
    const { readable, writable } = this.pipe();
    ++this.opened.unidirectional;
    if (!this.unread) this.peer.unidirectional.controller.enqueue(readable);
    return writable;
  }
  async createBidirectionalStream() {
    await null;
    if (this.isClosed) throw new Error("closed");
    const there = this.pipe();
    const back = this.peer.pipe();
    ++this.opened.bidirectional;
    this.peer.bidirectional.controller.enqueue({ readable: there.readable,
      writable: back.writable });
    return { readable: back.readable, writable: there.writable };
  }
  close({ closeCode = 0, reason = "" } = {}) {
    if (this.isClosed) return;
    for (const end of [this, this.peer]) {
      end.isClosed = true;
      end.bidirectional.controller.close();
      end.unidirectional.controller.close();
      end.resolve({ closeCode, reason });
    }
  }
  /** Goes away without a word. */
  break(message = "the connection is lost") {
    for (const end of [this, this.peer]) {
      end.isClosed = true;
      const error = new Error(message);
      end.bidirectional.controller.error(error);
      end.unidirectional.controller.error(error);
      end.closed.catch(() => {});
      end.reject(error);
    }
  }
}

/** A client's end and a server's end. */
export function transportPair(protocol = "moqt-18") {
  const client = new End(protocol);
  const server = new End(protocol);
  client.peer = server;
  server.peer = client;
  return [client, server];
}
