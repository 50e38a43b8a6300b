/** Buttons to choose files, a folder or the camera, and a field for an address. */

import { html, nothing } from "../vendor.js";
import { page } from "../shared/page.js";
import { t } from "../shared/texts.js";

/**
 * @param {(files: FileList) => void} choose
 * @param {(address: string) => void} importFrom
 */
export function sources(choose, importFrom) {
  return html`<div class="upload-sources">
      ${picker(t("upload.files"), "", choose, html`<input type="file" accept="image/*" multiple hidden>`)}
      ${picker(t("upload.folder"), "folder", choose, html`<input type="file" webkitdirectory hidden>`)}
      ${picker(t("upload.camera"), "camera", choose, html`<input type="file" accept="image/*" capture="environment" hidden>`)}
    </div>
    ${page.uploads.can_import ? addressForm(importFrom) : html`<p class="upload-note">${t("upload.import_off")}</p>`}`;
}

function picker(label, kind, choose, input) {
  const open = (event) => event.currentTarget.parentElement.querySelector("input").click();
  const chosen = ({ target }) => {
    choose(target.files);
    target.value = ""; // The same file can be chosen again.
  };
  return html`<span class=${kind} @change=${chosen}>
    <button class="button" type="button" @click=${open}>${label}</button>${input}
  </span>`;
}

function addressForm(importFrom) {
  const submit = (event) => {
    event.preventDefault();
    const field = event.target.elements.address;
    if (!field.reportValidity()) return;
    importFrom(field.value.trim());
    field.value = "";
  };
  return html`<form class="upload-address" @submit=${submit}>
    <label><span class="visually-hidden">${t("upload.address")}</span>
      <input type="url" name="address" required dir="ltr" placeholder=${t("upload.address")} autocomplete="off" pattern="https?://.+"></label>
    <button class="button" type="submit">${t("upload.import")}</button>
  </form>`;
}

/**
 * The visibility and the collection of the next uploads.
 * @param {import("./choices.js").Choices} choices
 */
export function fields({ fields: chosen, collections }) {
  const visibility = html`<label>${t("upload.visibility")}
    <select @change=${({ target }) => { chosen.visibility = target.value; }}>
      ${["private", "unlisted", "public"].map((name) => html`<option value=${name} ?selected=${name === chosen.visibility}>${t(`upload.visible_${name}`)}</option>`)}
    </select></label>`;
  const collection = html`<label>${t("upload.collection")}
    <select @change=${({ target }) => { chosen.collectionId = target.value || null; }}>
      <option value="">${t("upload.no_collection")}</option>
      ${collections.map(({ id, title }) => html`<option value=${id} ?selected=${id === chosen.collectionId}>${title}</option>`)}
    </select></label>`;
  return html`<div class="upload-fields">
    ${page.has_accounts ? visibility : nothing} ${collections.length ? collection : nothing}
  </div>`;
}
