/** The dialog that shows a new secret, once. */

import { html } from "../vendor.js";
import { copied } from "../shared/clipboard.js";
import { closeButton, openDialog } from "../shared/dialog.js";
import { t } from "../shared/texts.js";

/** @param {string} title @param {string} secret */
export function showSecret(title, secret) {
  const copy = async (event) => {
    const button = event.currentTarget;
    if (await copied(secret, button.closest("dialog"))) button.textContent = t("account.copied");
  };
  openDialog(
    title,
    () => html`<p class="panel-note">${t("account.shown_once")}</p>
      <p class="secret"><code>${secret}</code></p>
      <div class="dialog-buttons">${closeButton()}
        <button class="button primary" type="button" @click=${copy}>${t("account.copy")}</button></div>`,
    { className: "secret-dialog" },
  );
}
