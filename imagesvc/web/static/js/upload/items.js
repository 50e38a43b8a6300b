/** Uploads: a file or an address each, with its state. */

import { page } from "../shared/page.js";

/**
 * @typedef {object} Fields How the image is stored.
 * @property {string} visibility
 * @property {string | null} collectionId
 */

/**
 * @typedef {"waiting" | "checking" | "sending" | "failed" | "lost" | "duplicate" | "done"} State
 * `lost`: the page was left before the file was sent, and no longer has it.
 */

/**
 * @typedef {object} Item
 * @property {string} key Its Idempotency-Key: all attempts make one image.
 * @property {string} name
 * @property {string} path
 * @property {File | null} file
 * @property {string | null} address To import from, instead of a file.
 * @property {number} size
 * @property {number} modified
 * @property {Fields} fields
 * @property {State} state
 * @property {number} sent Bytes.
 * @property {number} cuts Connections that were cut while the server could be reached.
 * @property {number} tries Answers after which it was tried again.
 * @property {boolean} isForced Whether it is uploaded although the user has the same bytes.
 * @property {string} code Of the problem for which it failed.
 * @property {string} reason Why it failed.
 * @property {string} requestId
 * @property {string | null} imageId
 * @property {boolean} isTrashed Whether that image is in the trash.
 * @property {import("./duplicates/placing.js").Place} place Of the picture that the user has already.
 * @property {Item | null} twin An upload of the same bytes.
 * @property {number} version Counts its changes.
 */

const BLANK = {
  file: null, address: null, size: 0, modified: 0, state: "waiting", sent: 0, cuts: 0, tries: 0,
  isForced: false, code: "", reason: "", requestId: "", imageId: null, isTrashed: false, place: "", twin: null, version: 0,
};

/** @param {import("./entries.js").Found} found @param {Fields} fields @returns {Item} */
export function itemOfFile({ file, path }, fields) {
  const { name, size, lastModified: modified } = file;
  return { ...BLANK, key: newKey(), name, path, file, size, modified, fields: { ...fields } };
}

/** @param {string} address @param {Fields} fields @returns {Item} */
export function itemOfAddress(address, fields) {
  return { ...BLANK, key: newKey(), name: address, path: address, address, fields: { ...fields } };
}

/** A random key; `crypto.randomUUID` does not exist over HTTP. */
export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

/** Whether nothing more happens to it by itself. @param {Item} item */
export function isEnded({ state }) {
  return ["done", "duplicate", "failed", "lost"].includes(state);
}

/** Problems of the file itself, or of a link that takes no more. */
const FINAL = ["corrupt_image", "empty_file", "file_too_large", "image_too_large", "too_costly", "unsupported_media_type", "used_up"];

/** Whether it failed, and another attempt may succeed. @param {Item} item */
export function canRetry({ state, code, file, address }) {
  return state === "failed" && Boolean(file || address) && !FINAL.includes(code);
}

/** Whether all its bytes are sent, so that only the response is missing. @param {Item} item */
export function isSent({ state, sent, size, address }) {
  return state === "sending" && !address && sent >= size;
}

/** Whether the server would refuse it for its size. @param {Item} item */
export function isTooLarge({ size }) {
  return size > page.uploads.max_bytes;
}
