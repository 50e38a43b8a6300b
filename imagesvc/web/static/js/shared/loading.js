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
