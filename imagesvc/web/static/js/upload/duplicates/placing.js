/** Puts pictures that the user has already into the collection of an upload; a picture is in one at most. */

import { explained, Problem, request } from "../../shared/api.js";

/** @typedef {"" | "there" | "elsewhere"} Place Whether a picture is in the collection, or stays in another one. */

const CONFLICT = 409;

/**
 * @param {string} id
 * @param {string} collectionId
 * @param {boolean} [isMoving] Whether it leaves another collection for this one.
 * @returns {Promise<Place>}
 */
export async function place(id, collectionId, isMoving = false) {
  const json = { ids: [id], collection_id: collectionId, move: isMoving };
  const { problems } = await request("/api/v1/images/actions/update", { method: "POST", json });
  if (!problems.length) return "there";
  const [{ status, problem }] = problems;
  if (status === CONFLICT) return "elsewhere";
  throw new Problem(status, problem.code, explained(problem));
}
