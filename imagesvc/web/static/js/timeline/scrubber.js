/** The date scrubber: a slider over all months, with years beside it. */

import { monthName, shortMonthName } from "../shared/texts.js";

/** Pixels between the names of two years. */
const APART = 26;

export class Scrubber {
  #isDragging = false;
  /** The height of the track: it is measured when it changes. */
  #track = 0;
  #shown = "";

  /** @param {HTMLElement} place @param {import("./grid.js").Grid} grid @param {string} name */
  constructor(place, grid, name) {
    this.grid = grid;
    this.element = place;
    this.years = child(place, "years");
    this.years.setAttribute("aria-hidden", "true");
    this.thumb = child(place, "thumb");
    this.label = child(this.thumb, "label");
    this.thumb.tabIndex = 0;
    for (const [key, value] of [["role", "slider"], ["aria-label", name], ["aria-orientation", "vertical"], ["aria-valuemin", "0"]]) {
      this.thumb.setAttribute(key, value);
    }
    grid.addEventListener("layout", () => this.#layout());
    grid.addEventListener("scroll", () => this.#show());
    this.thumb.addEventListener("keydown", (event) => this.#key(event));
    place.addEventListener("pointerdown", (event) => this.#grab(event));
    place.addEventListener("pointermove", (event) => this.#isDragging && this.#drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      place.addEventListener(end, () => this.#release());
    }
    new ResizeObserver(([{ contentRect }]) => {
      this.#track = contentRect.height;
      this.#markYears();
    }).observe(place);
    this.#layout();
  }

  get #month() {
    return this.grid.buckets.place(this.grid.firstVisible()).month;
  }

  #layout() {
    const { buckets, arrangement, viewport } = this.grid;
    this.element.hidden = arrangement.height < 1.5 * viewport.height;
    this.element.parentElement.classList.toggle("has-scrubber", !this.element.hidden);
    this.thumb.setAttribute("aria-valuemax", String(buckets.months.length - 1));
    this.#shown = "";
    this.#markYears();
    this.#show();
  }

  #markYears() {
    const { buckets, arrangement } = this.grid;
    this.years.replaceChildren();
    let [year, place] = ["", -APART];
    buckets.months.forEach((month, index) => {
      const top = (arrangement.sections.tops[index] / arrangement.height) * this.#track;
      if (month.slice(0, 4) === year || top < place + APART || top > this.#track - APART) return;
      [year, place] = [month.slice(0, 4), top];
      const mark = child(this.years, "year");
      mark.textContent = year;
      mark.style.insetBlockStart = `${top}px`;
    });
  }

  #show() {
    const { months } = this.grid.buckets;
    if (!months.length) return;
    this.thumb.style.insetBlockStart = `${this.grid.viewport.part * 100}%`;
    this.#name(this.#month, months);
    this.element.classList.add("moving");
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.element.classList.remove("moving"), 1200);
  }

  /** Tell the month at the upper edge of the window. @param {number} month @param {string[]} months */
  #name(month, months) {
    if (months[month] === this.#shown) return;
    this.#shown = months[month];
    this.label.textContent = shortMonthName(months[month]);
    this.thumb.setAttribute("aria-valuenow", String(month));
    this.thumb.setAttribute("aria-valuetext", monthName(months[month]));
  }

  #grab(event) {
    this.#isDragging = true;
    this.element.setPointerCapture(event.pointerId);
    this.element.classList.add("dragging");
    this.thumb.focus({ preventScroll: true });
    event.preventDefault();
    this.#drag(event);
  }

  #drag(event) {
    const box = this.element.getBoundingClientRect();
    const part = (event.clientY - box.top) / box.height;
    this.grid.viewport.part = part;
  }

  #release() {
    this.#isDragging = false;
    this.element.classList.remove("dragging");
  }

  #key(event) {
    const { months } = this.grid.buckets;
    const to = this.#target(event.key, this.#month, months);
    if (to === null) return;
    event.preventDefault();
    const month = Math.min(Math.max(to, 0), months.length - 1);
    this.grid.scrollToMonth(month);
  }

  /** @param {string} key @param {number} month @param {string[]} months */
  #target(key, month, months) {
    const isEarlier = (other) => other.slice(0, 4) < months[month].slice(0, 4);
    switch (key) {
      case "ArrowDown":
      case "ArrowRight":
        return month + 1;
      case "ArrowUp":
      case "ArrowLeft":
        return month - 1;
      case "PageDown": {
        const next = months.findIndex(isEarlier);
        return next < 0 ? months.length - 1 : next;
      }
      case "PageUp": {
        const year = String(Number(months[month].slice(0, 4)) + 1);
        const found = months.findIndex((other) => other.slice(0, 4) === year);
        return found < 0 ? 0 : found;
      }
      case "Home":
        return 0;
      case "End":
        return months.length - 1;
      default:
        return null;
    }
  }
}

/** @param {HTMLElement} parent @param {string} name */
function child(parent, name) {
  const element = document.createElement("div");
  element.className = name;
  parent.append(element);
  return element;
}
