/** The pictures of the timeline by month: counts first, columns when they are needed. */

import { monthName } from "../shared/texts.js";
import { lastAtMost } from "./layout.js";

export const FAVOURITE = 1;
export const ANIMATED = 2;
export const PENDING = 4;
export const FAILED = 8;
export const PUBLIC = 16;
export const UNLISTED = 32;
export const COLLECTED = 64;
export const WAITING = 128;

const COLUMNS = ["ids", "thumbhashes", "taken", "flags", "widths", "heights"];

/** The loaded pictures of one month, as columns. */
class Month {
  ids = [];
  thumbhashes = [];
  /** Seconds since 1970, as the camera's clock showed. */
  taken = [];
  flags = [];
  widths = [];
  heights = [];
  ratios = new Float32Array(0);
  cursor = null;
  isComplete = false;

  /** @param {Record<string, any>} page A page of columns, as the API has it. */
  add(page) {
    for (const name of COLUMNS) this[name] = this[name].concat(page[name]);
    this.measure();
    this.cursor = page.next_cursor;
    this.isComplete = page.next_cursor === null;
  }

  /** Remove pictures; returns how many there were. @param {Set<string>} ids */
  without(ids) {
    const kept = this.ids.map((id) => !ids.has(id));
    const count = kept.filter((isKept) => !isKept).length;
    for (const name of COLUMNS) this[name] = this[name].filter((_value, index) => kept[index]);
    this.measure();
    return count;
  }

  /** Compute the shapes of the pictures. */
  measure() {
    this.ratios = Float32Array.from(this.widths, (width, index) => width / this.heights[index]);
  }
}

/** All months, and the pictures that have been loaded; a picture's index counts from the newest. */
export class Buckets extends EventTarget {
  /** @type {Map<Month, Promise<void>>} */
  #loading = new Map();
  #load;

  /**
   * @param {{months: string[], counts: number[]}} timeline
   * @param {(month: string, cursor: string | null) => Promise<Record<string, any>>} load
   */
  constructor({ months, counts }, load) {
    super();
    this.months = months;
    this.counts = counts;
    this.columns = months.map(() => new Month());
    this.#load = load;
    this.#count();
  }

  #count() {
    this.starts = new Uint32Array(this.counts.length + 1);
    this.counts.forEach((count, month) => (this.starts[month + 1] = this.starts[month] + count));
    this.total = this.starts[this.counts.length];
  }

  /** The month of a picture, and its place there. @param {number} index */
  place(index) {
    const month = lastAtMost(this.starts, index, this.counts.length);
    return { month, within: index - this.starts[month] };
  }

  /** Whether a picture has been loaded. @param {number} index */
  has(index) {
    const { month, within } = this.place(index);
    return within < this.columns[month].ids.length;
  }

  /** One loaded picture. @param {number} index */
  picture(index) {
    const { month, within } = this.place(index);
    const from = this.columns[month];
    return {
      id: from.ids[within],
      width: from.widths[within],
      height: from.heights[within],
      taken: from.taken[within],
      thumbhash: from.thumbhashes[within],
      flags: from.flags[within],
    };
  }

  /** The heading of a month. @param {number} month */
  titleOf(month) {
    return monthName(this.months[month]);
  }

  /** The index of a picture among those that have been loaded, or -1. @param {string} id */
  indexOf(id) {
    for (const [month, { ids }] of this.columns.entries()) {
      const within = ids.indexOf(id);
      if (within >= 0) return this.starts[month] + within;
    }
    return -1;
  }

  /**
   * Load the next page of a month, unless it is complete; one request at a time.
   * @param {number} month
   */
  more(month) {
    const columns = this.columns[month];
    const running = this.#loading.get(columns);
    if (running) return running;
    if (columns.isComplete) return Promise.resolve();
    const work = this.#page(this.months[month], columns)
      .finally(() => this.#loading.delete(columns))
      .then(() => this.#announce(columns));
    this.#loading.set(columns, work);
    return work;
  }

  /** @param {string} name @param {Month} columns */
  async #page(name, columns) {
    columns.add(await this.#load(name, columns.cursor));
  }

  /** Tell what was loaded, when the next page can be: the first ones of a search may have no pictures. */
  #announce(columns) {
    const month = this.columns.indexOf(columns);
    if (month < 0) return; // They were loaded again in the meantime.
    const found = columns.ids.length;
    if (columns.isComplete ? found !== this.counts[month] : found > this.counts[month]) {
      this.counts[month] = found; // Pictures came or went since the months were counted.
      this.#count();
    }
    this.dispatchEvent(new CustomEvent("loaded", { detail: month }));
  }

  /** Load pages until a picture is there. @param {number} index */
  async need(index) {
    while (index < this.total && !this.has(index)) await this.more(this.place(index).month);
  }

  /** Load pages until all pictures of a range are there. @param {number} first @param {number} last */
  async needAll(first, last) {
    const months = [];
    for (let month = this.place(first).month; month <= this.place(last).month; month++) months.push(month);
    const end = this.place(last);
    for (const month of months) {
      const wanted = month === end.month ? end.within + 1 : this.counts[month];
      while (!this.columns[month].isComplete && this.columns[month].ids.length < wanted) {
        await this.more(month);
      }
    }
  }

  /** What shows other months, of which no picture is loaded. @param {{months: string[], counts: number[]}} timeline */
  unloaded({ months, counts }) {
    return { months, counts, columns: months.map(() => new Month()) };
  }

  /**
   * Load what differs from new counts: a loaded month with another count.
   * @param {{months: string[], counts: number[]}} timeline
   * @param {boolean} isAgain Whether the pictures of other months may differ, too.
   */
  async fetched({ months, counts }, isAgain = false) {
    const columns = [];
    for (const [at, name] of months.entries()) columns.push(await this.#fresh(name, counts[at], isAgain));
    return { months, counts, columns };
  }

  async #fresh(name, count, isAgain) {
    const at = this.months.indexOf(name);
    if (at >= 0 && this.counts[at] === count && !isAgain) return this.columns[at];
    const month = new Month();
    if (at >= 0 && this.columns[at].ids.length) month.add(await this.#load(name, null));
    return month;
  }

  /** Take over what was fetched: indexes change. */
  replace({ months, counts, columns }) {
    Object.assign(this, { months, counts, columns });
    this.#count();
  }

  /** What a picture is found by after `replace`. @param {number} index */
  mark(index) {
    if (index >= this.total || !this.has(index)) return { name: "", id: "" };
    return { name: this.months[this.place(index).month], id: this.picture(index).id };
  }

  /** The index of a marked picture, or -1. */
  find({ name, id }) {
    const month = this.months.indexOf(name);
    const within = month < 0 ? -1 : this.columns[month].ids.indexOf(id);
    return within < 0 ? -1 : this.starts[month] + within;
  }

  /** Change the flags of a loaded picture. @param {number} index @param {number} flags */
  setFlags(index, flags) {
    const { month, within } = this.place(index);
    this.columns[month].flags[within] = flags;
    this.dispatchEvent(new CustomEvent("changed", { detail: index }));
  }

  /** Remove pictures that have been loaded. @param {Set<string>} ids */
  remove(ids) {
    this.columns.forEach((columns, month) => {
      const removed = columns.without(ids);
      if (!removed) return;
      this.counts[month] -= removed;
      this.#count();
      this.dispatchEvent(new CustomEvent("loaded", { detail: month }));
    });
    this.dispatchEvent(new Event("removed"));
  }
}
