/** Actions on selected pictures that ask nothing. */

import { Problem, request } from "../shared/api.js";
import { batches } from "../shared/batches.js";
import { say, sayProblem } from "../shared/messages.js";
import { counted, t } from "../shared/texts.js";
import { putInTrash, restore } from "../shared/trash.js";
import { FAVOURITE, WAITING } from "../timeline/buckets.js";
import { finish } from "./results.js";
import { change } from "./selected.js";

/** @typedef {import("./selected.js").Selected} Selected */

/** @param {Selected} selected */
export async function markFavourites(selected) {
  const done = await selected.update({ is_favourite: true });
  selected.setFlags((flags) => flags | FAVOURITE);
  await finish(selected, done);
}

/** Accept pictures of guests, which links show from now on. @param {Selected} selected */
export async function accept(selected) {
  const done = await selected.update({ awaits_review: false });
  selected.setFlags((flags) => flags & ~WAITING);
  await finish(selected, done, { text: (count) => counted("selection.accepted", count) });
}

/** Take them out of the collection of the page. @param {Selected} selected */
export async function takeOut(selected) {
  const { id } = selected.collection;
  const parts = batches(await selected.ids()).map((ids) => ({ ids }));
  const done = await change(parts, { collection_id: null });
  await finish(selected, done, { undo: () => change(parts, { collection_id: id }) });
}

/** Let one of them stand for the collection of the page. @param {Selected} selected */
export async function chooseCover(selected) {
  const [id] = await selected.ids();
  const json = { cover_image_id: id };
  await request(`/api/v1/collections/${selected.collection.id}`, { method: "PATCH", json });
  selected.done();
  say(t("selection.cover_chosen"));
}

/** All pictures of a query are named by it, unless some are excluded. @param {Selected} selected */
export async function trash(selected) {
  const { grid } = selected;
  const done = await putInTrash(selected.isQuery ? selected.query : { ids: await selected.ids() });
  grid.buckets.remove(new Set(done));
  grid.selection.clear();
  say(counted("selection.trashed", done.length), {
    action: t("common.undo"),
    onAction: () =>
      restore(done).then(() => grid.reload()).catch((error) => sayProblem(Problem.of(error))),
  });
}
