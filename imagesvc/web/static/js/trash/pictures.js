/** The pictures in the trash for the grid: one section, those first that were put there last. */

import { request } from "../shared/api.js";
import { page } from "../shared/page.js";
import { duration, t } from "../shared/texts.js";
import { Buckets } from "../timeline/buckets.js";
import { takenOf } from "../viewer/images.js";

/** Pictures in one request. */
const LIMIT = 200;

/** The pictures of the user, also if an admin may see others. */
const OWN = page.user ? `&owner=${page.user.id}` : "";

/** The number of pictures in the trash. @returns {Promise<number>} */
export async function countTrash() {
  const { total } = await request(`/api/v1/timeline?trash=true${OWN}`);
  return total;
}

export class TrashPictures extends Buckets {
  /** When each loaded picture was put into the trash, in milliseconds. @type {Map<string, number>} */
  #since = new Map();

  /** @param {number} total */
  constructor(total) {
    super({ months: ["trash"], counts: [total] }, (_name, cursor) => this.#load(cursor));
  }

  /** @param {string | null} cursor */
  async #load(cursor) {
    const position = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const { data, next_cursor } = await request(`/api/v1/images?trash=true&limit=${LIMIT}${OWN}${position}`);
    for (const { id, trashed_at } of data) this.#since.set(id, Date.parse(trashed_at));
    return {
      ids: data.map(({ id }) => id),
      thumbhashes: data.map(({ thumbhash }) => thumbhash),
      taken: data.map(takenOf),
      flags: data.map(() => 0),
      widths: data.map(({ width }) => width),
      heights: data.map(({ height }) => height),
      next_cursor,
    };
  }

  titleOf() {
    return t("trash.order");
  }

  /** With the time after which it is deleted for good. @param {number} index */
  picture(index) {
    const picture = super.picture(index);
    const end = this.#since.get(picture.id) + page.trash_retention * 1000;
    return { ...picture, note: duration(Math.max(0, end - Date.now()) / 1000) };
  }
}
