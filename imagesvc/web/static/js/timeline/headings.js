/** The headings of months near the window, and grey areas where pictures will be. */

import { number } from "../shared/texts.js";

export class Headings {
  /** @type {Map<number, HTMLElement>} */
  #shown = new Map();

  /** @param {HTMLElement} layer @param {import("./buckets.js").Buckets} buckets */
  constructor(layer, buckets) {
    this.layer = layer;
    this.buckets = buckets;
  }

  /** Remove all: places or counts have changed. */
  clear() {
    this.#shown.forEach((element) => element.remove());
    this.#shown.clear();
  }

  /**
   * Show those of these months.
   * @param {number[]} months
   * @param {import("./layout.js").Sections} sections
   * @param {number} base The height that places are relative to.
   */
  show(months, sections, base) {
    for (const [month, element] of this.#shown) {
      if (months.includes(month)) continue;
      element.remove();
      this.#shown.delete(month);
    }
    for (const month of months) {
      if (this.buckets.counts[month] && !this.#shown.has(month)) this.#add(month, sections, base);
    }
  }

  #add(month, sections, base) {
    const element = document.createElement("div");
    element.className = "month";
    element.style.insetBlockStart = `${sections.tops[month] - base}px`;
    const heading = document.createElement("h2");
    heading.textContent = this.buckets.titleOf(month);
    const count = document.createElement("span");
    count.textContent = number(this.buckets.counts[month]);
    heading.append(" ", count);
    element.append(heading);
    const known = sections.loadedHeight(month);
    if (sections.heights[month] - known > 1) {
      const blank = document.createElement("div");
      blank.className = "blank";
      blank.style.insetBlockStart = `${known}px`;
      blank.style.blockSize = `${sections.heights[month] - known}px`;
      element.append(blank);
    }
    this.layer.append(element);
    this.#shown.set(month, element);
  }
}
