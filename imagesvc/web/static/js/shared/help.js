/** The button and the key that show the list of keyboard shortcuts, which is loaded then. */

import { isTaken } from "../timeline/keys.js";
import { loaded } from "./loading.js";

/** @param {Parameters<typeof import("./keys.js").showKeys>[0]} [sections] */
export function listenToHelp(sections) {
  const show = async () => {
    const keys = await loaded(import("./keys.js"));
    keys?.showKeys(sections);
  };
  const button = /** @type {HTMLButtonElement} */ (document.getElementById("help"));
  button.addEventListener("click", show);
  button.disabled = false;
  addEventListener("keydown", (event) => {
    if (event.key === "?" && !isTaken(event)) show();
  });
}
