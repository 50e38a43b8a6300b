/** The searches that the user has saved. */

import { request } from "../shared/api.js";
import { wholeList } from "../shared/lists.js";

const PATH = "/api/v1/searches";
/** @typedef {{id: string, name: string, q: string}} Saved */

/** Events: "change" when searches were saved, renamed or deleted. */
class SavedSearches extends EventTarget {
  /** @type {Promise<Saved[]> | null} */
  #loading = null;
  /** Those that are known, the newest first. @type {Saved[]} */
  list = [];

  /** Load them, once. */
  load() {
    this.#loading ??= wholeList(PATH);
    this.#loading.then((list) => this.#set(list), () => (this.#loading = null));
    return this.#loading;
  }

  #set(list) {
    this.list = list;
    this.#loading = Promise.resolve(list);
    this.dispatchEvent(new Event("change"));
  }

  /** The saved search with a text. @param {string} text */
  find(text) {
    return this.list.find(({ q }) => q === text);
  }

  /** @param {string} name @param {string} q */
  async add(name, q) {
    const made = await request(PATH, { method: "POST", json: { name, q } });
    this.#set([made, ...this.list]);
  }

  /** @param {string} id @param {string} name */
  async rename(id, name) {
    const changed = await request(`${PATH}/${id}`, { method: "PATCH", json: { name } });
    this.#set(this.list.map((one) => (one.id === id ? changed : one)));
  }

  /** @param {string} id */
  async remove(id) {
    await request(`${PATH}/${id}`, { method: "DELETE" });
    this.#set(this.list.filter((one) => one.id !== id));
  }
}

export const saved = new SavedSearches();
