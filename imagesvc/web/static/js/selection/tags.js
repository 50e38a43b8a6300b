/** Adding tags to the selected pictures, and removing them. */

import { html } from "../vendor.js";
import { Problem, request } from "../shared/api.js";
import { openForm } from "../shared/form_dialog.js";
import { counted, t } from "../shared/texts.js";
import { finish } from "./results.js";
import { TagField } from "./tag_field.js";

/** @param {import("./selected.js").Selected} selected */
export async function editTags(selected) {
  const added = new TagField("add-tags", t("selection.add_tags"));
  const removed = new TagField("remove-tags", t("selection.remove_tags"));
  const fields = html`<p class="dialog-note">${counted("selection.count", selected.count)}</p>
    ${added.element} ${removed.element}`;
  const send = async () => {
    const changes = { add_tags: added.take(), remove_tags: removed.take() };
    if (!changes.add_tags.length && !changes.remove_tags.length) {
      throw new Problem(0, "empty", t("selection.no_tags"));
    }
    const done = await selected.update(changes);
    return () => finish(selected, done, { isKept: true });
  };
  await openForm(t("selection.tags"), { fields, submit: t("selection.apply"), send });
  const known = await tagsOf(selected);
  for (const field of [added, removed]) field.suggest(known);
}

/** The tags of what the page shows, the most frequent first; without them the fields work, too. */
async function tagsOf(selected) {
  try {
    const { tags } = await request(`/api/v1/facets?${selected.filters()}`);
    return tags.map(({ value }) => value);
  } catch {
    return [];
  }
}
