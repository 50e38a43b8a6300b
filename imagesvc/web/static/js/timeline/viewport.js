/**
 * Scrolling through more pixels than a browser has: heights of the timeline ("virtual") and of the
 * document are equal up to a limit, and proportional beyond it.
 */

/** Browsers limit the height of an element to about 16 million pixels. */
export const MOST_PIXELS = 12_000_000;

/** The window onto the timeline. */
export class Viewport {
  /** The scrolled pixels of the document, read once: reading them after a change computes the layout. @type {number | null} */
  #scrolled = null;

  /** @param {HTMLElement} canvas The element that is as high as the timeline. */
  constructor(canvas) {
    this.canvas = canvas;
    this.total = 0;
    this.measure();
  }

  get #y() {
    return (this.#scrolled ??= scrollY);
  }

  /** Read the scrolled pixels again when they are needed. */
  forget() {
    this.#scrolled = null;
  }

  /** Read the sizes; after the window or what is above the timeline has changed. */
  measure() {
    this.offset = this.canvas.getBoundingClientRect().top + scrollY;
    this.forget();
    this.width = this.canvas.clientWidth;
    this.height = innerHeight;
  }

  /** @param {number} total The virtual height of the timeline. */
  setTotal(total) {
    if (total === this.total) return;
    this.total = total;
    this.forget();
    this.canvas.style.blockSize = `${Math.min(total, MOST_PIXELS)}px`;
  }

  get #scale() {
    const [virtual, real] = [this.total - this.height, Math.min(this.total, MOST_PIXELS) - this.height];
    return real > 0 ? Math.max(1, virtual / real) : 1;
  }

  /** The pixels of the document that can be scrolled. */
  get #room() {
    return Math.max(1, Math.min(this.total, MOST_PIXELS) + this.offset - this.height);
  }

  /** The scrolled share of the document, 0 to 1. */
  get part() {
    return Math.min(Math.max(this.#y / this.#room, 0), 1);
  }

  set part(part) {
    this.#scroll(part * this.#room);
  }

  /** The virtual height at the upper edge of the window; negative above the timeline. */
  get top() {
    return (this.#y - this.offset) * this.#scale;
  }

  /** @param {number} top A virtual height. */
  scrollTo(top) {
    this.#scroll(top / this.#scale + this.offset);
  }

  /** Scroll to the upper edge of the page. */
  toStart() {
    this.#scroll(0);
  }

  #scroll(top) {
    scrollTo({ top, behavior: "instant" });
    this.forget();
  }

  /** What to add to a virtual height to get the place in the canvas. */
  get shift() {
    return this.#y - this.offset - this.top;
  }
}
