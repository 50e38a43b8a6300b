/** The keyboard in the builder. */

import { loaded } from "../shared/loading.js";
import { isTaken } from "../timeline/keys.js";
import { t } from "../shared/texts.js";

const ROWS = [
  [["↑", "↓"], () => t("keys.nudge")],
  [["Shift", "↑", "↓"], () => t("keys.nudge_far")],
  [["C"], () => t("builder.copy")],
  [["R"], () => t("builder.reset")],
  [["B"], () => t("builder.back")],
];

/** Fields that take no letters. */
const CONTROLS = "input[type=range], input[type=checkbox], input[type=radio]";

export async function showKeys() {
  const keys = await loaded(import("../shared/keys.js"));
  keys?.showKeys([[t("builder.title"), ROWS]]);
}

/** @param {Record<string, () => void>} actions By key. */
export function listenToKeys(actions) {
  addEventListener("keydown", (event) => {
    const isControl = /** @type {Element} */ (event.target).matches(CONTROLS);
    if ((isTaken(event) && !isControl) || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = { "?": showKeys, ...actions }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
