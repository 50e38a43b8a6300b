/** The bar of what can be done with the selected pictures, in the place of the header. */

import { html, render, svg } from "../vendor.js";
import { Problem, request } from "../shared/api.js";
import { say, sayProblem } from "../shared/messages.js";
import { counted, t } from "../shared/texts.js";
import { putInTrash, restore } from "../shared/trash.js";
import { FAVOURITE } from "./buckets.js";

const BATCH = 1000;
const ICONS = {
  clear: svg`<path class="line" d="M6 6l12 12M18 6L6 18"></path>`,
  favourite: svg`<path class="line"
    d="M12 19.5S4 14.9 4 9.4A4.3 4.3 0 0 1 12 7a4.3 4.3 0 0 1 8 2.4c0 5.5-8 10.1-8 10.1z"></path>`,
  trash: svg`<path class="line" d="M5 7h14M9.5 7V5h5v2m-7.5 0l.8 12h8.4l.8-12m-5.7 4v5m3-5v5"></path>`,
};

/**
 * Show the bar while pictures are selected.
 * @param {import("./grid.js").Grid} grid
 * @param {URLSearchParams} query What the timeline shows.
 */
export function showSelection(grid, query) {
  const bar = document.createElement("div");
  bar.className = "selection-bar";
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", t("timeline.selection"));
  document.querySelector(".header").append(bar);
  const show = () => {
    bar.hidden = !grid.selection.count;
    render(content(grid, query), bar);
  };
  grid.selection.addEventListener("change", show);
  show();
}

function content(grid, query) {
  const { selection, buckets } = grid;
  const button = (name, text, onClick) => html`<button class="icon-button" type="button"
    aria-label=${text} title=${text} @click=${onClick}>
    <svg viewBox="0 0 24 24" aria-hidden="true">${ICONS[name]}</svg></button>`;
  return html`${button("clear", t("timeline.clear"), () => selection.clear())}
    <strong aria-live="polite">${counted("timeline.selected", selection.count)}</strong>
    <button class="button" type="button" ?hidden=${selection.count === buckets.total}
      @click=${() => selection.selectAll()}>${t("timeline.select_all")}</button>
    <span class="selection-actions">
      ${button("favourite", t("timeline.mark_favourite"), () => attempt(() => markFavourites(grid)))}
      ${button("trash", t("timeline.trash"), () => attempt(() => trash(grid, query)))}
    </span>`;
}

/** Do something that may fail, and say why. @param {() => Promise<void>} work */
async function attempt(work) {
  try {
    await work();
  } catch (error) {
    sayProblem(Problem.of(error));
  }
}

/** The ids of the selected pictures; months that are needed for it are loaded. */
async function selectedIds({ selection, buckets }) {
  if (!selection.isAll) return selection.ids;
  await buckets.needAll(0, buckets.total - 1);
  return buckets.columns.flatMap(({ ids }) => ids.filter((id) => selection.has(id)));
}

async function markFavourites(grid) {
  const ids = await selectedIds(grid);
  for (let first = 0; first < ids.length; first += BATCH) {
    const json = { ids: ids.slice(first, first + BATCH), is_favourite: true };
    await request("/api/v1/images/actions/update", { method: "POST", json });
  }
  const { buckets } = grid;
  for (const id of ids) {
    const index = buckets.indexOf(id);
    if (index >= 0) buckets.setFlags(index, buckets.picture(index).flags | FAVOURITE);
  }
  grid.selection.clear();
}

/** All pictures of a query are named by it, unless some are excluded. */
async function trash(grid, query) {
  const { selection, buckets } = grid;
  const isQuery = selection.isAll && !selection.ids.length;
  const owner = query.get("owner");
  const which = isQuery
    ? { q: query.get("q") ?? "", filter: owner ? { owner } : {} }
    : { ids: await selectedIds(grid) };
  const done = await putInTrash(which);
  buckets.remove(new Set(done));
  selection.clear();
  say(counted("timeline.trashed", done.length), {
    action: t("common.undo"),
    onAction: () =>
      attempt(async () => {
        await restore(done);
        await grid.reload();
      }),
  });
}
