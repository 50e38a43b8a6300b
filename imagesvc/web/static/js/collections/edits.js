/** Making, changing and deleting collections. */

import { html, nothing } from "../vendor.js";
import { request, send } from "../shared/api.js";
import { confirmed } from "../shared/confirm.js";
import { openForm } from "../shared/form_dialog.js";
import { page } from "../shared/page.js";
import { counted, t, visibilityName } from "../shared/texts.js";
import { change } from "../selection/selected.js";

/** @typedef {import("../shared/collections.js").Collection} Collection */

const PATH = "/api/v1/collections";

/** Ask for a title and make a collection of it. @param {(made: Collection) => unknown} done */
export function makeCollection(done) {
  const make = async (values) => {
    const made = await request(PATH, { method: "POST", json: given(values) });
    return () => done(made);
  };
  return openForm(t("collections.new"), { fields: fields(null), submit: t("collections.make"), send: make });
}

/**
 * Change title, description and visibility, unless somebody else changes them meanwhile.
 * @param {Collection} shown
 * @param {(changed: Collection) => unknown} done
 */
export async function editCollection(shown, done) {
  const path = `${PATH}/${shown.id}`;
  const found = await send(path);
  const headers = { "if-match": found.headers.get("etag") };
  const change = async (values) => {
    const changed = await request(path, { method: "PATCH", json: given(values), headers });
    return () => done(changed);
  };
  return openForm(t("collections.edit"), { fields: fields(await found.json()), submit: t("collections.save"), send: change });
}

/**
 * Delete a collection, if the user agrees; its pictures stay. Returns whether it is gone.
 * @param {Collection} collection
 */
export async function deleteCollection({ id, image_count: count }) {
  const text = count ? counted("collections.delete_text", count) : t("collections.delete_empty");
  if (!(await confirmed(t("collections.delete"), text, t("collections.delete")))) return false;
  // Only an empty collection can be deleted.
  if (count) await change([{ q: "", filter: { collection: id } }], { collection_id: null });
  await request(`${PATH}/${id}`, { method: "DELETE" });
  return true;
}

/** What the form says. @param {Record<string, string>} values */
function given({ title, description, visibility }) {
  return { title: title.trim(), description, ...(visibility && { visibility }) };
}

/** @param {Collection | null} collection */
function fields(collection) {
  const chosen = collection?.visibility ?? page.uploads?.visibility;
  const visibility = html`<p class="field"><label for="visibility">${t("viewer.visibility")}</label>
    <select id="visibility" name="visibility">
      ${["private", "unlisted", "public"].map((value) => html`<option value=${value} ?selected=${value === chosen}>${visibilityName(value)}</option>`)}
    </select></p>`;
  return html`<p class="field"><label for="name">${t("viewer.image_title")}</label>
      <input id="name" name="title" dir="auto" required maxlength="200" autocomplete="off" .value=${collection?.title ?? ""}></p>
    <p class="field"><label for="description">${t("viewer.description")}</label>
      <textarea id="description" name="description" dir="auto" rows="3" .value=${collection?.description ?? ""}></textarea></p>
    ${page.has_accounts ? visibility : nothing}`;
}
