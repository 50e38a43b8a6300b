/** The bar of what can be done with the selected pictures of the trash. */

import { html, render, svg } from "../vendor.js";
import { counted, t } from "../shared/texts.js";

const ICONS = {
  clear: svg`<path class="line" d="M6 6l12 12M18 6L6 18"></path>`,
  restore: svg`<path class="line" d="M6 10h8.500a4.250 4.250 0 0 1 0 8.500H10M9.500 6.500L6 10l3.500 3.500"></path>`,
  remove: svg`<path class="line" d="M5 7h14M9.5 7V5h5v2m-7.5 0l.8 12h8.4l.8-12m-5.7 4v5m3-5v5"></path>`,
};

/**
 * Show the bar while pictures are selected.
 * @param {import("../timeline/selection.js").Selection} selection
 * @param {{restore: () => void, remove: () => void}} actions
 */
export function showBar(selection, actions) {
  const bar = document.createElement("div");
  bar.className = "selection-bar";
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", t("selection.title"));
  document.querySelector(".header").append(bar);
  const show = () => {
    bar.hidden = !selection.count;
    render(content(selection, actions), bar);
  };
  selection.addEventListener("change", show);
  show();
}

function content(selection, actions) {
  return html`${button("clear", t("selection.clear"), () => selection.clear())}
    <strong aria-live="polite">${counted("selection.count", selection.count)}</strong>
    <button class="button" type="button" ?hidden=${selection.count === selection.total()}
      @click=${() => selection.selectAll()}>${t("selection.all")}</button>
    <span class="selection-actions">
      ${button("restore", t("trash.restore"), actions.restore, "R")}
      ${button("remove", t("trash.delete"), actions.remove, "Del")}
    </span>`;
}

function button(name, text, onClick, key = "") {
  return html`<button class="icon-button" type="button" aria-label=${text}
    title=${key ? `${text} (${key})` : text} @click=${onClick}>
    <svg viewBox="0 0 24 24" aria-hidden="true">${ICONS[name]}</svg></button>`;
}
