/** Tiles: a link with a picture and a check mark, made from a template. */

import { url, variantUrl } from "../shared/page.js";
import { t, timeName } from "../shared/texts.js";
import { ANIMATED, FAILED, FAVOURITE, WAITING } from "./buckets.js";
import { averageColour, drawSoon } from "./placeholders.js";

const template = document.createElement("template");
template.innerHTML = `
<div class="tile" role="listitem">
  <a draggable="false" tabindex="-1"><canvas aria-hidden="true"></canvas><img alt="" draggable="false" decoding="async"></a>
  <button class="check" type="button" role="checkbox" aria-checked="false" tabindex="-1"><svg viewBox="0 0 24 24" aria-hidden="true"><path class="line" d="M6.5 12.5l3.7 3.7 7.3-8"/></svg></button>
</div>`;

const BADGES = [
  [FAVOURITE, "favourite", () => t("timeline.favourite")],
  [ANIMATED, "animated", () => t("timeline.animated")],
  [FAILED, "failed", () => t("timeline.job_failed")],
  [WAITING, "waiting", () => t("timeline.waiting")],
];

/** One tile in the document. */
export class Tile {
  #stopDrawing = () => {};
  #tries = 0;

  /** @param {ReturnType<import("./buckets.js").Buckets["picture"]> & {note?: string}} picture */
  constructor(picture) {
    this.id = picture.id;
    this.hash = picture.thumbhash;
    this.element = /** @type {HTMLElement} */ (template.content.firstElementChild.cloneNode(true));
    [this.link, this.check] = this.element.children;
    [this.canvas, this.image] = this.link.children;
    this.link.href = url(`/view/${picture.id}`);
    this.image.alt = t("timeline.picture", { time: timeName(picture.taken) });
    this.check.setAttribute("aria-label", t("timeline.select", { time: timeName(picture.taken) }));
    if (this.hash) this.element.style.backgroundColor = averageColour(this.hash);
    this.setFlags(picture.flags);
    if (picture.note) this.#note(picture.note);
  }

  /** Show a text at the lower edge. @param {string} text */
  #note(text) {
    const note = document.createElement("span");
    note.className = "badge note";
    note.textContent = text;
    this.element.append(note);
  }

  /** @param {number} top @param {number} left @param {number} width @param {number} height */
  place(top, left, width, height) {
    const { style } = this.element;
    style.insetBlockStart = `${top}px`;
    style.insetInlineStart = `${left}px`;
    style.inlineSize = `${width}px`;
    style.blockSize = `${height}px`;
  }

  /** @param {number} index @param {number} within Its place in the month. @param {number} count Pictures of the month. */
  move(index, within, count) {
    this.index = index;
    this.element.dataset.index = String(index);
    this.element.setAttribute("aria-posinset", String(within + 1));
    this.element.setAttribute("aria-setsize", String(count));
  }

  /** @param {boolean} isSelected */
  select(isSelected) {
    this.element.classList.toggle("selected", isSelected);
    this.check.setAttribute("aria-checked", String(isSelected));
  }

  /** @param {number} flags */
  setFlags(flags) {
    this.element.querySelectorAll(".badge:not(.note)").forEach((badge) => badge.remove());
    for (const [flag, name, text] of BADGES) {
      if (!(flags & flag)) continue;
      const badge = document.createElement("span");
      badge.className = `badge ${name}`;
      badge.textContent = text();
      this.element.append(badge);
    }
  }

  get hasSource() {
    return this.image.hasAttribute("src");
  }

  /** Load the picture; its ThumbHash is drawn until then. */
  load() {
    if (this.hasSource) return;
    if (this.hash) this.#stopDrawing = drawSoon(this.canvas, this.hash);
    this.image.onload = () => this.#loaded();
    this.image.onerror = () => this.#failed();
    this.image.src = variantUrl(this.id, ["grid", "preview", "thumbnail"], "h=480&format=webp");
  }

  #loaded() {
    this.#stopDrawing();
    this.element.classList.add("loaded");
    this.element.querySelector(".retry")?.remove();
  }

  /** Offer to try again. */
  #failed() {
    this.#stopDrawing();
    if (this.element.querySelector(".retry")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "retry";
    button.textContent = t("timeline.reload");
    button.addEventListener("click", () => {
      button.remove();
      this.#tries++;
      const source = this.image.src.replace(/[?&]_=\d+$/, "");
      this.image.src = `${source}${source.includes("?") ? "&" : "?"}_=${this.#tries}`;
    });
    this.element.append(button);
  }

  remove() {
    this.#stopDrawing();
    this.image.onload = this.image.onerror = null;
    if (!this.image.complete) this.image.removeAttribute("src"); // Stops the request.
    this.element.remove();
  }
}

/** Mark the tile whose link has the focus of the keyboard: `:has()` would be slow. @param {HTMLElement} canvas */
export function markFocus(canvas) {
  const mark = (target, isFocused) => target.closest(".tile")?.classList.toggle("focused", isFocused);
  canvas.addEventListener("focusin", ({ target }) => mark(target, /** @type {Element} */ (target).matches("a:focus-visible")));
  canvas.addEventListener("focusout", ({ target }) => mark(target, false));
}
