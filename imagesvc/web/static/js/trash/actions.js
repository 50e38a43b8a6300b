/** What can be done with pictures in the trash: restore them, or delete them for good. */

import { BACK, BIN } from "../icons/lines.js";
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
  { name: "restore", icon: BACK, text: () => t("trash.restore"), key: "r", work: restorePictures },
  { name: "delete", icon: BIN, text: () => t("trash.delete"), key: "Delete", work: deletePictures },
];
