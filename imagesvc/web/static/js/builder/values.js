/** The values of the form: texts by key, as in the query of a URL. The page's address has them too. */

/** Stands for the values of a preset. */
export const PRESET = "preset";

export class Values extends EventTarget {
  /** @type {Map<string, string>} */
  #texts;

  /** @param {string[]} keys The keys that there are; others in the address are left out. */
  constructor(keys) {
    super();
    const known = new Set([PRESET, ...keys]);
    const pairs = [...new URLSearchParams(location.search)];
    this.#texts = new Map(pairs.filter(([key, text]) => known.has(key) && text));
  }

  get size() {
    return this.#texts.size;
  }

  /** @param {string} key @returns {string} "" if it has no value. */
  get(key) {
    return this.#texts.get(key) ?? "";
  }

  /** Change a value; "" removes it. @param {string} key @param {string} text */
  set(key, text) {
    if (text === this.get(key)) return;
    if (text) this.#texts.set(key, text);
    else this.#texts.delete(key);
    this.#changed();
  }

  clear() {
    this.#texts.clear();
    this.#changed();
  }

  /** The same as an object, which the API takes for a transform. */
  toObject() {
    return Object.fromEntries(this.#texts);
  }

  /** The same as a query, with its keys sorted. */
  toString() {
    const pairs = [...this.#texts].sort(([one], [other]) => (one < other ? -1 : 1));
    return pairs.map(([key, text]) => `${key}=${readable(encodeURIComponent(text))}`).join("&");
  }

  /** Write them into the page's address; browsers refuse to do so many times in a second. */
  keepInAddress() {
    const query = this.toString();
    history.replaceState(history.state, "", query ? `?${query}` : location.pathname);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** A part of a query without the escapes that values of the grammar do not need. @param {string} text */
export function readable(text) {
  return text.replaceAll("%3A", ":").replaceAll("%2C", ",");
}
