/** The metadata of images, which panels show; each is requested once. */

import { request } from "../shared/api.js";

/** @type {Map<string, Promise<Record<string, any>>>} */
const known = new Map();

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

/** Change metadata; returns them as they are then. @param {string} id @param {Record<string, unknown>} changes */
export async function changeImage(id, changes) {
  const image = await request(`/api/v1/images/${id}`, { method: "PATCH", json: changes });
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

/** When a picture was taken, in seconds as the camera's clock showed, or when it was uploaded. */
export function takenOf(image) {
  const local = image.exif.taken_at?.slice(0, 19);
  return Date.parse(local ? `${local}Z` : image.created_at) / 1000;
}
