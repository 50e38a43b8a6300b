/** The pictures of a share in rows, as links: only those near the window are in the document. */

import { html, render } from "../vendor.js";
import { t } from "../shared/texts.js";
import { justified, lastAtMost, measuresOf } from "../timeline/layout.js";
import { averageColour } from "../timeline/placeholders.js";

/** Pixels below the window in which the next pictures are loaded. */
const AHEAD = 1200;
/** Windows above and below the visible one whose pictures are in the document. */
const NEAR = 1;

export class Wall {
  /** The items in the document. @type {Map<number, HTMLLIElement>} */
  #items = new Map();
  /** Where the pictures are. @type {import("../timeline/layout.js").Rows} */
  #rows = justified(new Float32Array(0), 0, measuresOf(0));
  /** Pixels for which the rows were computed; each layout changes the height, too. */
  #width = 0;
  #isDue = false;

  /**
   * @param {import("./pictures.js").SharedPictures} pictures
   * @param {(index: number, isSlideshow?: boolean) => void} open
   * @param {(error: unknown) => void} fail
   */
  constructor(pictures, open, fail) {
    this.pictures = pictures;
    this.open = open;
    this.fail = fail;
    this.place = document.getElementById("images");
    this.more = /** @type {HTMLButtonElement} */ (document.getElementById("more"));
    this.more.addEventListener("click", () => this.#loadMore());
    this.observer = new IntersectionObserver(
      (changes) => { if (changes.some((change) => change.isIntersecting)) this.#loadMore(); },
      { rootMargin: `${AHEAD}px` },
    );
    addEventListener("scroll", () => this.#soon(), { passive: true });
    new ResizeObserver(() => { if (this.place.clientWidth !== this.#width) this.#arrange(); }).observe(this.place);
  }

  /** Show what has been loaded. */
  show() {
    const { pictures } = this;
    this.#arrange();
    this.more.hidden = pictures.isComplete;
    this.observer.unobserve(this.more); // Observed anew, it is looked at again.
    this.observer.observe(this.more);
  }

  /** The link of a picture, if it is in the document. @param {number} index @returns {HTMLAnchorElement | undefined} */
  link(index) {
    return this.#items.get(index)?.querySelector("a");
  }

  /** Scroll to a picture, and give its link the focus. @param {number} index */
  focus(index) {
    const { tops, heights, starts, rows } = this.#rows;
    const row = lastAtMost(starts, index, rows);
    const top = this.place.getBoundingClientRect().top + tops[row];
    if (top < 0 || top + heights[row] > innerHeight) scrollBy({ top: top - innerHeight / 3, behavior: "instant" });
    this.#update();
    this.link(index)?.focus({ preventScroll: true });
  }

  /** Compute the rows for the width of the window. */
  #arrange() {
    const { pictures, place } = this;
    const ratios = Float32Array.from(pictures.ids, (_id, index) => pictures.ratio(index));
    this.#width = place.clientWidth;
    this.#rows = justified(ratios, ratios.length, measuresOf(this.#width));
    place.style.blockSize = `${this.#rows.height}px`;
    this.#items.forEach((item, index) => this.#shape(item, index));
    this.#update();
  }

  #soon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#update();
    });
  }

  /** Have the items of the rows near the window in the document, in their order. */
  #update() {
    const { first, end } = this.#near();
    for (const [index, item] of this.#items) {
      if ((index >= first && index < end) || item.contains(document.activeElement)) continue;
      item.remove();
      this.#items.delete(index);
    }
    const last = /** @type {HTMLLIElement | null} */ (this.place.lastElementChild);
    let next = Number(last?.dataset.index) >= end ? last : null;
    for (let index = end - 1; index >= first; index--) {
      const item = this.#items.get(index) ?? this.#made(index);
      if (!item.isConnected) this.place.insertBefore(item, next);
      next = item;
    }
  }

  /** The pictures of the rows near the window. */
  #near() {
    const { tops, starts, rows } = this.#rows;
    if (!rows) return { first: 0, end: 0 };
    const top = -this.place.getBoundingClientRect().top;
    const extra = NEAR * innerHeight;
    const [first, last] = [top - extra, top + innerHeight + extra].map((edge) => lastAtMost(tops, edge, rows));
    return { first: starts[first], end: starts[last + 1] };
  }

  /** @param {number} index */
  #made(index) {
    const item = document.createElement("li");
    item.dataset.index = String(index);
    item.setAttribute("aria-posinset", String(index + 1));
    render(this.#content(index), item);
    const hash = this.pictures.thumbhashes[index];
    if (hash) item.style.backgroundColor = averageColour(hash);
    this.#shape(item, index);
    this.#items.set(index, item);
    return item;
  }

  /** Place an item in its row. */
  #shape(item, index) {
    const { pictures } = this;
    const { tops, heights, lefts, widths, starts, rows } = this.#rows;
    const row = lastAtMost(starts, index, rows);
    item.style.insetBlockStart = `${tops[row]}px`;
    item.style.insetInlineStart = `${lefts[index]}px`;
    item.style.inlineSize = `${widths[index]}px`;
    item.style.blockSize = `${heights[row]}px`;
    item.setAttribute("aria-setsize", String(pictures.isComplete ? pictures.ids.length : -1));
  }

  #content(index) {
    const { pictures } = this;
    const name = pictures.time(index) ? t("timeline.picture", { time: pictures.time(index) }) : pictures.name(index);
    const download = html`<a class="download" href=${pictures.original(index)} download
      aria-label=${t("share.download_of", { name })}>${t("share.download")}</a>`;
    const open = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // The browser opens a tab.
      event.preventDefault();
      this.open(index);
    };
    return html`<a href=${pictures.variant(index, "viewer", "preview", "thumbnail")} @click=${open}>
      <img src=${pictures.variant(index, "grid", "preview", "thumbnail")} alt=${name} loading="lazy"></a>
      ${pictures.share.allow_download ? download : ""}`;
  }

  async #loadMore() {
    if (this.more.hidden) return;
    try {
      await this.pictures.load();
      this.show();
    } catch (error) {
      this.fail(error);
    }
  }
}
