/** How much is stored; counting takes a while where there are many images. */

import { html } from "../vendor.js";
import { request } from "../shared/api.js";
import { Section } from "../shared/sections.js";
import { bytes, t } from "../shared/texts.js";

export function showStorage() {
  new Section("storage", () => request("/api/v1/statistics"), content).refresh();
}

/** @param {Record<string, any>} statistics */
function content({ files, trash }) {
  const figures = [
    [t("admin.originals"), files.originals.bytes],
    [t("admin.variants"), files.variants.bytes],
    [t("admin.in_trash"), trash.bytes],
  ];
  return html`<dl class="figures">${figures.map(([name, size]) => html`<div><dt>${name}</dt><dd>${bytes(size)}</dd></div>`)}</dl>`;
}
