/** Putting the selected pictures into a collection; a picture is in one at most. */

import { html, nothing, render } from "../vendor.js";
import { Problem, request } from "../shared/api.js";
import { batches } from "../shared/batches.js";
import { ownCollections } from "../shared/collections.js";
import { openForm } from "../shared/form_dialog.js";
import { counted, t } from "../shared/texts.js";
import { COLLECTED } from "../timeline/buckets.js";
import { finish } from "./results.js";
import { change } from "./selected.js";

/** @typedef {import("../shared/collections.js").Collection} Collection */

/** @param {import("./selected.js").Selected} selected */
export async function collect(selected) {
  const [collections] = await Promise.all([ownCollections(), selected.load()]);
  const others = collections.filter(({ id }) => id !== selected.collection?.id);
  const list = document.createElement("div");
  list.className = "collect-list";
  const show = (name) => {
    render(matches(others, name), list);
    const first = list.querySelector("input");
    if (first) first.checked = name.trim() !== "";
  };
  const fields = html`<p class="dialog-note">${counted("selection.count", selected.count)}</p>
    <p class="field"><label for="collection">${t("selection.find_collection")}</label>
      <input id="collection" name="name" dir="auto" autocomplete="off" maxlength="200" @input=${({ target }) => show(target.value)}></p>
    ${list} ${rule(selected)}`;
  const send = async (values) => {
    const { id, title } = await chosen(others, values);
    const done = await put(selected, id, values.move === "yes");
    return () => {
      selected.setFlags((flags) => flags | COLLECTED);
      const link = { text: t("selection.open_collection"), path: `/collections/${id}` };
      return finish(selected, done, { link, text: (count) => counted("selection.put_in", count, { title }) });
    };
  };
  show("");
  return openForm(t("selection.collect"), { fields, submit: t("selection.collect_submit"), send });
}

/** What is known to be in a collection would be a conflict, unless it may be moved. */
function rule(selected) {
  const count = selected.flags.filter((flags) => flags & COLLECTED).length;
  const move = html`<label class="option"><input type="checkbox" name="move" value="yes">
    <span><strong>${t("selection.move")}</strong><small>${counted("selection.collected", count)}</small></span></label>`;
  return html`<p class="dialog-note">${t("selection.one_collection")}</p>${count ? move : nothing}`;
}

/** @param {Collection[]} collections @param {string} name */
function matches(collections, name) {
  const wanted = name.trim().toLocaleLowerCase();
  const found = collections.filter(({ title }) => title.toLocaleLowerCase().includes(wanted));
  const isNew = wanted && !found.some(({ title }) => title.toLocaleLowerCase() === wanted);
  const option = (value, title, hint) => html`<label class="option">
    <input type="radio" name="collection" value=${value}>
    <span><bdi>${title}</bdi><small>${hint}</small></span></label>`;
  return html`<fieldset class="options"><legend class="visually-hidden">${t("selection.collect")}</legend>
    ${found.map(({ id, title, image_count: count }) => option(id, title, counted("selection.pictures", count ?? 0)))}
    ${isNew ? option("new", name.trim(), t("selection.new_collection")) : nothing}
    ${isNew || found.length ? nothing : html`<p class="dialog-note">${t("selection.no_collections")}</p>`}
  </fieldset>`;
}

/** The collection that was chosen, made now if it is new. @param {Collection[]} collections */
async function chosen(collections, { collection, name }) {
  if (!collection) throw new Problem(0, "empty", t("selection.choose_collection"));
  const found = collections.find(({ id, title }) => (collection === "new" ? title === name.trim() : id === collection));
  if (found) return found;
  const made = await request("/api/v1/collections", { method: "POST", json: { title: name.trim() } });
  collections.push(made); // If the pictures cannot be put in, the next attempt does not make another.
  return made;
}

/** Those of another collection are moved only if the user wants it. */
async function put(selected, id, isMoving) {
  const parts = batches(await selected.ids()).map((ids) => ({ ids }));
  return change(parts, { collection_id: id, move: isMoving });
}
