/** The collections of the user. */

import { request } from "./api.js";
import { page } from "./page.js";

const MOST = 1000;

/** @typedef {{id: string, title: string, description: string, visibility: string, image_count: number | null, cover_image_id: string | null, owner_id: string | null, created_at: string}} Collection */

/** Whether the user may change something, by its owner. @param {{owner_id: string | null}} thing */
export function isOwn({ owner_id: owner }) {
  return owner === (page.user?.id ?? null);
}

/** The image that stands for a collection: the chosen one, or the newest. @param {Collection} collection @returns {Promise<string | null>} */
export async function coverOf({ id, image_count: count, cover_image_id: chosen }) {
  if (chosen || !count) return chosen;
  const { data } = await request(`/api/v1/collections/${id}/relationships/images?limit=1`);
  return data[0]?.id ?? null;
}

/** Those of the user, the newest first. @returns {Promise<Collection[]>} */
export async function ownCollections() {
  const found = [];
  let cursor = "";
  do {
    const position = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const { data, next_cursor: next } = await request(`/api/v1/collections?limit=100${position}`);
    found.push(...data.filter(isOwn));
    cursor = next;
  } while (cursor && found.length < MOST);
  return found;
}
