/** What can be done with selected pictures, an entry each; the bar and the list of keys are made from it. */

import { ARCHIVE, BIN, CALENDAR, CHECK, COVER, EYE, FOLDER, FOLDER_OUT, HEART, SHARE, TAG } from "../icons/lines.js";
import { loaded } from "../shared/loading.js";
import { page } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { WAITING } from "../timeline/buckets.js";
import { accept, chooseCover, markFavourites, takeOut, trash } from "./simple.js";

/** @typedef {import("./selected.js").Selected} Selected */

/**
 * @typedef {object} Action
 * @property {string} name
 * @property {string} icon The line of the icon, in a square of 24.
 * @property {() => string} text
 * @property {() => string} [short] Where there is little room.
 * @property {string} [key] A value of `KeyboardEvent.key`.
 * @property {boolean} [needsAccounts] Whether it means nothing without users.
 * @property {boolean} [isReading] Whether it is offered for pictures of others, too.
 * @property {(selected: Selected) => boolean} [isFor] Whether it is offered; always if absent.
 * @property {(selected: Selected) => Promise<unknown>} run Its errors are shown as messages.
 */

/** @type {Action[]} */
const ALL = [
  { name: "accept", icon: CHECK, text: () => t("selection.accept"), short: () => t("selection.short_accept"), key: "a", isFor: (it) => it.flags.some((flags) => Boolean(flags & WAITING)), run: accept },
  { name: "favourite", icon: HEART, text: () => t("selection.favourite"), short: () => t("selection.short_favourite"), run: markFavourites },
  { name: "tags", icon: TAG, text: () => t("selection.tags"), short: () => t("selection.short_tags"), key: "t", run: async (it) => (await loaded(import("./tags.js")))?.editTags(it) },
  { name: "visibility", icon: EYE, text: () => t("selection.visibility"), short: () => t("selection.short_visibility"), key: "v", needsAccounts: true, run: async (it) => (await loaded(import("./visibility.js")))?.editVisibility(it) },
  { name: "date", icon: CALENDAR, text: () => t("selection.date"), short: () => t("selection.short_date"), run: async (it) => (await loaded(import("./date.js")))?.editDate(it) },
  { name: "collection", icon: FOLDER, text: () => t("selection.collect"), short: () => t("selection.short_collection"), key: "c", run: async (it) => (await loaded(import("./collect.js")))?.collect(it) },
  { name: "take-out", icon: FOLDER_OUT, text: () => t("selection.take_out"), short: () => t("selection.short_take_out"), isFor: (it) => it.collection !== null, run: takeOut },
  { name: "cover", icon: COVER, text: () => t("selection.cover"), short: () => t("selection.short_cover"), isFor: (it) => it.collection !== null && it.count === 1, run: chooseCover },
  { name: "archive", icon: ARCHIVE, text: () => t("selection.archive"), short: () => t("selection.short_archive"), isReading: true, run: async (it) => (await loaded(import("./archive.js")))?.archive(it) },
  { name: "share", icon: SHARE, text: () => t("sharing.share"), short: () => t("selection.short_share"), key: "s", run: async (it) => (await loaded(import("../sharing/share.js")))?.shareSelected(it) },
  { name: "trash", icon: BIN, text: () => t("selection.trash"), short: () => t("selection.short_trash"), key: "Delete", run: trash },
];

export const ACTIONS = ALL.filter(({ needsAccounts }) => !needsAccounts || page.has_accounts);
