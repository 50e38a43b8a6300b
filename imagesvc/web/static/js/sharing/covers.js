/** The pictures that stand for what links show: covers of collections, and the first results of searches. */

import { request } from "../shared/api.js";

/** The id of the image of each target; null if there is none. @type {Map<string, string | null>} */
const covers = new Map();

/** @typedef {{image_id?: string | null, collection_id?: string | null, q?: string | null}} Target */

/** @param {Target} target */
const keyOf = ({ collection_id: collection, q }) => (collection ? `collection ${collection}` : `search ${q}`);

/** The image that stands for a target, if it is known. @param {Target} target @returns {string | null} */
export function coverOf(target) {
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
  if (!id) return firstOf(`/api/v1/images?q=${encodeURIComponent(q)}&limit=1`);
  const { cover_image_id: chosen } = await request(`/api/v1/collections/${id}`);
  return chosen ?? firstOf(`/api/v1/collections/${id}/relationships/images?limit=1`);
}

async function firstOf(path) {
  const { data } = await request(path);
  return data[0]?.id ?? null;
}
