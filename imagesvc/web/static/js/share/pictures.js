/** The pictures of a share, loaded page by page, and where they are. */

import { request } from "../shared/api.js";
import { page, url } from "../shared/page.js";
import { t, timeName } from "../shared/texts.js";

/** Pictures in one request. */
const LIMIT = 50;
const PLACE = url(`/s/${encodeURIComponent(page.token)}`);

export class SharedPictures {
  /** @type {string[]} */
  ids = [];
  widths = [];
  heights = [];
  thumbhashes = [];
  /** Seconds since 1970, as the camera's clock showed; none without details. @type {number[]} */
  taken = [];
  /** @type {Record<string, any>[]} */
  exif = [];
  isComplete = false;
  #cursor = "";
  /** @type {Promise<void> | null} */
  #loading = null;

  /** @param {string} api Of the share. @param {Record<string, any>} share */
  constructor(api, share) {
    this.api = api;
    this.share = share;
  }

  /** Load the next pictures, if there are more; one request at a time. */
  load() {
    if (this.isComplete) return Promise.resolve();
    this.#loading ??= this.#page().finally(() => { this.#loading = null; });
    return this.#loading;
  }

  async #page() {
    const position = this.#cursor ? `&cursor=${encodeURIComponent(this.#cursor)}` : "";
    const found = await request(`${this.api}/images?limit=${LIMIT}${position}`);
    for (const name of ["ids", "widths", "heights", "thumbhashes"]) this[name].push(...found[name]);
    this.taken.push(...(found.taken ?? []));
    this.exif.push(...(found.exif ?? []));
    this.#cursor = found.next_cursor;
    this.isComplete = found.next_cursor === null;
    if (!found.ids.length) return this.isComplete ? undefined : this.#page(); // a page may be empty
  }

  /** @param {number} index */
  ratio(index) {
    return this.widths[index] / this.heights[index] || 1;
  }

  /** @param {number} index */
  name(index) {
    return t("share.picture", { number: index + 1 });
  }

  /** When it was taken, if the share tells it. @param {number} index */
  time(index) {
    return this.taken.length ? timeName(this.taken[index]) : "";
  }

  /** The first of these presets that visitors may have. @param {number} index @param {string[]} names */
  variant(index, ...names) {
    const end = names.map((name) => this.share.presets[name]).find((one) => one !== undefined);
    return `${PLACE}/i/${this.ids[index]}/${end}`;
  }

  /** @param {number} index */
  original(index) {
    return `${PLACE}/i/${this.ids[index]}/original`;
  }

  /** All originals as a ZIP file. */
  get archiveUrl() {
    return `${PLACE}/archive`;
  }
}
