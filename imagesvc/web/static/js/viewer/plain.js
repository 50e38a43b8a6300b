/** A viewer without information and changes: PhotoSwipe over some pictures, with a slideshow. */

import { t } from "../shared/texts.js";
import { listenToKeys } from "./keys.js";
import { Slideshow } from "./slideshow.js";
import { Swipe, registerButtons, usualOptions } from "./swipe.js";

export { loadStyles } from "./swipe.js";

/** What the history has of a page with a viewer. */
const STATE = { isViewer: true };

/**
 * @typedef {object} Pictures What a viewer shows.
 * @property {() => number} count
 * @property {(index: number) => {src: string, width: number, height: number, alt: string} | null} item
 *   Null if it has not been loaded.
 * @property {(index: number) => Promise<void>} load
 * @property {(index: number) => HTMLImageElement | null} thumbnail
 * @property {(index: number) => string} [caption] What is shown below a picture.
 * @property {(index: number) => void} left The viewer was closed at this picture.
 */

export class PlainViewer {
  /**
   * @param {Pictures} pictures
   * @param {(viewer: PlainViewer) => [name: string, title: string, onClick: () => void][]} buttons
   */
  constructor(pictures, buttons) {
    this.pictures = pictures;
    this.swipe = new Swipe(usualOptions());
    this.slideshow = new Slideshow(this);
    this.#fill();
    registerButtons(this.swipe, [
      ["slideshow", t("viewer.slideshow"), () => this.slideshow.toggle()],
      ...buttons(this),
    ]);
    if (pictures.caption) this.#addCaption();
    listenToKeys(this);
  }

  /** Text below the pictures. */
  #addCaption() {
    const { swipe, pictures } = this;
    const show = (element) => {
      element.textContent = pictures.caption(swipe.currIndex);
      element.hidden = !element.textContent;
    };
    const onInit = (element) => {
      swipe.on("change", () => show(element));
      show(element);
    };
    swipe.on("uiRegister", () => swipe.ui.registerElement({ name: "caption", appendTo: "root", order: 9, onInit }));
  }

  #fill() {
    const { swipe, pictures } = this;
    swipe.addFilter("numItems", () => pictures.count());
    swipe.addFilter("itemData", (_data, index) => this.#item(index));
    swipe.addFilter("thumbEl", (_element, _data, index) => pictures.thumbnail(index));
    swipe.on("afterInit", () => swipe.element.setAttribute("aria-label", t("viewer.title")));
    swipe.on("destroy", () => this.#closed());
  }

  #closed() {
    this.slideshow.stop();
    removeEventListener("popstate", this.#back);
    const restore = () => (history.scrollRestoration = "auto");
    if (history.state?.isViewer) {
      addEventListener("popstate", restore, { once: true });
      history.back();
    } else restore();
    this.pictures.left(this.swipe.currIndex);
  }

  #back = () => this.swipe.close();

  /** @param {number} index */
  #item(index) {
    const item = this.pictures.item(index);
    if (!item) {
      this.pictures.load(index).then(() => this.swipe.refreshSlideContent(index), () => {});
      return { type: "html", html: "" };
    }
    const msrc = this.pictures.thumbnail(index)?.currentSrc || undefined;
    return { type: "image", msrc, thumbCropped: true, ...item };
  }

  /** Open it at a picture, unless another one is open; going back closes it. @param {number} index */
  open(index) {
    if (document.querySelector(".pswp")) return; // The second click of a double one.
    history.scrollRestoration = "manual"; // The page scrolls to the picture that is left.
    history.pushState(STATE, "");
    addEventListener("popstate", this.#back);
    this.swipe.options.index = index;
    this.swipe.init();
  }

  get index() {
    return this.swipe.currIndex;
  }

  /** Show another picture. @param {number} step -1 or 1. @returns {boolean} Whether there is one. */
  step(step) {
    const target = this.index + step;
    if (target < 0 || target >= this.pictures.count()) return false;
    this.swipe.goTo(target);
    return true;
  }

  /** Show the picture that is now at the index of one that was removed; close it if there is none. */
  showNext() {
    const left = this.pictures.count();
    if (!left) {
      this.swipe.close();
      return;
    }
    const index = Math.min(this.index, left - 1);
    for (const near of [index - 1, index, index + 1]) this.swipe.refreshSlideContent(near);
    if (index !== this.index) this.swipe.goTo(index);
  }
}
