/** A new link, which is shown once: to copy, to send, and as a QR code. */

import { html, nothing } from "../vendor.js";
import { copied } from "../shared/clipboard.js";
import { closeButton, openDialog } from "../shared/dialog.js";
import { loaded } from "../shared/loading.js";
import { loadStyle } from "../shared/styles.js";
import { t } from "../shared/texts.js";
import { qrCode } from "./qr.js";

/**
 * Show a link until the user closes it.
 * @param {string} link As the API has it: without a host, if the service does not know its own.
 */
export async function showLink(link) {
  if (!(await loaded(loadStyle("css/sharing.css")))) return;
  const { href, hostname } = new URL(link, location.href);
  const dialog = openDialog(t("sharing.made"), (made) => content(href, isOfThisMachine(hostname), made), { className: "new-link" });
  /** @type {HTMLButtonElement} */ (dialog.querySelector(".primary")).focus();
  await new Promise((resolve) => dialog.addEventListener("close", resolve));
}

/** Whether only programs of the same machine reach a host. @param {string} name */
function isOfThisMachine(name) {
  return name === "localhost" || name.endsWith(".localhost") || name === "[::1]" || /^127(\.\d+){3}$/.test(name);
}

function content(href, isLocal, dialog) {
  const copy = async ({ currentTarget: button }) => {
    if (await copied(href, dialog)) button.textContent = t("sharing.copied");
    else dialog.querySelector("input").select();
  };
  const send = html`<button class="button" type="button" @click=${() => navigator.share({ url: href }).catch(() => {})}>
    ${t("sharing.send")}</button>`;
  return html`<p class="dialog-text">${t("sharing.once")}</p>
    <div class="new-link-row">
      <input readonly .value=${href} dir="ltr" aria-label=${t("sharing.link")} @focus=${({ target }) => target.select()}>
      <button class="button primary" type="button" aria-live="polite" @click=${copy}>${t("sharing.copy")}</button>
      ${navigator.share ? send : nothing}
    </div>
    ${isLocal ? html`<p class="new-link-warning" role="note">${t("sharing.local")}</p>` : nothing}
    <div class="qr" role="img" aria-label=${t("sharing.qr")}>${qrCode(href)}</div>
    ${closeButton()}`;
}
