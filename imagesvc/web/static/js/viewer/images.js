/** The metadata of images, which panels show; each is requested once. */

import { request } from "../shared/api.js";

/** @type {Map<string, Promise<Record<string, any>>>} */
const known = new Map();
/** The last change: the next one is sent after it. @type {Promise<unknown>} */
let last = Promise.resolve();

/** The metadata of an image. @param {string} id */
export function findImage(id) {
  let found = known.get(id);
  if (!found) {
    found = request(`/api/v1/images/${encodeURIComponent(id)}`);
    found.catch(() => known.delete(id));
    known.set(id, found);
  }
  return found;
}

/** @typedef {(image: Record<string, any>) => Record<string, unknown>} Changes What becomes of an image as it is then. */

/** Change metadata, after the changes before; returns them as they are then. @param {string} id @param {Changes} changes */
export function changeImage(id, changes) {
  const changed = last.then(() => send(id, changes));
  last = changed.catch(() => {});
  return changed;
}

/** @param {string} id @param {Changes} changes */
async function send(id, changes) {
  const json = changes(await findImage(id));
  const image = await request(`/api/v1/images/${id}`, { method: "PATCH", json });
  known.set(id, Promise.resolve(image));
  return image;
}

/** Request an image again when it is needed. @param {string} id */
export function forgetImage(id) {
  known.delete(id);
}

/** Request all again when they are needed. */
export function forgetImages() {
  known.clear();
}

/** What a picture is called. @param {Record<string, any>} image */
export function nameOf({ title, description, filename }) {
  return title || description || filename;
}

/** Whether the date of a picture is that of a camera or of its owner. @param {Record<string, any>} image */
export function isDated({ exif }) {
  return Boolean(exif.taken_at);
}

/** When a picture was taken, in seconds as the camera's clock showed, or when it was uploaded. */
export function takenOf(image) {
  const local = image.exif.taken_at?.slice(0, 19);
  return Date.parse(local ? `${local}Z` : image.created_at) / 1000;
}
