/** Modules that are loaded when they are first needed. */

import { say } from "./messages.js";
import { t } from "./texts.js";

/**
 * What is being loaded; null, after a message, if it could not be: browsers may not try again.
 * @template T
 * @param {Promise<T>} loading
 * @returns {Promise<T | null>}
 */
export async function loaded(loading) {
  try {
    return await loading;
  } catch {
    say(t("common.not_loaded"), { action: t("common.reload"), onAction: () => location.reload() });
    return null;
  }
}

/**
 * A viewer and its styles, which are being loaded; null if they could not be, or the user pressed Esc meanwhile.
 * @template {{loadStyles: () => Promise<boolean>}} T
 * @param {Promise<T>} loading
 * @returns {Promise<T | null>}
 */
export async function loadedViewer(loading) {
  let isLeft = false;
  const leave = ({ key }) => { isLeft ||= key === "Escape"; };
  addEventListener("keydown", leave);
  const module = await loaded(loading);
  const hasStyles = await module?.loadStyles();
  removeEventListener("keydown", leave);
  return hasStyles && !isLeft ? module : null;
}
