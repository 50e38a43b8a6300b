/** Requests name at most so many images at once. */

const MOST_IDS = 1000;

/** @param {string[]} ids @returns {string[][]} */
export function batches(ids) {
  const made = [];
  for (let first = 0; first < ids.length; first += MOST_IDS) made.push(ids.slice(first, first + MOST_IDS));
  return made;
}
