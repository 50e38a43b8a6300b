/** Finds the place of an image in the timeline. */

import { takenOf } from "./images.js";

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
