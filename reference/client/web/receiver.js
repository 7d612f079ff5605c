// One track: SUBSCRIBE, a joining FETCH for the group under way, its objects in order.
import { Ordering } from "./ordering.js";
import { FILTER, STATUS } from "./records.js";

/** How long (ms) a subscription may wait for a publisher, in the drafts that let it say so. */
const RENDEZVOUS = 1500;

/**
 * Receives a track of a session.
 *
 * `onObjects()` is called when `poll` may have something; `onEnd(reason, event)` when the
 * subscription is over: "refused", "ended" (the track is), "cut" (it may come again).
 */
export class TrackReceiver {
  constructor({ space, name, anywhere = false, patience, onObjects, onEnd,
    now = () => performance.now() }) {
    Object.assign(this, { space, name, onObjects, onEnd, now });
    this.order = new Ordering({ anywhere, patience });
    this.session = null;
    this.id = -1;
    this.fetch = -1;
    this.objects = 0;
    this.bytes = 0;
    this.streams = new Map();
  }

  /**
   * Subscribes. `from` is "now" (the group under way, from its first object), "next" (the next
   * group) or "updates" (what comes from now on, with what the relay has kept).
   */
  subscribe(session, { from = "now", priority, newGroup } = {}) {
    this.order.clear();
    this.streams.clear();
    this.session = session;
    this.subscribedAt = this.now();
    this.firstObjectAt = null;
    this.largest = null; // when the subscription was accepted
    const filter = from === "next" ? FILTER.next_group : from === "now" ? FILTER.largest : undefined;
    this.id = session.moqt.subscribe(this.now(), this.space, this.name,
      { filter, priority, newGroup, forward: true, rendezvousTimeout: RENDEZVOUS });
    this.fetch = -1;
    if (from === "now") {
      // In the same flight: the objects of the group before the first that SUBSCRIBE brings.
      this.fetch = session.moqt.joiningFetch(this.now(), this.id, 0, { priority });
      this.order.fetching = true;
    }
    session.flush();
  }
  cancel() {
    const { session } = this;
    for (const id of [this.fetch, this.id]) {
      if (id < 0 || !session || session.moqt.handle === 0) continue;
      try {
        session.moqt.cancel(this.now(), id);
      } catch {
        // it has ended by itself
      }
    }
    this.lost();
    session?.flush();
  }
  /** The session is gone, or the subscription. */
  lost() {
    this.session = null;
    this.id = this.fetch = -1;
  }
  get subscribed() {
    return this.id >= 0;
  }

  /** The next object in order, or null. */
  poll() {
    return this.order.poll(this.now());
  }

  /** Takes an event of the session; false when it is about something else. */
  handle(event) {
    if (event.id !== this.id && event.id !== this.fetch) return false;
    if (event.id === this.fetch && this.fetch >= 0) return this.#handleFetch(event);
    if (this.id < 0) return false;
    switch (event.what) {
      case "accepted":
        this.#accepted(event);
        break;
      case "subgroup_opened":
        this.streams.set(event.stream, event.group);
        this.order.streamOpened(event.group);
        break;
      case "object":
        this.#object(event);
        break;
      case "stream_finished":
      case "stream_reset": {
        const group = this.streams.get(event.stream);
        this.streams.delete(event.stream);
        if (group !== undefined) this.order.streamEnded(group, event.what === "stream_finished");
        this.onObjects(this);
        break;
      }
      case "rejected":
        this.#over("refused", event);
        break;
      case "publish_done":
        this.#over(["TRACK_ENDED", "SUBSCRIPTION_ENDED"].includes(event.codeName) ? "ended" : "cut",
          event);
        break;
      case "cancelled":
      case "malformed_track":
        this.#over("cut", event);
        break;
      default:
        break;
    }
    return true;
  }
  #over(reason, event) {
    this.lost();
    this.onEnd(reason, event, this);
  }
  #accepted(event) {
    this.largest = event.largest;
    if (this.fetch < 0) return void this.onObjects(this);
    if (event.largest !== null) this.order.beginAt(event.largest.group);
    else this.#fetchOver(); // nothing yet: everything comes by the subscription
  }
  #object(event) {
    if (event.status !== STATUS.normal) return;
    this.firstObjectAt ??= this.now();
    event.arrival = this.now();
    ++this.objects;
    this.bytes += event.payload.length;
    this.order.add(event.group, event.object, event);
    this.onObjects(this);
  }
  #handleFetch(event) {
    switch (event.what) {
      case "object":
        event.fetched = true;
        this.#object(event);
        break;
      case "stream_finished":
        this.#fetchOver();
        break;
      case "rejected":
      case "stream_reset":
      case "cancelled":
      case "malformed_track":
        // The group's beginning is not to be had: wait for the next one.
        if (!this.order.anywhere && this.order.position?.object === 0) {
          this.order.position = null;
          this.#askNewGroup();
        } else if (this.order.position?.object === 0) {
          this.order.position = null;
        }
        this.#fetchOver();
        break;
      default:
        break;
    }
    return true;
  }
  #fetchOver() {
    this.fetch = -1;
    this.order.fetching = false;
    this.onObjects(this);
  }
  /** Asks the publisher for a group to start with; 0 is "whatever comes next". */
  #askNewGroup() {
    try {
      this.session?.moqt.update(this.now(), this.id, { newGroup: 0 });
    } catch {
      // the subscription is not answered yet: the next group has to be waited for
    }
  }
}
