/** The bar that tells how many pictures are selected, in the place of the header. */

import { html, render } from "../vendor.js";
import { counted, t } from "../shared/texts.js";

/** Show the bar while pictures are selected. @param {import("./grid.js").Grid} grid */
export function showSelection(grid) {
  const bar = document.createElement("div");
  bar.className = "selection-bar";
  bar.hidden = true;
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", t("timeline.selection"));
  document.querySelector(".header").append(bar);
  grid.selection.addEventListener("change", () => {
    bar.hidden = !grid.selection.count;
    render(content(grid), bar);
  });
}

function content({ selection, buckets }) {
  return html`<button class="icon-button" type="button" aria-label=${t("timeline.clear")}
      title=${`${t("timeline.clear")} (Esc)`} @click=${() => selection.clear()}>
      <svg viewBox="0 0 24 24" aria-hidden="true"><path class="line" d="M6 6l12 12M18 6L6 18"></path></svg>
    </button>
    <strong aria-live="polite">${counted("timeline.selected", selection.count)}</strong>
    <button class="button" type="button" ?hidden=${selection.count === buckets.total}
      @click=${() => selection.selectAll()}>${t("timeline.select_all")}</button>`;
}
