/** How much is stored; counting takes a while where there are many images. */

import { request } from "../shared/api.js";
import { Section } from "../shared/sections.js";
import { bytes, t } from "../shared/texts.js";
import { figures } from "./figures.js";

export function showStorage() {
  new Section("storage", () => request("/api/v1/statistics"), content).refresh();
}

/** @param {Record<string, any>} statistics */
function content({ files, trash }) {
  return figures([
    [t("admin.originals"), bytes(files.originals.bytes)],
    [t("admin.variants"), bytes(files.variants.bytes)],
    [t("admin.in_trash"), bytes(trash.bytes)],
  ]);
}
