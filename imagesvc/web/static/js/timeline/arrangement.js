/** Where each picture of the timeline is, and what stays in place when months are loaded. */

import { HEADING, Sections, justified, lastAtMost, measuresOf } from "./layout.js";

/** @typedef {{first: number, end: number}} Range Indexes of pictures. */

export class Arrangement {
  /** @param {import("./buckets.js").Buckets} buckets @param {number} width */
  constructor(buckets, width) {
    this.buckets = buckets;
    this.sections = new Sections(buckets.counts, measuresOf(width));
    buckets.months.forEach((_name, month) => this.justify(month));
  }

  get height() {
    return this.sections.height;
  }

  /** Lay out the loaded pictures of a month. @param {number} month */
  justify(month) {
    const { ratios, ids, isComplete } = this.buckets.columns[month];
    this.sections.counts = this.buckets.counts;
    if (!ids.length && !isComplete) this.sections.clear(month);
    else this.sections.set(month, justified(ratios, ids.length, this.sections.measures, isComplete));
  }

  /**
   * Lay out a month; returns where a height of the old arrangement is in the new one.
   * @param {number} month
   * @param {number} top
   */
  justifyAround(month, top) {
    const at = this.sections.at(Math.max(0, top));
    const within = top - this.sections.tops[at];
    const known = this.sections.loadedHeight(at);
    const before = this.sections.heights[at];
    this.justify(month);
    const stretch = (this.sections.heights[at] - known) / Math.max(1, before - known);
    return this.sections.tops[at] + (within <= known ? within : known + (within - known) * stretch);
  }

  /** The months that reach into a range of heights. @param {number} from @param {number} to */
  *months(from, to) {
    for (let month = this.sections.at(Math.max(0, from)); month < this.buckets.months.length; month++) {
      if (this.sections.tops[month] > to) return;
      yield month;
    }
  }

  /**
   * The loaded pictures in a range of heights.
   * @param {number} from @param {number} to @param {number} most
   * @returns {Range[]}
   */
  ranges(from, to, most) {
    const found = [];
    let left = most;
    for (const month of this.months(from, to)) {
      const range = this.#rangeOf(month, from, to, left);
      if (range.end > range.first) found.push(range);
      left -= range.end - range.first;
      if (left <= 0) break;
    }
    return found;
  }

  /** @returns {Range} */
  #rangeOf(month, from, to, most) {
    const rows = this.sections.rows[month];
    const start = this.buckets.starts[month];
    const top = this.sections.tops[month] + HEADING;
    if (!rows?.rows || to < top || from > top + rows.height) return { first: start, end: start };
    const first = rows.starts[lastAtMost(rows.tops, from - top, rows.rows)];
    const end = rows.starts[lastAtMost(rows.tops, to - top, rows.rows) + 1];
    return { first: start + first, end: start + Math.min(end, first + most) };
  }

  /** Whether a picture has its row: those of the last row wait for more. @param {number} index */
  has(index) {
    const { month, within } = this.buckets.place(index);
    const rows = this.sections.rows[month];
    return Boolean(rows) && within < rows.starts[rows.rows];
  }

  /** The place of a picture that has its row. @param {number} index */
  boxOf(index) {
    const { month, within } = this.buckets.place(index);
    const rows = this.sections.rows[month];
    const row = lastAtMost(rows.starts, within, rows.rows);
    const top = this.sections.tops[month] + HEADING + rows.tops[row];
    return { top, height: rows.heights[row], left: rows.lefts[within], width: rows.widths[within] };
  }

  /** The height of a picture, estimated if it has not been loaded. @param {number} index */
  topOf(index) {
    if (this.has(index)) return this.boxOf(index).top;
    const { month, within } = this.buckets.place(index);
    const part = within / Math.max(1, this.buckets.counts[month]);
    return this.sections.tops[month] + HEADING + part * (this.sections.heights[month] - HEADING);
  }

  /** The first picture at a height or below it. @param {number} top */
  firstAt(top) {
    const month = this.sections.at(Math.max(0, top));
    const rows = this.sections.rows[month];
    const start = this.buckets.starts[month];
    if (!rows?.rows) return start;
    const row = lastAtMost(rows.tops, top - this.sections.tops[month] - HEADING, rows.rows);
    return start + rows.starts[row];
  }

  /**
   * The picture above or below another one, closest to its centre; itself at an end.
   * @param {number} index @param {number} step -1 or 1.
   */
  vertical(index, step) {
    const { left, width } = this.boxOf(index);
    const { first, end } = this.#nextRow(index, step);
    let best = index;
    let distance = Infinity;
    for (let other = first; other < end; other++) {
      const box = this.boxOf(other);
      const away = Math.abs(box.left + box.width / 2 - left - width / 2);
      if (away < distance) [best, distance] = [other, away];
    }
    return best;
  }

  /** The pictures of the row before or after that of a picture. @returns {Range} */
  #nextRow(index, step) {
    const { month, within } = this.buckets.place(index);
    const rows = this.sections.rows[month];
    const row = lastAtMost(rows.starts, within, rows.rows) + step;
    if (row >= 0 && row < rows.rows) return this.#row(month, row);
    const other = month + step;
    const others = this.sections.rows[other];
    if (!others?.rows) return { first: index, end: index };
    return this.#row(other, step < 0 ? others.rows - 1 : 0);
  }

  /** @returns {Range} */
  #row(month, row) {
    const { starts } = this.sections.rows[month];
    const start = this.buckets.starts[month];
    return { first: start + starts[row], end: start + starts[row + 1] };
  }
}
