/** The button and the key that show the list of keyboard shortcuts, which is loaded then. */

import { isTaken } from "../timeline/keys.js";
import { loaded } from "./loading.js";

/** @typedef {typeof import("./keys.js")} Keys */

/** @param {(keys: Keys) => Parameters<Keys["showKeys"]>[0]} sectionsOf Made when they are shown. */
export function listenToHelp(sectionsOf) {
  const show = async () => {
    const keys = await loaded(import("./keys.js"));
    keys?.showKeys(sectionsOf(keys));
  };
  const button = /** @type {HTMLButtonElement} */ (document.getElementById("help"));
  button.addEventListener("click", show);
  button.disabled = false;
  addEventListener("keydown", (event) => {
    if (event.key === "?" && !isTaken(event)) show();
  });
}
