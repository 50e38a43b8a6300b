/** The grid: only the tiles near the window are in the document. */

import { Arrangement } from "./arrangement.js";
import { HEADING } from "./layout.js";
import { Months } from "./months.js";
import { Tile, markFocus } from "./tiles.js";
import { Viewport } from "./viewport.js";

/** Tiles in the document at most, besides one that has the focus. */
export const MOST_TILES = 280;
/** Windows above and below the visible one that have tiles. */
const OVERSCAN = 0.6;
/** Pixels from the base of the places in CSS, whose numbers are limited. */
const FARTHEST = 100_000;
/** Milliseconds without scrolling after which months and pictures are loaded. */
const REST = 70;
/** Windows a frame; slower scrolling loads them at once. */
const SLOW = 0.35;
/** The height of the page's header, which covers the timeline. */
const HEADER = 56;
/** Pixels from the upper edge of the window to the first ones that show pictures. */
const COVERED = HEADER + 2;
/** Pixels above a picture that gets the focus. */
const MARGIN = HEADER + 12;

export class Grid extends EventTarget {
  /** The tiles in the document. @type {Map<number, Tile>} */
  tiles = new Map();
  /** The picture that the keyboard is at. */
  current = 0;
  /** Loads what has changed on the server; the page sets it. @type {(options?: {isAgain?: boolean}) => Promise<void>} */
  reload = async () => {};
  #base = 0;
  #lastTop = 0;
  #rest = 0;
  #isScheduled = false;

  /**
   * @param {HTMLElement} place
   * @param {import("./buckets.js").Buckets} buckets
   * @param {import("./selection.js").Selection} selection
   * @param {string} name
   */
  constructor(place, buckets, selection, name) {
    super();
    this.buckets = buckets;
    this.selection = selection;
    this.canvas = made("canvas");
    this.canvas.setAttribute("role", "group");
    this.canvas.setAttribute("aria-label", name);
    this.layer = made("layer");
    this.canvas.append(this.layer);
    place.replaceChildren(this.canvas);
    this.months = new Months(this.layer, buckets);
    markFocus(this.canvas);
    this.viewport = new Viewport(this.canvas);
    this.#arrange();
    this.#listen(place);
  }

  #listen(place) {
    const { buckets, selection } = this;
    buckets.addEventListener("loaded", ({ detail }) => this.#loaded(detail));
    buckets.addEventListener("changed", ({ detail }) =>
      this.tiles.get(detail)?.setFlags(buckets.picture(detail).flags),
    );
    selection.addEventListener("change", () => this.#select());
    addEventListener("scroll", () => this.#schedule(), { passive: true });
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(place);
    observer.observe(document.body); // What is above the timeline moves it.
  }

  #arrange() {
    this.arrangement = new Arrangement(this.buckets, this.viewport.width);
    this.viewport.setTotal(this.arrangement.height);
  }

  /** Lay out a month after pictures were loaded; what is visible stays where it is. */
  #loaded(month) {
    const { top } = this.viewport;
    const wanted = this.arrangement.justifyAround(month, top + COVERED) - COVERED;
    this.viewport.setTotal(this.arrangement.height);
    if (top > 0 && Math.abs(wanted - this.viewport.top) >= 1) this.viewport.scrollTo(wanted);
    this.#placeAgain();
    this.update();
    this.dispatchEvent(new Event("layout"));
  }

  /** Take over the sizes of the window and of what is beside the grid. */
  resize() {
    const { width } = this.viewport;
    const anchor = this.firstVisible();
    this.viewport.measure();
    if (this.viewport.width !== width) {
      const isAtTop = this.viewport.top <= 0;
      this.#arrange();
      if (!isAtTop) this.viewport.scrollTo(this.arrangement.topOf(anchor) - HEADING);
      this.#placeAgain();
    }
    this.update();
    this.dispatchEvent(new Event("layout"));
  }

  /** Show other counts and pictures; what is visible stays where it is. @param {object} fetched By the buckets. */
  replace(fetched) {
    const { buckets, viewport } = this;
    const first = this.firstVisible();
    const [anchor, current] = [buckets.mark(first), buckets.mark(this.current)];
    const offset = viewport.top - this.arrangement.topOf(first);
    const isAtTop = viewport.top <= 0;
    const marks = [...this.tiles.values()].map((tile) => [tile, buckets.mark(tile.index)]);
    buckets.replace(fetched);
    this.#arrange();
    this.current = Math.max(buckets.find(current), 0);
    this.tiles.clear();
    for (const [tile, mark] of marks) this.#move(tile, buckets.find(mark));
    const moved = buckets.find(anchor);
    if (!isAtTop && moved >= 0) viewport.scrollTo(this.arrangement.topOf(moved) + offset);
    this.#placeAgain();
    this.update();
    this.dispatchEvent(new Event("layout"));
  }

  /** @param {Tile} tile @param {number} index -1 if its picture is gone. */
  #move(tile, index) {
    if (index < 0) return tile.remove();
    this.#number(tile, index);
    this.tiles.set(index, tile);
  }

  /** Tell a tile its index, and its place among those of its month. @param {Tile} tile @param {number} index */
  #number(tile, index) {
    const { month, within } = this.buckets.place(index);
    tile.move(index, within, this.buckets.counts[month]);
  }

  #schedule() {
    this.viewport.forget();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.update();
      this.dispatchEvent(new Event("scroll"));
    });
  }

  /** Show the tiles and headings near the window, and load the months that are needed. */
  update() {
    const { top, height } = this.viewport;
    if (Math.abs(this.#base - top) > FARTHEST) {
      this.#base = Math.round(top);
      this.#placeAgain();
    }
    this.layer.style.transform = `translateY(${this.#base + this.viewport.shift}px)`;
    const extra = OVERSCAN * height;
    const ranges = this.arrangement.ranges(top - extra, top + height + extra, MOST_TILES);
    const months = [...this.arrangement.months(top - height, top + 2 * height)];
    this.#removeTiles(ranges);
    this.months.show(months, this.arrangement.sections, this.#base);
    ranges.forEach((range) => this.#addTiles(range));
    if (!this.tiles.has(this.current) && ranges.length) this.#moveTab(this.firstVisible());
    this.#atRest(top, height, () => {
      this.#fetch(months, top + 2 * height);
      this.tiles.forEach((tile) => tile.load());
    });
  }

  /** Place the tiles that are still right, and remove the others. */
  #placeAgain() {
    for (const [index, tile] of this.tiles) {
      const isRight = this.arrangement.has(index) && this.buckets.picture(index).id === tile.id;
      if (isRight) this.#place(tile);
      else this.#remove(tile);
    }
    this.months.placeAgain(this.arrangement.sections, this.#base);
  }

  /** @param {Tile} tile */
  #place(tile) {
    const { top, left, width, height } = this.arrangement.boxOf(tile.index);
    tile.place(top - this.#base, left, width, height);
  }

  /** @param {Tile} tile */
  #remove(tile) {
    tile.remove();
    this.tiles.delete(tile.index);
  }

  /** Remove the tiles outside of these ranges; the one with the focus stays. @param {import("./arrangement.js").Range[]} ranges */
  #removeTiles(ranges) {
    const focused = document.activeElement;
    for (const [index, tile] of this.tiles) {
      const isNear = ranges.some(({ first, end }) => index >= first && index < end);
      if (!isNear && !tile.element.contains(focused)) this.#remove(tile);
    }
  }

  /** Add the tiles of a range of one month at their places in its list. @param {import("./arrangement.js").Range} range */
  #addTiles({ first, end }) {
    const list = this.months.listOf(this.buckets.place(first).month);
    const last = /** @type {HTMLElement | null} */ (list.lastElementChild);
    let next = Number(last?.dataset.index) >= end ? last : null;
    for (let index = end - 1; index >= first; index--) {
      const { element } = this.tiles.get(index) ?? this.#make(index);
      if (!element.isConnected) list.insertBefore(element, next);
      next = element;
    }
  }

  /** @param {number} index */
  #make(index) {
    const tile = new Tile(this.buckets.picture(index));
    this.#number(tile, index);
    tile.select(this.selection.has(tile.id));
    tile.link.tabIndex = index === this.current ? 0 : -1;
    this.tiles.set(index, tile);
    this.#place(tile);
    return tile;
  }

  /** Load what the window is about to show. @param {number[]} months @param {number} end */
  #fetch(months, end) {
    const { sections } = this.arrangement;
    for (const month of months) {
      const isEnough = sections.tops[month] + sections.loadedHeight(month) > end;
      if (isEnough || this.buckets.columns[month].isComplete) continue;
      this.buckets.more(month).catch((error) => this.dispatchEvent(new CustomEvent("failed", { detail: error })));
    }
  }

  /** Load months and pictures when scrolling is slow or has ended: others pass by unseen. */
  #atRest(top, height, load) {
    const isSlow = Math.abs(top - this.#lastTop) < SLOW * height;
    this.#lastTop = top;
    clearTimeout(this.#rest);
    if (isSlow) load();
    else this.#rest = setTimeout(load, REST);
  }

  #select() {
    this.tiles.forEach((tile) => tile.select(this.selection.has(tile.id)));
    this.canvas.classList.toggle("selecting", this.selection.count > 0);
  }

  /** The first picture of the window. */
  firstVisible() {
    return this.arrangement.firstAt(this.viewport.top + COVERED);
  }

  /** Scroll to the heading of a month. @param {number} month */
  scrollToMonth(month) {
    const top = this.arrangement.sections.tops[month] - HEADER;
    this.viewport.scrollTo(month ? top : -this.viewport.offset);
    this.update();
  }

  /** Scroll to the upper edge of a picture. @param {number} index */
  scrollTo(index) {
    this.viewport.scrollTo(this.arrangement.topOf(index) - MARGIN);
    this.update();
  }

  /** Scroll until a picture is in the window. @param {number} index */
  reveal(index) {
    const { top, height } = this.arrangement.boxOf(index);
    const { top: edge, height: window } = this.viewport;
    if (top < edge + MARGIN) this.viewport.scrollTo(top - MARGIN - HEADING);
    else if (top + height > edge + window - 24) this.viewport.scrollTo(top + height + 24 - window);
    this.update();
  }

  /** Load a picture, scroll to it, and give it the focus. @param {number} index */
  async focus(index) {
    if (index < 0 || index >= this.buckets.total) return;
    await this.buckets.need(index);
    if (!this.arrangement.has(index)) await this.buckets.more(this.buckets.place(index).month);
    if (!this.arrangement.has(index)) return;
    this.#moveTab(index);
    this.reveal(index);
    this.tiles.get(index)?.link.focus({ preventScroll: true });
  }

  /** Let the tabulator key lead to another picture. */
  #moveTab(index) {
    const before = this.tiles.get(this.current);
    if (before) before.link.tabIndex = -1;
    this.current = index;
    const tile = this.tiles.get(index);
    if (tile) tile.link.tabIndex = 0;
  }
}

/** @param {string} name */
function made(name) {
  return Object.assign(document.createElement("div"), { className: name });
}
