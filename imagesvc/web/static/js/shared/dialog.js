/** Dialogs: they keep the focus while they are open, and give it back. */

import { html, render } from "../vendor.js";
import { t } from "./texts.js";

/**
 * Show a modal dialog with a title; Esc closes it, and it is removed then.
 * @param {string} title
 * @param {(dialog: HTMLDialogElement) => unknown} content A template of lit-html, shown below the title.
 * @param {{className?: string, parent?: Element}} [options] The parent is the viewer if one is open: it keeps the
 *   focus inside.
 */
export function openDialog(title, content, { className = "", parent = document.querySelector(".pswp") ?? document.body } = {}) {
  const dialog = document.createElement("dialog");
  dialog.className = `dialog ${className}`;
  dialog.setAttribute("aria-label", title);
  dialog.addEventListener("close", () => dialog.remove());
  render(html`<h2>${title}</h2>${content(dialog)}`, dialog);
  parent.append(dialog);
  dialog.showModal();
  return dialog;
}

/** The button that closes the dialog that it stands in. */
export const closeButton = () =>
  html`<form method="dialog"><button class="button">${t("common.close")}</button></form>`;
