/** Making a link to pictures for people without an account. */

import { html, nothing } from "../vendor.js";
import { explained, Problem, request } from "../shared/api.js";
import { openForm } from "../shared/form_dialog.js";
import { loaded } from "../shared/loading.js";
import { loadStyle } from "../shared/styles.js";
import { counted, t } from "../shared/texts.js";
import { forgetImages } from "../viewer/images.js";
import { showLink } from "./link.js";
import { termFields, termsOf } from "./terms.js";

/** @typedef {import("../selection/selected.js").Selected} Selected */
/** @typedef {{image_id: string} | {collection_id: string} | {q: string}} Target */

/** Share a picture. @param {string} id */
export function shareImage(id) {
  return makeLink(t("sharing.note_image"), async () => ({ image_id: id }));
}

/** Share a collection, also what is added later. @param {{id: string, title: string}} collection */
export function shareCollection({ id, title }) {
  return makeLink(t("sharing.note_collection"), async () => ({ collection_id: id }), { title });
}

/** Share what a search finds, also later. @param {string} q */
export function shareSearch(q) {
  return makeLink(t("sharing.note_search", { q }), async () => ({ q }));
}

/** Share the selected pictures. @param {Selected} selected */
export async function shareSelected(selected) {
  const { q } = selected.query;
  if (selected.isQuery && selected.collection && !q) return shareCollection(selected.collection);
  if (selected.isQuery && !selected.collection && q) return shareSearch(q);
  if (selected.count === 1) return shareImage((await selected.ids())[0]);
  return shareTagged(selected);
}

/** Several pictures are shared by a tag of their own. @param {Selected} selected */
function shareTagged(selected) {
  const field = html`<p class="field"><label for="share-tag">${t("sharing.tag")}</label>
    <input id="share-tag" name="tag" dir="auto" maxlength="60" autocomplete="off" required .value=${usualTag()}></p>`;
  const target = async ({ tag }) => {
    const name = tag.replace(/[",#]/g, " ").replace(/\s+/g, " ").trim();
    const { changed, problems } = await selected.update({ add_tags: [name] });
    if (!changed && problems.length) throw new Problem(409, "conflict", explained(problems[0].problem));
    forgetImages();
    return { q: `tags:"${name}"` };
  };
  const done = () => selected.grid.selection.clear();
  return makeLink(counted("sharing.note_selected", selected.count), target, { field, done });
}

/** A tag that no picture has, by day and time. */
function usualTag() {
  const now = new Date();
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString();
  return t("sharing.usual_tag", { time: `${local.slice(0, 10)} ${local.slice(11, 16).replace(":", ".")}` });
}

/**
 * Ask what a link permits, and make it.
 * @param {string} note What it shows.
 * @param {(values: Record<string, string>) => Promise<Target>} target
 * @param {object} [options]
 * @param {string} [options.title] For visitors.
 * @param {unknown} [options.field] One that `target` needs.
 * @param {() => void} [options.done] What follows when the link has been shown.
 */
async function makeLink(note, target, { title = "", field = nothing, done = () => {} } = {}) {
  if (!(await loaded(loadStyle("css/sharing.css")))) return;
  const send = async (values) => {
    const json = { ...(await target(values)), ...termsOf(values) };
    const { url } = await request("/api/v1/shares", { method: "POST", json });
    return () => showLink(url).then(done);
  };
  const fields = html`<p class="dialog-note">${note}</p>${field}${termFields({ title })}`;
  await openForm(t("sharing.share"), { fields, submit: t("sharing.make"), send });
}
