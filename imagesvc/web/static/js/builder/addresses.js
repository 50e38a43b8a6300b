/** The addresses of a variant: the API checks the values, and writes them in their canonical form. */

import { Problem, request } from "../shared/api.js";
import { page, url } from "../shared/page.js";
import { PRESET, readable } from "./values.js";

/** A screen with twice the density. */
const DENSE = 2;
/** The parameters of a signature. */
const SIGNATURE = ["exp", "kid", "sig"];

/**
 * @typedef {object} Address
 * @property {string} place What follows the id in a URL: `/thumbnail`, `?w=400`, or nothing.
 * @property {string} query The canonical transform; "" for a preset and for the original.
 * @property {string} permanent The URL without a signature.
 * @property {string} signed The URL with one; "" if this user may not sign.
 * @property {string} expires When the signature expires.
 * @property {boolean} needsSignature Whether the settings want a signature for such a URL.
 * @property {{permanent: string, signed: string} | null} dense The same for screens with twice the density.
 */

/**
 * @param {Record<string, any>} image
 * @param {import("./values.js").Values} values
 * @param {number} seconds How long a signature is valid; 0 for as long as the API likes.
 * @param {AbortSignal} signal
 * @returns {Promise<Address>}
 */
export async function findAddress(image, values, seconds, signal) {
  const dense = denseOf(values);
  const operations = [values.size ? values.toObject() : "original", ...(dense ? [dense] : [])];
  const json = { operations, ...(seconds ? { expires_in: seconds } : {}) };
  try {
    const path = `/api/v1/images/${image.id}/signed-urls`;
    const { data, expires_at: expires } = await request(path, { method: "POST", json, signal });
    const [found, denser = null] = data.map((one) => address(image, endOf(one.url, image.id), one.url, expires));
    return { ...found, dense: denser };
  } catch (error) {
    // Only owners sign. For others the values are as they wrote them; the delivery checks them.
    if (!(error instanceof Problem) || error.code !== "forbidden") throw error;
    const query = values.toString();
    return address(image, query && `?${query}`, "", "");
  }
}

/** The values for a screen with twice the density; null where a variant would be too large. */
function denseOf(values) {
  const [w, h, dpr] = ["w", "h", "dpr"].map((key) => Number(values.get(key)));
  const side = Math.max(w, h) * DENSE * (dpr || 1);
  const isPossible = side > 0 && side <= maximumOf("w") && DENSE * dpr <= maximumOf("dpr");
  return isPossible && !values.get(PRESET) ? { ...values.toObject(), dpr: String(DENSE * (dpr || 1)) } : null;
}

function maximumOf(key) {
  return page.fields.find(({ name }) => name === key).maximum;
}

/** What follows the id in a URL. @param {string} text @param {string} id */
function endOf(text, id) {
  const start = `/images/${id}`;
  return text.slice(text.indexOf(start) + start.length);
}

/** @returns {Address} */
function address(image, end, signed, expires) {
  const [path, text = ""] = end.split("?");
  const pairs = new URLSearchParams(text);
  for (const name of SIGNATURE) pairs.delete(name);
  const query = readable(pairs.toString());
  const place = query ? `${path}?${query}` : path;
  const permanent = path ? image.urls.presets[path.slice(1)] : image.urls.original + place;
  const kind = path ? "preset" : query ? "free_form" : "original";
  return {
    place,
    query,
    permanent: absolute(permanent),
    signed: signed && absolute(signed),
    expires,
    needsSignature: page.must_be_signed.includes(kind),
    dense: null,
  };
}

/** @param {string} text */
function absolute(text) {
  return new URL(text, location.href).href;
}

/** The URL from which this page loads a variant: of its own origin. @param {string} id @param {Address} found */
export function ownUrl(id, found) {
  const end = found.needsSignature && found.signed ? endOf(found.signed, id) : found.place;
  return url(`/images/${id}${end}`);
}
