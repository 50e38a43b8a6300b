/** What can be done with a collection on its page, an entry each. */

import { loaded } from "../shared/loading.js";
import { url } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { SHARE } from "../selection/actions.js";

/** @typedef {import("./heading.js").Heading} Heading */

/**
 * @typedef {object} Action
 * @property {string} name
 * @property {string} icon The line of the icon, in a square of 24.
 * @property {() => string} text
 * @property {string} [key] A value of `KeyboardEvent.key`.
 * @property {boolean} [isForAll] Whether those who may not change the collection have it, too.
 * @property {(heading: Heading) => Promise<unknown>} run Its errors are shown as messages.
 */

const PENCIL = "M5 19l.8-3.700L16 5a1.600 1.600 0 0 1 2.300 0l.7.7a1.600 1.600 0 0 1 0 2.300L8.700 18.200z";
const ARCHIVE = "M12 4v11m-4.500-4.500L12 15l4.500-4.500M5 19.500h14";
const BIN = "M5 7h14M9.500 7V5h5v2m-7.500 0l.8 12h8.400l.8-12m-5.700 4v5m3-5v5";

/** @type {Action[]} */
export const ACTIONS = [
  { name: "edit", icon: PENCIL, text: () => t("collections.edit"), key: "e", run: edit },
  { name: "share", icon: SHARE, text: () => t("sharing.share"), run: share },
  { name: "archive", icon: ARCHIVE, text: () => t("selection.archive"), isForAll: true, run: archive },
  { name: "delete", icon: BIN, text: () => t("collections.delete"), run: remove },
];

/** @param {Heading} heading */
async function edit(heading) {
  const edits = await loaded(import("./edits.js"));
  await edits?.editCollection(heading.collection, (changed) => heading.change(changed));
}

/** @param {Heading} heading */
async function share({ collection }) {
  const links = await loaded(import("../sharing/share.js"));
  await links?.shareCollection(collection);
}

/** @param {Heading} heading */
async function archive({ collection }) {
  const archives = await loaded(import("../selection/archive.js"));
  const part = { q: "", filter: { collection: collection.id } };
  await archives?.archive({ count: collection.image_count, parts: async () => [part], done() {} });
}

/** @param {Heading} heading */
async function remove({ collection }) {
  const edits = await loaded(import("./edits.js"));
  if (await edits?.deleteCollection(collection)) location.assign(url("/collections"));
}
