/** The list of keyboard shortcuts. */

import { html } from "../vendor.js";
import { keyName } from "../icons/button.js";
import { ACTIONS } from "../selection/actions.js";
import { closeButton, openDialog } from "./dialog.js";
import { loaded } from "./loading.js";
import { page } from "./page.js";
import { loadStyle } from "./styles.js";
import { t } from "./texts.js";

export { keyName };

const SEARCH = [["/"], () => t("keys.search")];
/** Each with its keys, and when it can be used. */
export const GRID = [
  [["←", "→", "↑", "↓"], () => t("keys.move")],
  [["Page ↑", "Page ↓", "Home", "End"], () => t("keys.jump")],
  [["Enter"], () => t("keys.open")],
  [["X"], () => t("keys.select")],
  [["Shift", "←", "→"], () => t("keys.range")],
  [["Ctrl", "A"], () => t("keys.select_all")],
];
const SELECTION = ACTIONS.filter(({ key }) => key).map(({ key, text }) => [[keyName(key)], text]);
/** In every viewer. */
export const PLAIN_VIEWER = [
  [["←", "→"], () => t("keys.next")],
  [["Z"], () => t("keys.zoom")],
  [["S"], () => t("keys.slideshow")],
];
const VIEWER = [
  ...PLAIN_VIEWER,
  [["I"], () => t("keys.info")],
  [["F"], () => t("keys.favourite")],
  [["A"], () => t("viewer.accept")],
  [["D"], () => t("keys.download")],
  [["B"], () => t("keys.builder")],
  [["Del"], () => t("keys.trash")],
];
const EVERYWHERE = [
  ...(page.uploads ? [[["U"], () => t("keys.upload")]] : []),
  [["Esc"], () => t("keys.close")],
  [["?"], () => t("keys.title")],
];

const list = (title, rows) => html`<h3>${title}</h3>
  <dl class="keys">${rows.map(([keys, text]) => html`<dt>${keys.map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${text()}</dd>`)}</dl>`;

/** The sections of the timeline: a title, and keys with what they do. */
export const TIMELINE = () => [[t("timeline.title"), [SEARCH, ...GRID]], [t("selection.title"), SELECTION], [t("viewer.title"), VIEWER]];

/** Show the list in a dialog. @param {[title: string, rows: typeof GRID][]} sections */
export async function showKeys(sections) {
  if (!(await loaded(loadStyle("css/keys.css")))) return;
  const dialog = openDialog(
    t("keys.title"),
    () => html`${sections.map(([title, rows]) => list(title, rows))}
      ${list(t("keys.everywhere"), EVERYWHERE)} ${closeButton()}`,
  );
  dialog.tabIndex = -1;
  dialog.focus();
  dialog.scrollTop = 0; // It was scrolled to the button below the list.
}
