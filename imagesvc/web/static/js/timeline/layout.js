/**
 * Where the tiles of the timeline are: justified rows in typed arrays, and sections of months.
 * Pure functions and numbers: no DOM, so that a test runs them anywhere.
 */

/** The extremes of shapes that are shown uncut. */
const NARROWEST = 0.45;
const WIDEST = 4;
/** Rows are at most this much higher than usual. */
const MOST_SCALING = 1.35;
/** The shape of pictures that have not been loaded. */
const USUAL_RATIO = 1.4;

export const HEADING = 56;

/**
 * The measures of rows for a width of the timeline.
 * @typedef {{width: number, rowHeight: number, gap: number}} Measures
 */

/** @param {number} width @returns {Measures} */
export function measuresOf(width) {
  if (width < 600) return { width, rowHeight: 118, gap: 3 };
  return { width, rowHeight: width < 1100 ? 176 : 212, gap: 5 };
}

/**
 * Justified rows: `lefts` and `widths` by picture; `starts`, `tops` and `heights` by row.
 * @typedef {object} Rows
 * @property {number} rows
 * @property {Uint32Array} starts The first picture of each row, and the number of pictures.
 * @property {Float64Array} tops
 * @property {Float32Array} heights
 * @property {Float32Array} lefts
 * @property {Float32Array} widths
 * @property {number} height
 */

/**
 * Fill rows from the first picture on. A row ends before or after the picture that would fill it,
 * whichever needs less scaling.
 * @param {Float32Array} ratios
 * @param {number} count
 * @param {Measures} measures
 * @param {boolean} isComplete Whether no more pictures follow, so that the last row may stay short.
 * @returns {Rows}
 */
export function justified(ratios, count, measures, isComplete = true) {
  const { width, gap, rowHeight } = measures;
  const made = emptyRows(count);
  let first = 0;
  let sum = 0;
  for (let index = 0; index < count; index++) {
    const ratio = shape(ratios[index]);
    const low = (width - gap * (index - first)) / (sum + ratio);
    sum += ratio;
    if (low >= rowHeight) continue;
    const high = (width - gap * (index - first - 1)) / (sum - ratio);
    const isBefore = index > first && high / rowHeight < Math.min(rowHeight / low, MOST_SCALING);
    const end = isBefore ? index : index + 1;
    placeRow(made, ratios, first, end, isBefore ? high : low, gap);
    [first, sum] = [end, isBefore ? ratio : 0];
  }
  if (isComplete && first < count) placeLast(made, ratios, first, count, sum, measures);
  made.starts[made.rows] = isComplete ? count : first;
  return made;
}

/** @param {number} count @returns {Rows} */
function emptyRows(count) {
  return {
    rows: 0,
    starts: new Uint32Array(count + 1),
    tops: new Float64Array(count),
    heights: new Float32Array(count),
    lefts: new Float32Array(count),
    widths: new Float32Array(count),
    height: 0,
  };
}

/** The last row: filled if that needs little scaling, otherwise as high as the row above it. */
function placeLast(made, ratios, first, count, sum, { width, gap, rowHeight }) {
  const full = (width - gap * (count - first - 1)) / sum;
  const above = made.rows ? made.heights[made.rows - 1] : rowHeight;
  const height = full <= rowHeight * MOST_SCALING ? full : Math.min(above, rowHeight);
  placeRow(made, ratios, first, count, height, gap);
}

/** @param {number} ratio */
function shape(ratio) {
  return Math.min(Math.max(ratio || 1, NARROWEST), WIDEST);
}

function placeRow(made, ratios, first, end, height, gap) {
  let left = 0;
  for (let index = first; index < end; index++) {
    made.lefts[index] = left;
    made.widths[index] = shape(ratios[index]) * height;
    left += made.widths[index] + gap;
  }
  made.starts[made.rows] = first;
  made.tops[made.rows] = made.height;
  made.heights[made.rows] = height;
  made.rows++;
  made.height += height + gap;
}

/** The height of rows of pictures that have not been loaded. @param {number} count @param {Measures} measures */
export function estimated(count, { width, rowHeight, gap }) {
  const inRow = Math.max(1, width / (USUAL_RATIO * rowHeight + gap));
  return Math.ceil(count / inRow) * (rowHeight + gap);
}

/** The last of ascending numbers that is at most `value`: its index among the first `count`. */
export function lastAtMost(numbers, value, count = numbers.length) {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (numbers[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The sections of the timeline, one for each month: heading, loaded rows, estimated rest. */
export class Sections {
  /**
   * @param {number[]} counts Pictures of each month.
   * @param {Measures} measures
   */
  constructor(counts, measures) {
    this.measures = measures;
    this.counts = counts;
    /** @type {(Rows | null)[]} */
    this.rows = counts.map(() => null);
    this.heights = Float64Array.from(counts, (count) => HEADING + estimated(count, measures));
    this.tops = new Float64Array(counts.length);
    this.height = 0;
    this.#stack();
  }

  /** Set the rows of the loaded pictures of a section. @param {number} section @param {Rows} rows */
  set(section, rows) {
    const rest = this.counts[section] - rows.starts[rows.rows];
    const below = rest > 0 ? estimated(rest, this.measures) : 0;
    this.rows[section] = rows;
    this.heights[section] = this.counts[section] ? HEADING + rows.height + below : 0;
    this.#stack();
  }

  /** Forget the rows of a section, whose pictures are loaded anew. @param {number} section */
  clear(section) {
    this.rows[section] = null;
    this.heights[section] = HEADING + estimated(this.counts[section], this.measures);
    this.#stack();
  }

  #stack() {
    let top = 0;
    for (let section = 0; section < this.heights.length; section++) {
      this.tops[section] = top;
      top += this.heights[section];
    }
    this.height = top;
  }

  /** The section at a height. @param {number} top */
  at(top) {
    return lastAtMost(this.tops, top);
  }

  /** The height of the part of a section that is loaded. @param {number} section */
  loadedHeight(section) {
    return HEADING + (this.rows[section]?.height ?? 0);
  }
}
