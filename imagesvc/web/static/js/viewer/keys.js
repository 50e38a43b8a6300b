/** The keyboard in the viewer. */

import { isRightToLeft, url } from "../shared/page.js";

/** @param {import("./viewer.js").Viewer} viewer */
export function listenToKeys(viewer) {
  const { swipe } = viewer;
  swipe.on("keydown", (event) => {
    const key = event.originalEvent;
    const target = /** @type {Element} */ (key.target);
    if (document.querySelector("dialog[open]") || target.matches("input, textarea")) {
      event.preventDefault();
      return;
    }
    if (key.ctrlKey || key.metaKey || key.altKey) return;
    const action = actions(viewer)[key.key.length === 1 ? key.key.toLowerCase() : key.key];
    if (!action) return;
    event.preventDefault();
    key.preventDefault();
    action();
  });
}

function actions(viewer) {
  const forward = isRightToLeft() ? -1 : 1;
  const press = (name) => () => viewer.swipe.element.querySelector(`.pswp__button--${name}:not([hidden])`)?.click();
  return {
    ArrowRight: () => viewer.step(forward),
    ArrowLeft: () => viewer.step(-forward),
    i: press("info"),
    f: press("favourite"),
    a: press("accept"),
    d: press("download"),
    c: press("copy"),
    s: press("slideshow"),
    r: press("restore"),
    b: () => build(viewer),
    Delete: press("trash"),
  };
}

/** Open the URL builder; a viewer without copies, as that of the trash, has none. */
function build({ id, swipe }) {
  if (id && swipe.element.querySelector(".pswp__button--copy")) location.assign(url(`/build/${id}`));
}
