/** Lists of the API, which come in pages. */

import { request } from "./api.js";

const LIMIT = 200;

/** All entries of a short list. @param {string} path With its query, if it has one. */
export async function wholeList(path) {
  const entries = [];
  let cursor = "";
  do {
    const { data, next_cursor: next } = await pageOf(path, cursor, LIMIT);
    entries.push(...data);
    cursor = next;
  } while (cursor);
  return entries;
}

/** @param {string} path @param {string | null} cursor @param {number} limit */
export function pageOf(path, cursor, limit) {
  const query = `limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`;
  return request(`${path}${path.includes("?") ? "&" : "?"}${query}`);
}
