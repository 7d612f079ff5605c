// A relay in memory, as much of one as players and publishers need: sessions of the module in the
// server's role, objects passed on as they come, the newest group kept for joining FETCH.

export class FakeRelay {
  constructor({ now = () => performance.now() } = {}) {
    this.now = now;
    this.tracks = new Map(); // by key: { groups, subscribers, largest }
    this.spaces = new Map(); // key to { space, session, watchers }
    this.watchers = []; // { session, id, prefix }
    this.publishers = []; // sessions that have offered a track
    this.onFetched = () => {}; // objects of FETCHes that a test gives itself
  }
  /** The handler for the events of a session in the server's role. */
  act() {
    return (event, session) => this.#event(event, session);
  }
  track(event) {
    const key = `${event.space} ${event.name}`;
    if (!this.tracks.has(key))
      this.tracks.set(key, { key, groups: new Map(), subscribers: [], largest: null });
    return this.tracks.get(key);
  }
  #event(event, session) {
    session.receiving ??= new Map(); // request to track
    const { moqt } = session;
    switch (event.what) {
      case "requested":
        return this[`on_${event.request}`](event, session);
      case "object":
        return this.#object(event, session.receiving.get(event.id));
      case "subgroup_opened":
        session.streams ??= new Map();
        session.streams.set(event.stream, { track: session.receiving.get(event.id),
          group: event.group });
        return undefined;
      case "stream_finished":
      case "stream_reset": {
        const found = session.streams?.get(event.stream);
        session.streams?.delete(event.stream);
        if (found?.track) this.#groupEnds(found.track, found.group, event.what);
        return undefined;
      }
      case "update_requested":
        moqt.acceptUpdate(this.now(), event.updateId);
        return undefined;
      case "cancelled":
      case "closed":
        for (const track of this.tracks.values())
          track.subscribers = track.subscribers.filter((one) =>
            one.session !== session || (event.what === "cancelled" && one.id !== event.id));
        if (event.what === "closed") this.watchers = this.watchers.filter((w) =>
          w.session !== session);
        return undefined;
      default:
        return undefined;
    }
  }
  on_publish_namespace(event, session) {
    session.moqt.accept(this.now(), event.id);
    this.spaces.set(String(event.space), event.space);
    for (const watcher of this.watchers) this.#tell(watcher, event.space);
  }
  #tell({ session, id, prefix }, space) {
    if (session.moqt.handle === 0 || !prefix.every((byte, i) => byte === space[i])) return;
    session.moqt.announceNamespace(this.now(), id, space.subarray(prefix.length));
    queueMicrotask(() => session.flush());
  }
  on_subscribe_namespace(event, session) {
    session.moqt.accept(this.now(), event.id);
    const watcher = { session, id: event.id, prefix: event.space };
    this.watchers.push(watcher);
    for (const space of this.spaces.values()) this.#tell(watcher, space);
  }
  on_publish(event, session) {
    session.moqt.acceptPublish(this.now(), event.id, { forward: true });
    session.receiving.set(event.id, this.track(event));
    if (!this.publishers.includes(session)) this.publishers.push(session);
  }
  on_subscribe(event, session) {
    const track = this.track(event);
    if (track.largest === null && track.groups.size === 0) {
      session.moqt.reject(this.now(), event.id, 8, "nobody publishes this", 100);
      return;
    }
    session.moqt.acceptSubscribe(this.now(), event.id, [...this.tracks.keys()].indexOf(track.key),
      { largest: track.largest ?? undefined });
    track.subscribers.push({ session, id: event.id, stream: null, group: null });
  }
  on_fetch(event, session) {
    const { moqt } = session;
    const track = [...this.tracks.values()].find(({ subscribers }) =>
      subscribers.some((one) => one.session === session && one.id === event.fetch.joining));
    if (!track?.largest) return void moqt.reject(this.now(), event.id, 9, "nothing there");
    const { group, object } = track.largest;
    moqt.acceptFetch(this.now(), event.id, { group, object: object + 1 }, false);
    const stream = moqt.openFetchStream(this.now(), event.id);
    for (const one of track.groups.get(group))
      moqt.writeFetchObject(this.now(), { ...one, videoConfig: one.config, stream });
    moqt.finishStream(this.now(), stream);
  }
  on_track_status(event, session) {
    session.moqt.reject(this.now(), event.id, 3, "no");
  }
  #object(event, track) {
    if (!track) return void this.onFetched(event);
    if (!track.groups.has(event.group)) track.groups.set(event.group, []);
    track.groups.get(event.group).push(event);
    track.largest = { group: event.group, object: event.object };
    while (track.groups.size > 2) track.groups.delete(track.groups.keys().next().value);
    for (const to of track.subscribers) {
      const { moqt } = to.session;
      if (moqt.handle === 0) continue;
      try {
        if (to.group !== event.group) {
          if (to.stream !== null) moqt.finishStream(this.now(), to.stream);
          to.group = event.group;
          to.stream = moqt.openSubgroup(this.now(), to.id, { group: event.group,
            hasProperties: true, first: event.object === 0 });
        }
        moqt.writeObject(this.now(), { ...event, stream: to.stream, videoConfig: event.config });
      } catch {
        to.stream = null; // left out by the subscription's filter
      }
      queueMicrotask(() => to.session.flush());
    }
  }
  #groupEnds(track, group, how) {
    for (const to of track.subscribers) {
      if (to.group !== group || to.stream === null || to.session.moqt.handle === 0) continue;
      if (how === "stream_finished") to.session.moqt.finishStream(this.now(), to.stream);
      else to.session.moqt.resetStream(this.now(), to.stream, 2);
      to.stream = null;
      queueMicrotask(() => to.session.flush());
    }
  }
  /** Asks every publisher of a track for a new group. */
  askNewGroup(session, group = 0) {
    for (const id of session.receiving.keys())
      session.moqt.update(this.now(), id, { newGroup: group });
    session.flush();
  }
}
