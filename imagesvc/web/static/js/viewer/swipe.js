/** What all viewers have in common: the style sheets, options and buttons of PhotoSwipe. */

import { loaded } from "../shared/loading.js";
import { loadStyle } from "../shared/styles.js";
import { t } from "../shared/texts.js";
import { icon } from "./icons.js";

const STYLES = ["vendor/photoswipe/photoswipe.css", "css/viewer.css"];

/** Load the style sheets of the viewer, without which PhotoSwipe measures wrongly; null on failure. */
export function loadStyles() {
  return loaded(Promise.all(STYLES.map(loadStyle)));
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
 * @param {import("../../vendor/photoswipe/photoswipe.esm.min.js").default} swipe
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
