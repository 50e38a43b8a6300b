/** The bar of what can be done with the selected pictures, in the place of the header. */

import { html, render } from "../vendor.js";
import { iconButton } from "../icons/button.js";
import { CROSS } from "../icons/lines.js";
import { Problem } from "../shared/api.js";
import { isOwn } from "../shared/collections.js";
import { loaded } from "../shared/loading.js";
import { sayProblem } from "../shared/messages.js";
import { loadStyle } from "../shared/styles.js";
import { counted, t } from "../shared/texts.js";
import { isTaken } from "../timeline/keys.js";
import { ACTIONS } from "./actions.js";
import { Selected } from "./selected.js";

/**
 * Show the bar while pictures are selected; returns whether it could be loaded.
 * @param {import("../timeline/grid.js").Grid} grid
 * @param {() => URLSearchParams} filters What the page shows.
 * @param {Record<string, any> | null} collection The collection that the page shows.
 * @param {import("./actions.js").Action[]} actions
 */
export async function showSelection(grid, filters, collection, actions = ACTIONS) {
  if (!(await loaded(loadStyle("css/selection.css")))) return false;
  const selected = new Selected(grid, filters, collection);
  const bar = document.createElement("div");
  bar.className = "selection-bar";
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", t("selection.title"));
  document.querySelector(".header").append(bar);
  const offered = () => allowed(actions, selected);
  const show = () => {
    const hadFocus = bar.contains(document.activeElement);
    bar.hidden = !selected.count;
    if (!bar.hidden) render(content(selected, offered()), bar);
    if (hadFocus && bar.hidden) grid.tiles.get(grid.current)?.link.focus({ preventScroll: true });
  };
  grid.selection.addEventListener("change", show);
  grid.addEventListener("layout", show);
  addEventListener("keydown", (event) => onKey(event, selected, offered));
  show();
  return true;
}

/** @param {KeyboardEvent} event @param {Selected} selected @param {() => import("./actions.js").Action[]} offered */
function onKey(event, selected, offered) {
  if (!selected.count || isTaken(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const action = offered().find(({ key }) => key === event.key);
  if (!action) return;
  event.preventDefault();
  run(action, selected);
}

/** The actions that may be done with what is selected. @param {import("./actions.js").Action[]} actions */
function allowed(actions, selected) {
  const { collection } = selected;
  const canChange = collection === null || isOwn(collection);
  return actions.filter(({ isFor, isReading }) => (canChange || isReading) && (!isFor || isFor(selected)));
}

/** @param {import("./actions.js").Action} action @param {import("./selected.js").Selected} selected */
async function run(action, selected) {
  try {
    await action.run(selected);
  } catch (error) {
    sayProblem(Problem.of(error));
  }
}

function content(selected, actions) {
  const { selection, buckets } = selected.grid;
  const clear = { name: "clear", icon: CROSS, text: t("selection.clear") };
  return html`${iconButton(clear, () => selection.clear())}
    <strong aria-live="polite">${counted("selection.count", selected.count)}</strong>
    <button class="button" type="button" ?hidden=${selected.count === buckets.total}
      @click=${() => selection.selectAll()}>${t("selection.all")}</button>
    <span class="selection-actions">
      ${actions.map((action) => iconButton({ ...action, text: action.text(), label: (action.short ?? action.text)() }, () => run(action, selected)))}
    </span>`;
}
