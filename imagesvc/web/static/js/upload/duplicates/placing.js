/** Puts pictures that the user has already into the collection of an upload; a picture is in one at most. */

import { explained, Problem, request } from "../../shared/api.js";

/** @typedef {"" | "there" | "elsewhere"} Place Whether a picture is in the collection, or stays in another one. */

const CONFLICT = 409;

/** @param {string} id @param {string | null} collectionId @returns {Promise<Place>} */
export async function place(id, collectionId) {
  const json = { ids: [id], collection_id: collectionId };
  const { problems } = await request("/api/v1/images/actions/update", { method: "POST", json });
  if (!problems.length) return "there";
  const [{ status, problem }] = problems;
  if (status === CONFLICT) return "elsewhere";
  throw new Problem(status, problem.code, explained(problem));
}

/** Take a picture out of its collection, and put it into another. @param {string} id @param {string} collectionId */
export async function move(id, collectionId) {
  await place(id, null);
  return place(id, collectionId);
}
