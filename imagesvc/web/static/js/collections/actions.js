/** What can be done with a collection on its page, an entry each. */

import { ARCHIVE, BIN, PENCIL, SHARE } from "../icons/lines.js";
import { loaded } from "../shared/loading.js";
import { url } from "../shared/page.js";
import { t } from "../shared/texts.js";

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
async function archive({ collection, pictures }) {
  const archives = await loaded(import("../selection/archive.js"));
  const part = { q: "", filter: { collection: collection.id } };
  const count = collection.image_count ?? pictures.buckets.total;
  await archives?.archive({ count, parts: async () => [part], done() {} });
}

/** @param {Heading} heading */
async function remove({ collection }) {
  const edits = await loaded(import("./edits.js"));
  if (await edits?.deleteCollection(collection)) location.assign(url("/collections"));
}
