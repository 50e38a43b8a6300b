/** The region that is cut out, drawn on the whole picture: by a pointer, or by arrows. */

import { html, nothing, svg } from "../vendor.js";
import { variantUrl } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { dragged, moved, resized, START } from "./rectangles.js";
import { fractionsOf, regionText } from "./region.js";

/** @typedef {import("./rectangles.js").Rectangle} Rectangle */

const KEY = "crop";
const STEP = 0.01;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Cropping {
  isOn = false;
  /** What is drawn while the pointer is down. @type {Rectangle | null} */
  #draft = null;
  /** Makes the rectangle of a place of the pointer. @type {((x: number, y: number) => Rectangle) | null} */
  #drag = null;

  /**
   * @param {Record<string, any>} image
   * @param {import("./values.js").Values} values
   * @param {() => void} draw
   */
  constructor(image, values, draw) {
    Object.assign(this, { image, values, draw });
  }

  /** Begin or end drawing; the focus is at the picture, and at the button afterwards. */
  toggle() {
    this.isOn = !this.isOn;
    this.draw();
    document.querySelector(this.isOn ? ".crop-area" : ".build-draw")?.focus({ preventScroll: true });
  }

  get #rectangle() {
    return this.#draft ?? fractionsOf(this.values.get(KEY), this.image);
  }

  /** @param {Rectangle} rectangle */
  #set(rectangle) {
    this.#draft = null;
    this.values.set(KEY, regionText(rectangle, this.image));
  }

  /** The whole picture with the region on it. */
  template() {
    const { id, width, height } = this.image;
    const source = variantUrl(id, ["viewer", "preview"], "w=2048&h=2048");
    return html`<div class="crop-area" role="application" tabindex="0" aria-label=${t("builder.crop_area")} aria-describedby="crop-hint"
        @keydown=${(event) => this.#onKey(event)} @pointerdown=${(event) => this.#begin(event)} @pointermove=${(event) => this.#move(event)}
        @pointerup=${() => this.#end()} @pointercancel=${() => this.#end()}>
      <img src=${source} width=${width} height=${height} alt="" draggable="false">
      <svg viewBox="0 0 ${width} ${height}" aria-hidden="true">${this.#shape()}</svg>
    </div>`;
  }

  #shape() {
    const rectangle = this.#rectangle;
    if (!rectangle) return nothing;
    const { width, height } = this.image;
    const [x, y, w, h] = rectangle.map((part, at) => part * (at % 2 ? height : width));
    return svg`<path class="crop-rest" fill-rule="evenodd" d="M0 0H${width}V${height}H0zM${x} ${y}h${w}v${h}h${-w}z"></path>
      <rect class="crop-line" x=${x} y=${y} width=${w} height=${h}></rect>`;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      this.toggle();
    }
    const direction = ARROWS[event.key];
    if (!direction || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [across, down] = direction.map((sign) => sign * STEP);
    const change = event.shiftKey ? resized : moved;
    this.#set(change(this.#rectangle ?? START, across, down));
  }

  /** @param {PointerEvent} event */
  #begin(event) {
    if (event.button) return;
    const area = /** @type {Element} */ (event.currentTarget);
    area.setPointerCapture(event.pointerId);
    this.#drag = dragged(this.#rectangle, ...placeIn(area, event));
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (!this.#drag) return;
    this.#draft = this.#drag(...placeIn(/** @type {Element} */ (event.currentTarget), event));
    this.draw();
  }

  #end() {
    this.#drag = null;
    if (this.#draft) this.#set(this.#draft);
  }
}

/** Where a pointer is, in fractions of the sides. @param {Element} area @param {PointerEvent} event @returns {[number, number]} */
function placeIn(area, { clientX, clientY }) {
  const { left, top, width, height } = area.getBoundingClientRect();
  const within = (value) => Math.min(Math.max(value, 0), 1);
  return [within((clientX - left) / width), within((clientY - top) / height)];
}
