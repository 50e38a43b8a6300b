/** The rows of the tray outlast the page, in its tab: finished ones, and those that the page lost. */

import { isEnded } from "./items.js";
import { NAME } from "./remembered.js";

const MAX_ROWS = 300;
/** Of these, nothing is known in another page. */
const LEFT_OUT = { file: null, twin: null, sent: 0, version: 0 };

/** @param {import("./items.js").Item[]} items The newest are kept if there are too many. */
export function keep(items) {
  try {
    if (!items.length) sessionStorage.removeItem(NAME);
    else sessionStorage.setItem(NAME, JSON.stringify(items.slice(-MAX_ROWS).map((item) => ({ ...item, ...LEFT_OUT }))));
  } catch {
    // The browser keeps nothing: the rows end with the page.
  }
}

/** The rows of earlier pages. @returns {import("./items.js").Item[]} */
export function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(NAME) ?? "[]").map(restored);
  } catch {
    return [];
  }
}

/** Addresses go on; the files of uploads that had not ended are lost. */
function restored(item) {
  if (isEnded(item)) return item;
  return { ...item, state: item.address ? "waiting" : "lost" };
}
