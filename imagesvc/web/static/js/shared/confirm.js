/** A question before something that cannot be undone. */

import { html } from "../vendor.js";
import { openDialog } from "./dialog.js";
import { t } from "./texts.js";

/**
 * Ask in a dialog; returns whether the user agreed.
 * @param {string} title
 * @param {string} text
 * @param {string} action What the button says that agrees.
 * @returns {Promise<boolean>}
 */
export function confirmed(title, text, action) {
  return new Promise((resolve) => {
    const dialog = openDialog(title, () => content(text, action));
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
  });
}

function content(text, action) {
  return html`<p class="dialog-text">${text}</p>
    <form method="dialog" class="dialog-buttons">
      <button class="button" value="">${t("common.cancel")}</button>
      <button class="button danger" value="yes">${action}</button>
    </form>`;
}
