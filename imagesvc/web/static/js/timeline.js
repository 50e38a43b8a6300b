/** The timeline: the newest pictures of the user. */

import "./shared/preferences.js";
import { html, render } from "./vendor.js";
import { Problem, request } from "./shared/api.js";
import { url, variantUrl } from "./shared/page.js";
import { t, timeName } from "./shared/texts.js";
import { showKeys } from "./shared/keys.js";

const place = document.getElementById("timeline");
const state = { images: [], cursor: null, problem: null, isLoading: true };

const tile = (image) => html`<li class="tile">
  <a href=${url(`/view/${image.id}`)}>
    <img src=${variantUrl(image.id, ["grid", "preview"], "h=480")} alt=${described(image)} loading="lazy"
      width=${image.width} height=${image.height}>
  </a>
</li>`;

function described(image) {
  return image.title || t("timeline.picture", { time: timeName(Date.parse(image.created_at) / 1000) });
}

function view() {
  if (state.problem) {
    return html`<div class="notice" role="alert"><h2>${t("timeline.failed")}</h2>
      <p>${state.problem.message}</p>
      <button class="button" type="button" @click=${load}>${t("common.retry")}</button>
      <small>${t("common.request_id", { id: state.problem.requestId })}</small></div>`;
  }
  if (!state.images.length && !state.isLoading) {
    return html`<div class="notice"><h2>${t("timeline.empty")}</h2><p>${t("timeline.empty_hint")}</p></div>`;
  }
  return html`<ul class="grid">${state.images.map(tile)}</ul>
    ${state.cursor ? html`<button class="button" type="button" @click=${load}>${t("timeline.more")}</button>` : ""}`;
}

async function load() {
  Object.assign(state, { problem: null, isLoading: true });
  try {
    const found = await request(`/api/v1/images?limit=100${state.cursor ? `&cursor=${encodeURIComponent(state.cursor)}` : ""}`);
    state.images.push(...found.data);
    state.cursor = found.next_cursor;
  } catch (error) {
    state.problem = Problem.of(error);
  }
  state.isLoading = false;
  render(view(), place);
}

document.getElementById("help").addEventListener("click", showKeys);
load();
