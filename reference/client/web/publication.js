// Tracks under one namespace, offered to a relay, with an answer to whatever is asked about them.
import { joinFields, sameBytes, splitFields } from "./names.js";
import { DONE, REQUEST_ERROR, RESET } from "./records.js";

const KEPT_GROUPS = 2; // so that a relay that lost everything is given them again
const LARGE = 2 ** 53;

export class Publication {
  /** @param onNewGroup called when somebody asks for a new group of a track */
  constructor({ space, onNewGroup = () => {}, now = () => performance.now() }) {
    Object.assign(this, { space, onNewGroup, now });
    this.tracks = [];
    this.session = null;
    this.objects = 0;
    this.bytes = 0;
    this.subscriptions = 0;
    this.newGroupRequests = 0;
  }
  /**
   * `sendOrder`: the transport sends the highest first, where it can. `patient`: what it has taken
   * already goes first when the path is congested.
   */
  addTrack(name, { priority, sendOrder = 0, properties = false, patient = false }) {
    const track = { name, priority, sendOrder, properties, patient, alias: this.tracks.length, groups: [],
      subscribers: [] };
    this.tracks.push(track);
    return track;
  }
  /** Offers everything, so that the relay's cache is warm before anybody asks. */
  start(session) {
    this.session = session;
    session.moqt.publishNamespace(this.now(), this.space);
    for (const track of this.tracks) this.#offer(track);
    session.flush();
  }
  /** A track that was added later. */
  offer(track) {
    if (this.session) this.#offer(track);
  }
  #offer(track) {
    track.subscribers = [];
    const id = this.session.moqt.publish(this.now(), this.space, track.name, track.alias,
      { forward: true, largest: largestOf(track) ?? undefined, dynamicGroups: true });
    this.#begin(track, id);
  }
  lost() {
    this.session = null;
    for (const track of this.tracks) track.subscribers = [];
  }

  /** Adds an object; `object` has group, object, payload and what else writeObject takes. */
  write(track, object) {
    let kept = track.groups.at(-1);
    if (kept?.id !== object.group) {
      if (kept) kept.complete = true;
      track.groups.push(kept = { id: object.group, complete: false, objects: [] });
      if (track.groups.length > KEPT_GROUPS) track.groups.shift();
    }
    kept.objects.push(object);
    ++this.objects;
    this.bytes += object.payload.length;
    if (!this.session) return;
    for (const one of track.subscribers) this.#send(track, one, object);
  }
  /** No more objects come in the group under way. */
  endGroup(track) {
    const kept = track.groups.at(-1);
    if (kept) kept.complete = true;
    for (const one of track.subscribers) this.#finish(one);
  }
  /** Gives up what waits to be sent of a track, and the rest of its group. */
  dropBacklog(track) {
    for (const one of track.subscribers) {
      for (const stream of one.streams)
        this.#try(() => this.session.moqt.resetStream(this.now(), stream, RESET.delivery_timeout));
      one.streams = [];
      if (one.stream !== null) one.skip = one.group;
      one.stream = null;
    }
    track.groups = [];
  }
  end(reason) {
    for (const track of this.tracks)
      for (const { id } of track.subscribers)
        this.#try(() => this.session.moqt.publishDone(this.now(), id, DONE.track_ended, reason));
    this.session?.flush();
  }

  #try(act) {
    try {
      return act();
    } catch {
      return null; // refused by the session: the subscription or stream is gone, or filtered
    }
  }
  #begin(track, id) {
    // `streams` has those that may hold unsent bytes, the one under way included.
    const subscriber = { id, stream: null, streams: [], group: -1, skip: -1 };
    track.subscribers.push(subscriber);
    for (const group of track.groups) {
      for (const object of group.objects) this.#send(track, subscriber, object);
      if (group.complete) this.#finish(subscriber);
    }
  }
  #send(track, to, object) {
    const { moqt } = this.session;
    if (to.skip === object.group) return;
    if (to.group !== object.group || to.stream === null) {
      this.#finish(to);
      to.group = object.group;
      to.stream = this.#try(() => moqt.openSubgroup(this.now(), to.id, { group: object.group,
        priority: track.priority, hasProperties: track.properties, first: object.object === 0 }));
      if (to.stream === null) return;
      to.streams = to.streams.filter((one) => moqt.unsentBytesOf(one) > 0);
      to.streams.push(to.stream);
      this.session.sendOrders.set(to.stream, track.sendOrder);
      if (track.patient) this.session.patient.add(to.stream);
    }
    this.#try(() => moqt.writeObject(this.now(), { ...object, stream: to.stream }));
  }
  #finish(one) {
    if (one.stream !== null)
      this.#try(() => this.session?.moqt.finishStream(this.now(), one.stream));
    one.stream = null;
  }

  /** Takes an event of the session. */
  handle(event) {
    switch (event.what) {
      case "requested":
        this.#requested(event);
        break;
      case "rejected":
      case "cancelled":
        this.#forget(event.id);
        break;
      case "stream_stopped":
        for (const { subscribers } of this.tracks)
          for (const one of subscribers)
            if (one.stream === event.stream) {
              one.stream = null;
              one.skip = one.group; // a stopped subgroup is not opened again
            }
        break;
      case "update_requested": {
        this.#try(() => this.session.moqt.acceptUpdate(this.now(), event.updateId));
        const track = this.tracks.find(({ subscribers }) =>
          subscribers.some((one) => one.id === event.id));
        if (track) this.#askedForGroup(track, event.newGroup);
        break;
      }
      default:
        break;
    }
    this.subscriptions = this.tracks.reduce((sum, { subscribers }) => sum + subscribers.length, 0);
  }
  /** 0 asks for any new group, else only when the group under way is older. */
  #askedForGroup(track, wanted) {
    if (wanted === null) return;
    const last = largestOf(track);
    if (wanted !== 0 && last !== null && last.group >= wanted) return;
    ++this.newGroupRequests;
    this.onNewGroup(track);
  }
  #forget(id) {
    for (const track of this.tracks)
      track.subscribers = track.subscribers.filter((one) => one.id !== id);
  }
  #find({ space, name }) {
    return sameBytes(space, this.space) ? this.tracks.find((track) => track.name === name)
      : undefined;
  }
  #requested(event) {
    const { moqt } = this.session;
    const refuse = (code, reason) =>
      this.#try(() => moqt.reject(this.now(), event.id, code, reason));
    const track = this.#find(event);
    switch (event.request) {
      case "subscribe":
        if (!track) return refuse(REQUEST_ERROR.does_not_exist, "no such track");
        moqt.acceptSubscribe(this.now(), event.id, track.alias,
          { largest: largestOf(track) ?? undefined, dynamicGroups: true });
        this.#begin(track, event.id);
        this.#askedForGroup(track, event.newGroup);
        return undefined;
      case "track_status":
        if (!track) return refuse(REQUEST_ERROR.does_not_exist, "no such track");
        return moqt.accept(this.now(), event.id, { largest: largestOf(track) ?? undefined });
      case "subscribe_namespace": {
        moqt.accept(this.now(), event.id);
        const prefix = splitFields(event.space);
        const own = splitFields(this.space);
        if (prefix.length <= own.length && prefix.every((field, i) => sameBytes(field, own[i])))
          this.#try(() => moqt.announceNamespace(this.now(), event.id,
            joinFields(own.slice(prefix.length))));
        return undefined;
      }
      case "fetch":
        return this.#fetched(event, refuse);
      default:
        return refuse(REQUEST_ERROR.not_supported, "a publisher takes no tracks");
    }
  }
  /** Past objects as far as they are kept. */
  #fetched({ id, fetch, ...named }, refuse) {
    const { moqt } = this.session;
    let track = fetch.type === 1 ? this.#find(named)
      : this.tracks.find(({ subscribers }) => subscribers.some((one) => one.id === fetch.joining));
    const last = track ? largestOf(track) : null;
    if (last === null)
      return refuse(track ? REQUEST_ERROR.invalid_range : REQUEST_ERROR.does_not_exist,
        "nothing there");
    let { start, end } = fetch;
    if (fetch.type !== 1) {
      start = { group: fetch.type === 2 ? last.group - fetch.back : fetch.back, object: 0 };
      end = { group: last.group, object: last.object + 1 };
    }
    if (end.object === 0) end = { group: end.group, object: LARGE };
    const isAfter = (a, b) => a.group > b.group || (a.group === b.group && a.object > b.object);
    if (isAfter(start, last)) return refuse(REQUEST_ERROR.invalid_range, "nothing there");
    const beyond = { group: last.group, object: last.object + 1 };
    moqt.acceptFetch(this.now(), id, isAfter(end, beyond) ? beyond : end, false);
    const stream = moqt.openFetchStream(this.now(), id);
    for (const { objects } of track.groups)
      for (const object of objects)
        if (!isAfter(start, object) && isAfter(end, object))
          moqt.writeFetchObject(this.now(), { ...object, stream, priority: track.priority });
    return moqt.finishStream(this.now(), stream);
  }
}

function largestOf({ groups }) {
  const last = groups.at(-1)?.objects.at(-1);
  return last === undefined ? null : { group: last.group, object: last.object };
}
