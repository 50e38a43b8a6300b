/** The most frequent values of the pictures of a query, as the API counts them. */

import { request } from "../shared/api.js";
import { termOf } from "./grammar.js";

/** Milliseconds after which values are requested again. */
const LIFE = 30_000;
const MOST = 30;
/** The lists of the API, and the field of the grammar for each. */
export const FIELDS = [
  ["tags", "tags"],
  ["cameras", "camera"],
  ["years", "date"],
  ["formats", "format"],
  ["colors", "color"],
];

/** @type {Map<string, {time: number, found: Promise<Record<string, any>>}>} */
const known = new Map();

/** @param {URLSearchParams} query @returns {Promise<Record<string, any>>} */
export function facetsOf(query) {
  const key = String(query);
  const one = known.get(key);
  if (one && performance.now() - one.time < LIFE) return one.found;
  const found = request(`/api/v1/facets?${key}`);
  found.catch(() => known.delete(key));
  known.delete(key);
  known.set(key, { time: performance.now(), found });
  if (known.size > MOST) known.delete(known.keys().next().value);
  return found;
}

/**
 * @typedef {object} Value
 * @property {string} field
 * @property {string} value
 * @property {string} term
 * @property {number} count
 */

/** The values of a field that the grammar can write; years from the last one. @param {Record<string, any>} facets @returns {Value[]} */
export function valuesOf(facets, list, field) {
  const values = facets[list]
    .map(({ value, count }) => ({ field, value, count, term: termOf(field, value) }))
    .filter(({ term }) => term);
  return list === "years" ? values.sort((one, other) => Number(other.value) - Number(one.value)) : values;
}
