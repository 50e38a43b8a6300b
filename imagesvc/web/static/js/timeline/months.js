/**
 * The months near the window, in the order in which they are read: the heading of each, the list of its
 * tiles, and a grey area where pictures will be. Their elements have no places: the headings and tiles have.
 */

import { number } from "../shared/texts.js";

/** @typedef {{month: number, element: HTMLElement, heading: HTMLElement, list: HTMLElement, blank: HTMLElement}} Shown */

export class Months {
  /** By their names, which stay when months come or go. @type {Map<string, Shown>} */
  #shown = new Map();

  /** @param {HTMLElement} layer @param {import("./buckets.js").Buckets} buckets */
  constructor(layer, buckets) {
    this.layer = layer;
    this.buckets = buckets;
  }

  /**
   * Places or counts have changed: show them as they are.
   * @param {import("./layout.js").Sections} sections
   * @param {number} base The height that places are relative to.
   */
  placeAgain(sections, base) {
    for (const [name, shown] of this.#shown) {
      shown.month = this.buckets.months.indexOf(name);
      if (shown.month >= 0) this.#place(shown, sections, base);
    }
  }

  /**
   * Show those of these months, and those that have tiles.
   * @param {number[]} months
   * @param {import("./layout.js").Sections} sections
   * @param {number} base
   */
  show(months, sections, base) {
    for (const [name, { month, element, list }] of this.#shown) {
      if (months.includes(month) || list.childElementCount) continue;
      element.remove();
      this.#shown.delete(name);
    }
    for (const month of months) {
      const name = this.buckets.months[month];
      if (this.buckets.counts[month] && !this.#shown.has(name)) this.#add(name, month, sections, base);
    }
  }

  /** The list of the tiles of a month that is shown. @param {number} month */
  listOf(month) {
    return this.#shown.get(this.buckets.months[month]).list;
  }

  #add(name, month, sections, base) {
    const shown = { month, element: made("div", "month"), heading: made("h2"), list: made("div", "tiles"), blank: made("div", "blank") };
    const { element, heading, list, blank } = shown;
    heading.id = `month-${name}`;
    list.setAttribute("role", "list");
    list.setAttribute("aria-labelledby", heading.id);
    element.append(heading, list);
    this.#place(shown, sections, base);
    this.layer.insertBefore(element, this.#after(month));
    this.#shown.set(name, shown);
  }

  /** The element of the first month after another one. @param {number} month */
  #after(month) {
    let next = null;
    for (const shown of this.#shown.values()) {
      if (shown.month > month && (!next || shown.month < next.month)) next = shown;
    }
    return next?.element ?? null;
  }

  /** @param {Shown} shown */
  #place({ month, element, heading, list, blank }, sections, base) {
    const top = sections.tops[month] - base;
    const known = sections.loadedHeight(month);
    const rest = sections.heights[month] - known;
    heading.style.insetBlockStart = `${top}px`;
    const count = made("span");
    count.textContent = number(this.buckets.counts[month]);
    heading.replaceChildren(this.buckets.titleOf(month), " ", count);
    if (rest > 1) element.append(blank);
    else blank.remove();
    blank.style.insetBlockStart = `${top + known}px`;
    blank.style.blockSize = `${Math.max(0, rest)}px`;
  }
}

/** @param {string} kind @param {string} [name] */
function made(kind, name = "") {
  return Object.assign(document.createElement(kind), { className: name });
}
