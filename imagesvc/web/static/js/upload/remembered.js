/** Whether the tray has rows of earlier pages; a module of its own, as every page asks. */

import { page } from "../shared/page.js";

/** The key of the rows in the storage of the tab. */
export const NAME = `imagesvc-uploads:${page.base}:${page.user?.id ?? ""}`;

export function hasRows() {
  return sessionStorage.getItem(NAME) !== null;
}
