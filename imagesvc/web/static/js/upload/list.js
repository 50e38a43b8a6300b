/** The list of uploads; only rows that changed are rendered again. */

import { render } from "../vendor.js";
import { row } from "./rows.js";

/** Rows that are shown; the others are counted. */
const MAX_ROWS = 200;
/** What is being sent comes first, then what needs attention. */
const ORDER = { checking: 0, sending: 0, failed: 1, lost: 1, duplicate: 2, waiting: 3, done: 4 };

export class List {
  /** @type {Map<import("./items.js").Item, {element: HTMLElement, version: number}>} */
  #rows = new Map();

  /** @param {HTMLElement} element @param {import("./queue.js").Queue} queue */
  constructor(element, queue) {
    this.element = element;
    this.queue = queue;
  }

  /** Show the items; returns how many are not shown. */
  update() {
    const { items } = this.queue;
    const shown = [...items].sort((one, other) => ORDER[one.state] - ORDER[other.state]).slice(0, MAX_ROWS);
    const focused = document.activeElement;
    this.#removeOthers(new Set(shown));
    shown.forEach((item, position) => this.#place(this.#rendered(item), position));
    // Moving an element takes the focus from it.
    if (focused !== document.activeElement && this.element.contains(focused)) /** @type {HTMLElement} */ (focused).focus();
    return items.length - shown.length;
  }

  #removeOthers(shown) {
    for (const [item, { element }] of this.#rows) {
      if (shown.has(item)) continue;
      this.#passFocus(element);
      element.remove();
      this.#rows.delete(item);
    }
  }

  /** The focus of a removed row goes to a neighbour. */
  #passFocus(element) {
    if (!element.contains(document.activeElement)) return;
    const neighbour = element.nextElementSibling ?? element.previousElementSibling;
    /** @type {HTMLElement | null} */ (neighbour?.querySelector("button") ?? this.element.closest("section"))?.focus();
  }

  #rendered(item) {
    let known = this.#rows.get(item);
    if (!known) {
      known = { element: document.createElement("li"), version: -1 };
      known.element.className = "upload-row";
      this.#rows.set(item, known);
    }
    const version = item.version + (item.twin?.version ?? 0);
    if (known.version !== version) {
      render(row(item, this.queue), known.element);
      known.version = version;
    }
    return known.element;
  }

  #place(element, position) {
    const there = this.element.children[position];
    if (there !== element) this.element.insertBefore(element, there ?? null);
  }
}
