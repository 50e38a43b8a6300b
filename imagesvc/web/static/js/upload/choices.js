/** Where the next uploads go: their visibility and their collection. */

import { request } from "../shared/api.js";
import { page } from "../shared/page.js";

const MAX_COLLECTIONS = 500;

export class Choices {
  /** @type {import("./items.js").Fields} */
  fields = { visibility: page.uploads.visibility, collectionId: null };
  /** @type {{id: string, title: string}[]} */
  collections = [];

  /** Load the user's collections; without them, uploads go into none. */
  async load() {
    const found = [];
    let path = "/api/v1/collections?limit=100";
    try {
      while (path && found.length < MAX_COLLECTIONS) {
        const { data, next_cursor: cursor } = await request(path);
        found.push(...data.filter(({ owner_id: owner }) => owner === (page.user?.id ?? null)));
        path = cursor ? `/api/v1/collections?limit=100&cursor=${encodeURIComponent(cursor)}` : "";
      }
    } catch {
      return;
    }
    this.collections = found;
    if (!found.some(({ id }) => id === this.fields.collectionId)) this.fields.collectionId = null;
  }
}
