/** Where the next uploads go: their visibility and their collection. */

import { ownCollections } from "../shared/collections.js";
import { page } from "../shared/page.js";

export class Choices {
  /** @type {import("./items.js").Fields} */
  fields = { visibility: page.uploads.visibility, collectionId: page.collection ?? null };
  /** @type {{id: string, title: string}[]} */
  collections = [];

  /** Load the user's collections; without them, uploads go into none. */
  async load() {
    let found;
    try {
      found = await ownCollections();
    } catch {
      return;
    }
    this.collections = found;
    if (!found.some(({ id }) => id === this.fields.collectionId)) this.fields.collectionId = null;
  }
}
