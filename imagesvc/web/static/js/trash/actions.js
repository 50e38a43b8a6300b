/** What can be done with pictures in the trash: restore them, or delete them for good. */

import { Problem, request } from "../shared/api.js";
import { confirmed } from "../shared/confirm.js";
import { say, sayProblem } from "../shared/messages.js";
import { counted, t } from "../shared/texts.js";
import { inBatches, putInTrash } from "../shared/trash.js";

/** Restore pictures, and offer to undo it; returns the ids of those that were restored. @param {string[]} ids */
export async function restorePictures(ids) {
  const done = await inBatches("restore", ids);
  say(counted("trash.restored", done.length), {
    action: t("common.undo"),
    onAction: () => putInTrash({ ids: done }).then(() => location.reload(), (error) => sayProblem(Problem.of(error))),
  });
  return done;
}

/** Delete pictures for good, if the user agrees; returns the ids of those that are gone. @param {string[]} ids */
export async function deletePictures(ids) {
  const isAgreed = await confirmed(t("trash.delete"), counted("trash.delete_text", ids.length), t("trash.delete"));
  if (!isAgreed) return [];
  const done = await inBatches("delete", ids);
  say(counted("trash.deleted", done.length));
  return done;
}

/** Empty the trash, if the user agrees; returns whether it is empty. @param {number} count */
export async function emptyTrash(count) {
  const isAgreed = await confirmed(t("trash.empty_it"), counted("trash.delete_text", count), t("trash.empty_it"));
  if (!isAgreed) return false;
  const { deleted } = await request("/api/v1/trash/actions/empty", { method: "POST" });
  say(counted("trash.deleted", deleted));
  return true;
}

/** What can be done with selected pictures; `work` returns the ids of those that have left the trash. */
export const ACTIONS = [
  {
    name: "restore",
    icon: "M6 10h8.500a4.250 4.250 0 0 1 0 8.500H10M9.500 6.500L6 10l3.500 3.500",
    text: () => t("trash.restore"),
    key: "r",
    work: restorePictures,
  },
  {
    name: "delete",
    icon: "M5 7h14M9.500 7V5h5v2m-7.500 0l.8 12h8.400l.8-12m-5.700 4v5m3-5v5",
    text: () => t("trash.delete"),
    key: "Delete",
    work: deletePictures,
  },
];
