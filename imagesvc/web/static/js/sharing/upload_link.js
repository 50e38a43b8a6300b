/** Links for uploads of guests: making one, and changing it. */

import { html } from "../vendor.js";
import { request } from "../shared/api.js";
import { ownCollections } from "../shared/collections.js";
import { openForm } from "../shared/form_dialog.js";
import { t } from "../shared/texts.js";
import { expiryField, expiryOf } from "./expiry.js";
import { showLink } from "./link.js";

const MEGABYTE = 1_000_000;
const USUAL = { title: "", max_files: 100, max_bytes: 1000 * MEGABYTE, expires_at: null };
const PATH = "/api/v1/upload-links";

/** Ask for what a new link accepts, and make it. @param {() => unknown} done */
export async function makeUploadLink(done) {
  const collections = await ownCollections();
  const send = async (values) => {
    const { title, ...limits } = termsOf(values);
    const collectionId = values.collection || (await newCollection(title)).id;
    const json = { title, ...limits, collection_id: collectionId };
    const { url } = await request(PATH, { method: "POST", json });
    return async () => {
      await showLink(url);
      await done();
    };
  };
  const fields = html`<p class="dialog-note">${t("sharing.note_upload")}</p>
    ${termFields(USUAL, true)}
    <p class="field"><label for="link-collection">${t("sharing.collection")}</label>
      <select id="link-collection" name="collection">
        <option value="">${t("sharing.new_collection")}</option>
        ${collections.map(({ id, title }) => html`<option value=${id}>${title}</option>`)}
      </select></p>`;
  await openForm(t("sharing.new_upload_link"), { fields, submit: t("sharing.make"), send });
}

/** @param {Record<string, any>} link @param {() => unknown} done */
export function editUploadLink(link, done) {
  const send = async (values) => {
    await request(`${PATH}/${link.id}`, { method: "PATCH", json: termsOf(values) });
    return done;
  };
  return openForm(t("sharing.edit"), { fields: termFields(link), submit: t("sharing.save"), send });
}

/** The collection of a new link has its title. @param {string} title */
function newCollection(title) {
  return request("/api/v1/collections", { method: "POST", json: { title, visibility: "private" } });
}

/** @param {typeof USUAL} link @param {boolean} [isNamed] Whether it needs a title. */
function termFields(link, isNamed = false) {
  return html`<p class="field"><label for="link-title">${t("sharing.upload_title")}</label>
      <input id="link-title" name="title" dir="auto" maxlength="200" autocomplete="off" ?required=${isNamed}
        .value=${link.title}></p>
    <div class="field-pair">
      <p class="field"><label for="max-files">${t("sharing.max_files")}</label>
        <input id="max-files" name="max_files" type="number" min="1" max="100000" step="1" inputmode="numeric" required
          .value=${String(link.max_files)}></p>
      <p class="field"><label for="max-megabytes">${t("sharing.max_megabytes")}</label>
        <input id="max-megabytes" name="max_megabytes" type="number" min="1" step="1" inputmode="numeric" required
          .value=${String(Math.max(1, Math.round(link.max_bytes / MEGABYTE)))}></p>
    </div>
    ${expiryField(link.expires_at)}`;
}

/** @param {Record<string, string>} values */
function termsOf(values) {
  return {
    title: values.title.trim(),
    max_files: Number(values.max_files),
    max_bytes: Number(values.max_megabytes) * MEGABYTE,
    expires_at: expiryOf(values),
  };
}
