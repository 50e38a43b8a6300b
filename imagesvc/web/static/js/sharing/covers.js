/** The pictures that stand for what links show: covers of collections, and the first results of searches. */

import { request } from "../shared/api.js";
import { coverOf } from "../shared/collections.js";

/** The id of the image of each target; null if there is none. @type {Map<string, string | null>} */
const covers = new Map();

/** @typedef {{image_id?: string | null, collection_id?: string | null, q?: string | null}} Target */

/** @param {Target} target */
const keyOf = ({ collection_id: collection, q }) => (collection ? `collection ${collection}` : `search ${q}`);

/** The image that stands for a target, if it is known. @param {Target} target @returns {string | null} */
export function imageOf(target) {
  return target.image_id ?? covers.get(keyOf(target)) ?? null;
}

/** Find the images that stand for some targets. @param {Target[]} targets */
export async function loadCovers(targets) {
  const wanted = new Map(targets.filter(({ image_id: id }) => !id).map((target) => [keyOf(target), target]));
  const missing = [...wanted].filter(([key]) => !covers.has(key));
  await Promise.all(missing.map(async ([key, target]) => covers.set(key, await find(target).catch(() => null))));
}

/** @param {Target} target @returns {Promise<string | null>} */
async function find({ collection_id: id, q }) {
  if (id) return coverOf(await request(`/api/v1/collections/${id}`));
  const { data } = await request(`/api/v1/images?q=${encodeURIComponent(q)}&limit=1`);
  return data[0]?.id ?? null;
}
