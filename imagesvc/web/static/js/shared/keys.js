/** The list of keyboard shortcuts. */

import { html } from "../vendor.js";
import { closeButton, openDialog } from "./dialog.js";
import { t } from "./texts.js";

/** Each with its keys, and when it can be used. */
const TIMELINE = [
  [["←", "→", "↑", "↓"], () => t("keys.move")],
  [["Page ↑", "Page ↓", "Home", "End"], () => t("keys.jump")],
  [["Enter"], () => t("keys.open")],
  [["X"], () => t("keys.select")],
  [["Shift", "←", "→"], () => t("keys.range")],
  [["Ctrl", "A"], () => t("keys.select_all")],
];
const VIEWER = [
  [["←", "→"], () => t("keys.next")],
  [["Z"], () => t("keys.zoom")],
  [["I"], () => t("keys.info")],
  [["F"], () => t("keys.favourite")],
  [["D"], () => t("keys.download")],
  [["S"], () => t("keys.slideshow")],
  [["Del"], () => t("keys.trash")],
];
const EVERYWHERE = [
  [["U"], () => t("keys.upload")],
  [["Esc"], () => t("keys.close")],
  [["?"], () => t("keys.title")],
];

const list = (title, rows) => html`<h3>${title}</h3>
  <dl class="keys">${rows.map(([keys, text]) => html`<dt>${keys.map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${text()}</dd>`)}</dl>`;

/** Show the list in a dialog. */
export function showKeys() {
  openDialog(
    t("keys.title"),
    () => html`${list(t("timeline.title"), TIMELINE)} ${list(t("viewer.title"), VIEWER)}
      ${list(t("keys.everywhere"), EVERYWHERE)} ${closeButton()}`,
  );
}
