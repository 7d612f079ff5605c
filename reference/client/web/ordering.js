// Puts the objects of a track into order: groups one after the other, in each from its first object.

/** How long (ms) a group that seems complete may still get a stream of its own. */
const FETCHED_PATIENCE = 40;

/**
 * Objects in any order in, in their order out.
 *
 * What does not come is waited for until a later group can be played and `patience` milliseconds
 * have passed; then it is a gap. `anywhere` says that playing can start at any object (audio), else
 * at the first object of a group alone.
 */
export class Ordering {
  constructor({ anywhere = false, patience = 500 } = {}) {
    this.anywhere = anywhere;
    this.patience = patience;
    this.gaps = 0;
    this.late = 0;
    this.until = null; // the first group that is held back
    this.clear();
  }
  /** Forgets everything: what comes next is a new beginning. */
  clear() {
    this.groups = new Map();
    this.position = null;
    this.since = null;
    this.fetching = false;
  }
  /** Playing begins, or goes on, at the start of `group`. */
  beginAt(group) {
    this.position = { group, object: 0 };
    this.since = null;
  }

  #group(id) {
    let group = this.groups.get(id);
    if (!group)
      this.groups.set(id, group = { objects: new Map(), open: 0, seen: 0, complete: false });
    return group;
  }
  #isPast(group, object) {
    const at = this.position;
    return at !== null && (group < at.group || (group === at.group && object < at.object));
  }
  add(group, object, item) {
    if (this.#isPast(group, object)) {
      ++this.late;
      return;
    }
    this.#group(group).objects.set(object, item);
  }
  streamOpened(group) {
    if (this.#isPast(group, Infinity)) return;
    ++this.#group(group).open;
    ++this.#group(group).seen;
  }
  /** A stream of a group ended: by FIN (`complete`), or in the middle. */
  streamEnded(group, complete) {
    const found = this.groups.get(group);
    if (!found) return;
    found.open = Math.max(0, found.open - 1);
    found.complete = found.complete || complete;
    found.broken = found.broken || !complete;
  }
  /** The number of objects that wait. */
  get waiting() {
    let count = 0;
    for (const group of this.groups.values()) count += group.objects.size;
    return count;
  }

  /** The next object, or null when it has to be waited for. */
  poll(now) {
    if (this.position === null && !this.#start()) return null;
    for (;;) {
      const at = this.position;
      if (this.until !== null && at.group >= this.until) return null;
      const group = this.groups.get(at.group);
      const item = group?.objects.get(at.object);
      if (item !== undefined) {
        group.objects.delete(at.object++);
        this.since = null;
        return item;
      }
      if (!this.#advance(group, now)) return null;
    }
  }

  #start() {
    if (this.fetching) return false;
    let best = null;
    for (const [id, group] of this.groups) {
      if (best !== null && id > best.group) continue;
      if (group.objects.has(0)) best = { group: id, object: 0 };
      else if (this.anywhere && group.objects.size !== 0)
        best = { group: id, object: Math.min(...group.objects.keys()) };
    }
    if (best === null) return false;
    this.position = best;
    this.#forget();
    return true;
  }
  /** What to do about an object that is not here; whether the position has moved. */
  #advance(group, now) {
    const at = this.position;
    const isOver = group !== undefined && group.open === 0 && !this.fetching &&
      (group.complete || group.broken);
    if (isOver && group.objects.size !== 0) { // a hole that nothing will fill
      if (this.anywhere) {
        ++this.gaps;
        at.object = Math.min(...group.objects.keys());
        return true;
      }
      group.objects.clear();
      group.broken = true;
    }
    const next = this.#nextGroup();
    if (next === null) return false;
    if (isOver && next === at.group + 1) {
      if (group.broken && !group.complete) ++this.gaps;
      return this.#jump(next);
    }
    this.since ??= now;
    // A group that came by FETCH alone has no stream whose end would tell that it is complete.
    const isFetched = group !== undefined && group.seen === 0 && group.objects.size === 0 &&
      !this.fetching;
    const patience = isFetched ? Math.min(this.patience, FETCHED_PATIENCE) : this.patience;
    if (now - this.since < patience) return false;
    if (next !== at.group + 1 || !(isOver || isFetched)) ++this.gaps;
    return this.#jump(next);
  }
  /** The first later group that something has come of. */
  #nextGroup() {
    let next = null;
    for (const [id, group] of this.groups)
      if (id > this.position.group && (next === null || id < next) && group.objects.size !== 0)
        next = id;
    return next;
  }
  #jump(id) {
    const { objects } = this.groups.get(id);
    const first = objects.has(0) || !this.anywhere ? 0 : Math.min(...objects.keys());
    this.position = { group: id, object: first };
    this.since = null;
    this.#forget();
    return true;
  }
  #forget() {
    for (const id of this.groups.keys())
      if (id < this.position.group) this.groups.delete(id);
  }
}
