/** The list of keyboard shortcuts. */

import { html, render } from "../vendor.js";
import { t } from "./texts.js";

const KEYS = [["Esc", () => t("keys.close")]];

/** Show the list in a dialog; focus returns to where it was. */
export function showKeys() {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  render(
    html`<h2>${t("keys.title")}</h2>
      <dl class="keys">${KEYS.map(([key, text]) => html`<dt><kbd>${key}</kbd></dt><dd>${text()}</dd>`)}</dl>
      <form method="dialog"><button class="button">${t("common.close")}</button></form>`,
    dialog,
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
