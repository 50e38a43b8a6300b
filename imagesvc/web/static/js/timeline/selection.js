/** The selected pictures: some by id, or all of the timeline except some. */

export class Selection extends EventTarget {
  /** @type {Set<string>} The selected ones, or those that are not if all are selected. */
  #ids = new Set();
  isAll = false;
  /** The picture from which a range is selected. @type {number | null} */
  anchor = null;

  /** @param {() => number} total The pictures of the timeline. */
  constructor(total) {
    super();
    this.total = total;
  }

  get count() {
    return this.isAll ? this.total() - this.#ids.size : this.#ids.size;
  }

  /** The ids that are selected, or excluded if all are selected. */
  get ids() {
    return [...this.#ids];
  }

  /** @param {string} id */
  has(id) {
    return this.#ids.has(id) !== this.isAll;
  }

  /** @param {string} id */
  toggle(id) {
    this.set([id], !this.has(id));
  }

  /** @param {Iterable<string>} ids @param {boolean} isSelected */
  set(ids, isSelected) {
    for (const id of ids) {
      if (isSelected !== this.isAll) this.#ids.add(id);
      else this.#ids.delete(id);
    }
    this.#changed();
  }

  /** Select all of the timeline: actions on it name the query, not the ids. */
  selectAll() {
    this.isAll = true;
    this.#ids.clear();
    this.#changed();
  }

  clear() {
    this.isAll = false;
    this.anchor = null;
    this.#ids.clear();
    this.#changed();
  }

  /** What is selected now, to be changed by a drag. */
  snapshot() {
    return { isAll: this.isAll, ids: new Set(this.#ids) };
  }

  /** @param {{isAll: boolean, ids: Set<string>}} snapshot */
  restore({ isAll, ids }) {
    this.isAll = isAll;
    this.#ids = new Set(ids);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
