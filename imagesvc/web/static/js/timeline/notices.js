/** What the timeline shows instead of pictures: that there are none, or why it failed. */

import { html, render } from "../vendor.js";
import { page } from "../shared/page.js";
import { t } from "../shared/texts.js";

/** @param {HTMLElement} place @param {boolean} isSearch */
export function showEmpty(place, isSearch) {
  if (isSearch) showNotice(place, t("timeline.nothing_found"), t("timeline.nothing_found_hint"));
  else showBeginning(place, t("timeline.empty"), t("timeline.empty_hint"));
}

/** Show how to begin: a place for drops, with a button. @param {HTMLElement} place @param {string} title @param {string} hint */
export function showBeginning(place, title, hint) {
  const upload = () => document.getElementById("upload").click();
  const button = html`<button class="button" type="button" @click=${upload}>${t("timeline.upload")}</button>`;
  fill(place, html`<div class="notice beginning"><h2>${title}</h2><p>${hint}</p>${page.uploads ? button : ""}</div>`);
}

/** @param {HTMLElement} place @param {string} title @param {string} hint */
export function showNotice(place, title, hint) {
  fill(place, html`<div class="notice"><h2>${title}</h2><p>${hint}</p></div>`);
}

/**
 * @param {HTMLElement} place
 * @param {import("../shared/api.js").Problem} problem
 * @param {() => void} retry
 * @param {string} [title]
 */
export function showFailure(place, problem, retry, title = t("timeline.failed")) {
  const id = problem.requestId
    ? html`<small>${t("common.request_id", { id: problem.requestId })}</small>`
    : "";
  fill(
    place,
    html`<div class="notice" role="alert">
      <h2>${title}</h2>
      <p>${problem.message}</p>
      <button class="button" type="button" @click=${retry}>${t("common.retry")}</button>
      ${id}
    </div>`,
  );
}

/** Render into a new element: the grid replaces it without lit-html. */
function fill(place, content) {
  const inside = document.createElement("div");
  render(content, inside);
  place.replaceChildren(inside);
}
