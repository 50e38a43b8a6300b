/** What can be done with selected pictures, an entry each; the bar and the list of keys are made from it. */

import { loaded } from "../shared/loading.js";
import { page } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { chooseCover, markFavourites, takeOut, trash } from "./simple.js";

/** @typedef {import("./selected.js").Selected} Selected */

/**
 * @typedef {object} Action
 * @property {string} name
 * @property {string} icon The line of the icon, in a square of 24.
 * @property {() => string} text
 * @property {string} [key] A value of `KeyboardEvent.key`.
 * @property {boolean} [needsAccounts] Whether it means nothing without users.
 * @property {boolean} [isReading] Whether it is offered for pictures of others, too.
 * @property {(selected: Selected) => boolean} [isFor] Whether it is offered; always if absent.
 * @property {(selected: Selected) => Promise<unknown>} run Its errors are shown as messages.
 */

const HEART = "M12 19.5S4 14.9 4 9.4A4.3 4.3 0 0 1 12 7a4.3 4.3 0 0 1 8 2.4c0 5.500-8 10.100-8 10.100z";
const TAG = "M4 5.500v6l8.500 8.500 7.500-7.500L11.500 4h-6A1.500 1.500 0 0 0 4 5.500zM8 8h.01";
const EYE = "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 9.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z";
const CALENDAR = "M4.500 6.500h15v13h-15zM4.500 10.500h15M8.500 4v4M15.500 4v4";
const FOLDER = "M3.500 18V6.500h6l2 2.500h9v9zM12 11v5m-2.500-2.500h5";
const FOLDER_OUT = "M3.500 18V6.500h6l2 2.500h9v9zM9.500 13.500h5";
const COVER = "M3.500 5.500h17v13h-17zM3.500 16l5-5 4 4 2-2 6 5M15.500 9h.01";
const ARCHIVE = "M12 4v11m-4.500-4.500L12 15l4.500-4.500M5 19.500h14";
export const SHARE = "M8.200 13.400l7.600 4.200M15.800 6.400L8.200 10.600M20 5a2.400 2.400 0 1 1-4.800 0A2.400 2.400 0 0 1 20 5zM8.500 12a2.400 2.400 0 1 1-4.800 0 2.400 2.400 0 0 1 4.800 0zM20 19a2.400 2.400 0 1 1-4.800 0A2.400 2.400 0 0 1 20 19z";
const BIN = "M5 7h14M9.500 7V5h5v2m-7.500 0l.8 12h8.400l.8-12m-5.700 4v5m3-5v5";

/** @type {Action[]} */
const ALL = [
  { name: "favourite", icon: HEART, text: () => t("selection.favourite"), run: markFavourites },
  { name: "tags", icon: TAG, text: () => t("selection.tags"), key: "t", run: async (it) => (await loaded(import("./tags.js")))?.editTags(it) },
  { name: "visibility", icon: EYE, text: () => t("selection.visibility"), key: "v", needsAccounts: true, run: async (it) => (await loaded(import("./visibility.js")))?.editVisibility(it) },
  { name: "date", icon: CALENDAR, text: () => t("selection.date"), run: async (it) => (await loaded(import("./date.js")))?.editDate(it) },
  { name: "collection", icon: FOLDER, text: () => t("selection.collect"), key: "c", run: async (it) => (await loaded(import("./collect.js")))?.collect(it) },
  { name: "take-out", icon: FOLDER_OUT, text: () => t("selection.take_out"), isFor: (it) => it.collection !== null, run: takeOut },
  { name: "cover", icon: COVER, text: () => t("selection.cover"), isFor: (it) => it.collection !== null && it.count === 1, run: chooseCover },
  { name: "archive", icon: ARCHIVE, text: () => t("selection.archive"), isReading: true, run: async (it) => (await loaded(import("./archive.js")))?.archive(it) },
  { name: "share", icon: SHARE, text: () => t("sharing.share"), key: "s", run: async (it) => (await loaded(import("../sharing/share.js")))?.shareSelected(it) },
  { name: "trash", icon: BIN, text: () => t("selection.trash"), key: "Delete", run: trash },
];

export const ACTIONS = ALL.filter(({ needsAccounts }) => !needsAccounts || page.has_accounts);

/** The name of a key, as it stands on it. @param {string} key */
export function keyName(key) {
  return key === "Delete" ? "Del" : key.toUpperCase();
}
