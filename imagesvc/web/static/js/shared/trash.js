/** Putting images into the trash, and back. */

import { explained, Problem, request } from "./api.js";
import { batches } from "./batches.js";

/**
 * Put images into the trash; returns the ids of those that are there.
 * @param {{ids: string[]} | {q: string, filter: object}} which
 * @returns {Promise<string[]>}
 */
export async function putInTrash(which) {
  return "ids" in which ? inBatches("trash", which.ids) : send("trash", which);
}

/** @param {string[]} ids */
export function restore(ids) {
  return inBatches("restore", ids);
}

/**
 * Restore images, or delete those in the trash for good; returns the ids of those for which it succeeded.
 * @param {"trash" | "restore" | "delete"} action
 * @param {string[]} ids
 * @returns {Promise<string[]>}
 */
export async function inBatches(action, ids) {
  const done = [];
  for (const batch of batches(ids)) done.push(...(await send(action, { ids: batch })));
  return done;
}

/** The ids for which an action succeeded; an error if it did for none. */
async function send(action, body) {
  const { data } = await request(`/api/v1/images/actions/${action}`, { method: "POST", json: body });
  const failed = data.find(({ problem }) => problem);
  const done = data.filter(({ problem }) => !problem).map(({ id }) => id);
  if (!failed || done.length) return done;
  throw new Problem(failed.status, failed.problem.code, explained(failed.problem));
}
