/** Finds an image, and its place in the timeline. */

import { findImage, takenOf } from "./images.js";

/** An image with its index; outside the timeline it has -1. @param {import("../timeline/grid.js").Grid | null} grid @param {string} id */
export async function find(grid, id) {
  const image = await findImage(id);
  return { image, index: grid ? await indexOf(grid.buckets, image) : -1 };
}

/**
 * The index of an image, or -1 if the timeline does not have it; its month is loaded.
 * @param {import("../timeline/buckets.js").Buckets} buckets
 * @param {Record<string, any>} image
 */
export async function indexOf(buckets, image) {
  const month = buckets.months.indexOf(new Date(takenOf(image) * 1000).toISOString().slice(0, 7));
  if (month < 0) return buckets.indexOf(image.id);
  while (buckets.indexOf(image.id) < 0 && !buckets.columns[month].isComplete) {
    await buckets.more(month);
  }
  return buckets.indexOf(image.id);
}
