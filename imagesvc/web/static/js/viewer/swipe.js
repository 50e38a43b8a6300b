/** What all viewers have in common: PhotoSwipe with its style sheets, options and buttons. */

import PhotoSwipe from "../../vendor/photoswipe/photoswipe.esm.min.js";
import { loaded } from "../shared/loading.js";
import { loadStyle } from "../shared/styles.js";
import { t } from "../shared/texts.js";
import { icon } from "./icons.js";

/** Milliseconds after the opening in which a click on the picture is the second one of a double click. */
const DOUBLE_CLICK = 500;
const STYLES = ["vendor/photoswipe/photoswipe.css", "css/viewer.css"];

/** Load the style sheets of the viewer, without which PhotoSwipe measures wrongly; null on failure. */
export function loadStyles() {
  return loaded(Promise.all(STYLES.map(loadStyle)));
}

/**
 * PhotoSwipe that does what is asked of it while it opens, as soon as it is open. By itself it would neither close, nor
 * listen to keys, nor make room for a panel until then.
 */
export class Swipe extends PhotoSwipe {
  /** Keys that were pressed while it opens. @type {KeyboardEvent[]} */
  #early = [];

  init() {
    const isNew = super.init();
    const opened = performance.now();
    for (const action of ["imageClickAction", "bgClickAction"]) {
      this.on(action, (event) => performance.now() - opened < DOUBLE_CLICK && event.preventDefault());
    }
    if (this.opener.isOpening) addEventListener("keydown", this.#keep, true);
    this.#whenOpen(() => this.#handleKeys());
    return isNew;
  }

  close() {
    this.#whenOpen(() => super.close());
  }

  /** @param {boolean} [isForced] */
  updateSize(isForced) {
    this.#whenOpen(() => super.updateSize(isForced));
  }

  /** @param {() => void} act */
  #whenOpen(act) {
    if (this.opener.isOpening) this.on("openingAnimationEnd", act);
    else act();
  }

  /** Keep a key from the page below. */
  #keep = (event) => {
    const isOther = event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab";
    if (isOther || event.target.matches("input, textarea, select")) return;
    event.preventDefault();
    event.stopPropagation();
    this.#early.push(event);
  };

  #handleKeys() {
    removeEventListener("keydown", this.#keep, true);
    for (const event of this.#early) this.element.dispatchEvent(new KeyboardEvent("keydown", event));
  }
}

/** The options of every viewer. */
export function usualOptions() {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return {
    bgOpacity: 1,
    loop: false,
    preload: [1, 2],
    showHideAnimationType: isCalm ? "none" : "zoom",
    returnFocus: false,
    arrowKeys: false, // `keys.js` knows the direction of the text.
    errorMsg: t("viewer.failed"),
    closeSVG: icon("close"),
    zoomSVG: icon("zoom"),
    closeTitle: t("common.close"),
    zoomTitle: t("viewer.zoom"),
    arrowPrevTitle: t("viewer.previous"),
    arrowNextTitle: t("viewer.next"),
    wheelToZoom: true,
    maxZoomLevel: 4,
    secondaryZoomLevel: (level) => Math.max(1, 2 * level.fit),
  };
}

/**
 * Add buttons to the bar.
 * @param {Swipe} swipe
 * @param {[name: string, title: string, onClick: () => void][]} buttons The name is that of the icon.
 */
export function registerButtons(swipe, buttons) {
  swipe.on("uiRegister", () => {
    buttons.forEach(([name, title, onClick], index) =>
      swipe.ui.registerElement({
        name, title, ariaLabel: title, order: 11 + index, isButton: true, html: icon(name), onClick,
      }),
    );
  });
}
