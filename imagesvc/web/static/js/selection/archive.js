/** The selected pictures as ZIP files. */

import { html } from "../vendor.js";
import { request } from "../shared/api.js";
import { closeButton, openDialog } from "../shared/dialog.js";
import { openForm } from "../shared/form_dialog.js";
import { page } from "../shared/page.js";
import { bytes, counted, number, t } from "../shared/texts.js";

/** @param {{count: number, parts: () => Promise<object[]>, done: () => void}} selected */
export function archive(selected) {
  const presets = Object.keys(page.presets);
  const fields = html`<p class="dialog-note">${counted("selection.pictures", selected.count)}</p>
    <p class="field"><label for="preset">${t("selection.archive_of")}</label>
      <select id="preset" name="preset">
        <option value="">${t("selection.originals")}</option>
        ${presets.map((name) => html`<option value=${name}>${t("selection.preset", { name })}</option>`)}
      </select></p>
    <p class="dialog-note">${t("selection.archive_hint")}</p>`;
  const send = async ({ preset }) => {
    const made = [];
    for (const part of await selected.parts()) {
      const json = preset ? { ...part, preset } : part;
      made.push(await request("/api/v1/archives", { method: "POST", json }));
    }
    selected.done();
    return () => (made.length === 1 ? download(made[0].url) : showParts(made));
  };
  return openForm(t("selection.archive"), { fields, submit: t("selection.download"), send });
}

/** @param {string} address */
function download(address) {
  const link = document.createElement("a");
  link.href = address;
  link.download = "";
  link.click();
}

/** Several files: the browser asks before it takes more than one without a click. */
function showParts(parts) {
  const row = ({ url, count, bytes: size }, index) => html`<li><a class="button" href=${url} download>
    ${t("selection.part", { number: number(index + 1) })}</a>
    <span>${counted("selection.pictures", count)}${size === null ? "" : ` · ${bytes(size)}`}</span></li>`;
  openDialog(t("selection.archive"), () => html`<p class="dialog-note">${t("selection.parts_hint")}</p>
    <ul class="archive-parts">${parts.map(row)}</ul>${closeButton()}`);
}
