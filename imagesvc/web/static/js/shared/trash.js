/** Putting images into the trash, and back. */

import { Problem, request } from "./api.js";

/** Images in one request at most. */
const BATCH = 1000;

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

async function inBatches(action, ids) {
  const done = [];
  for (let first = 0; first < ids.length; first += BATCH) {
    done.push(...(await send(action, { ids: ids.slice(first, first + BATCH) })));
  }
  return done;
}

/** The ids for which an action succeeded; an error if it did for none. */
async function send(action, body) {
  const { data } = await request(`/api/v1/images/actions/${action}`, { method: "POST", json: body });
  const failed = data.find(({ problem }) => problem);
  const done = data.filter(({ problem }) => !problem).map(({ id }) => id);
  if (!failed || done.length) return done;
  throw new Problem(failed.status, failed.problem.code, failed.problem.detail);
}
