/** The viewer: PhotoSwipe over the pictures of the timeline, which are loaded as they come near. */

import { isRightToLeft, variantUrl } from "../shared/page.js";
import { t, timeName } from "../shared/texts.js";
import { addButtons } from "./buttons.js";
import { findImage, nameOf, takenOf } from "./images.js";
import { InfoPanel } from "./info.js";
import { listenToKeys } from "./keys.js";
import { showOriginals } from "./original.js";
import { Slideshow } from "./slideshow.js";
import { Swipe, usualOptions } from "./swipe.js";

/** The width of the panel of information. */
const PANEL = 380;
/** Narrower windows show the panel below the picture, with this part of their height. */
const WIDE = 900;
const LOW_PANEL = 0.62;

export { loadStyles } from "./swipe.js";

/** @typedef {{onChange: (id: string) => void, onClose: () => void}} Listeners */

export class Viewer {
  /**
   * @param {import("../timeline/grid.js").Grid | null} grid None for a picture alone.
   * @param {Record<string, any> | null} image The metadata of that picture.
   * @param {Listeners} listeners
   */
  constructor(grid, image, listeners) {
    this.grid = grid;
    this.image = image;
    this.listeners = listeners;
    this.isLeft = false;
    this.swipe = new Swipe(this.#options());
    this.panel = new InfoPanel(this);
    this.slideshow = new Slideshow(this);
    this.#fill();
    addButtons(this);
    listenToKeys(this);
    showOriginals(this);
  }

  #options() {
    return { ...usualOptions(), paddingFn: (size) => this.#padding(size) };
  }

  /** Room for the panel: beside the picture, or below it. @param {{x: number, y: number}} size */
  #padding({ x, y }) {
    if (!this.panel?.isOpen) return { top: 0, bottom: 0, left: 0, right: 0 };
    if (x < WIDE) return { top: 60, bottom: LOW_PANEL * y, left: 0, right: 0 };
    const [left, right] = isRightToLeft() ? [PANEL, 0] : [0, PANEL];
    return { top: 0, bottom: 0, left, right };
  }

  #fill() {
    const { swipe, grid } = this;
    swipe.addFilter("numItems", () => grid?.buckets.total ?? 1);
    swipe.addFilter("itemData", (_data, index) => this.#item(index));
    swipe.addFilter("thumbEl", (_element, _data, index) => grid?.tiles.get(index)?.image ?? null);
    swipe.on("change", () => this.#changed());
    swipe.on("destroy", () => this.#destroyed());
    swipe.on("afterInit", () => swipe.element.setAttribute("aria-label", t("viewer.title")));
  }

  /** What PhotoSwipe shows: a picture, or nothing until it is known. @param {number} index */
  #item(index) {
    const picture = this.#picture(index);
    if (!picture) {
      this.grid.buckets.need(index).then(() => this.swipe.refreshSlideContent(index), () => {});
      return { type: "html", html: "" };
    }
    return {
      type: "image",
      id: picture.id,
      src: variantUrl(picture.id, ["viewer", "preview"], "w=2048&h=2048"),
      msrc: this.grid?.tiles.get(index)?.image.currentSrc || undefined,
      width: picture.width,
      height: picture.height,
      alt: t("timeline.picture", { time: timeName(picture.taken) }),
      thumbCropped: true,
    };
  }

  #picture(index) {
    if (this.image && !this.grid) return { ...this.image, taken: takenOf(this.image) };
    return this.grid.buckets.has(index) ? this.grid.buckets.picture(index) : null;
  }

  /** @param {number} index */
  open(index) {
    this.swipe.options.index = index;
    this.swipe.init();
  }

  get isOpen() {
    return this.swipe.isOpen;
  }

  close() {
    this.isLeft = true;
    this.swipe.close();
  }

  /** The index of the picture that is shown. */
  get index() {
    return this.swipe.currIndex;
  }

  /** The id of the picture that is shown, if it is known. @returns {string | undefined} */
  get id() {
    return this.#picture(this.index)?.id;
  }

  /** Its metadata. */
  details() {
    return this.id ? findImage(this.id) : Promise.reject(new Error("not loaded"));
  }

  /** Show another picture. @param {number} step -1 or 1. @returns {boolean} Whether there is one. */
  step(step) {
    const target = this.index + step;
    if (target < 0 || target >= this.swipe.getNumItems()) return false;
    this.swipe.goTo(target);
    return true;
  }

  /** Show the picture that is now at an index, after one was removed or put back. @param {number} at */
  showAgain(at) {
    const left = this.grid?.buckets.total ?? 0;
    if (!left) {
      this.close();
      return;
    }
    const index = Math.min(Math.max(at, 0), left - 1);
    for (const near of [index - 1, index, index + 1]) this.swipe.refreshSlideContent(near);
    if (index === this.index) this.#changed();
    else this.swipe.goTo(index);
  }

  async #changed() {
    const { index } = this;
    if (this.grid) await this.grid.buckets.need(index);
    if (this.isLeft || index !== this.index || !this.id) return;
    this.listeners.onChange(this.id);
    this.panel.update();
    this.#describe();
  }

  /** Let screen readers name the picture. */
  async #describe() {
    const { currSlide: slide } = this.swipe;
    const image = await this.details().catch(() => null);
    if (image?.id === slide?.data.id && slide?.content.element) slide.content.element.alt = nameOf(image);
  }

  #destroyed() {
    this.slideshow.stop();
    this.panel.close();
    this.listeners.onClose();
    this.grid?.focus(Math.min(this.index, this.grid.buckets.total - 1));
  }
}
