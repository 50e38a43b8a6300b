/** A share: the password if it has one, and its images as links. */

import "./shared/preferences.js";
import { Problem, request } from "./shared/api.js";
import { sendByScript } from "./shared/forms.js";
import { page, url } from "./shared/page.js";
import { counted, t } from "./shared/texts.js";
import { html, render } from "./vendor.js";

const api = `/api/v1/shared/${encodeURIComponent(page.token)}`;
const form = /** @type {HTMLFormElement} */ (document.getElementById("unlock"));
const more = /** @type {HTMLButtonElement} */ (document.getElementById("more"));
const place = document.getElementById("images");
const state = { share: null, ids: [], cursor: null };

/** The end of the URL of the first of these presets that visitors may have. */
function preset(...names) {
  return names.map((name) => state.share.presets[name]).find((end) => end !== undefined);
}

/** @param {string} id @param {string} end */
function pictureUrl(id, end) {
  return url(`/s/${encodeURIComponent(page.token)}/i/${id}/${end}`);
}

function item(id, index) {
  const name = t("share.picture", { number: index + 1 });
  const small = pictureUrl(id, preset("grid", "preview", "thumbnail"));
  const large = pictureUrl(id, preset("viewer", "preview", "thumbnail"));
  const download = html`<a class="download" href=${pictureUrl(id, "original")} aria-label=${t("share.download_of", { name })}>${t("share.download")}</a>`;
  return html`<li><a href=${large}><img src=${small} alt=${name} loading="lazy"></a>${state.share.allow_download ? download : ""}</li>`;
}

async function loadMore() {
  const cursor = state.cursor ? `&cursor=${encodeURIComponent(state.cursor)}` : "";
  const found = await request(`${api}/images?limit=100${cursor}`);
  state.ids.push(...found.ids);
  state.cursor = found.next_cursor;
  render(state.ids.map(item), place);
  more.hidden = state.cursor === null;
  if (!state.ids.length && !state.cursor) tell(t("share.empty"));
}

/** @param {string} text */
function tell(text) {
  const notice = document.getElementById("notice");
  notice.textContent = text;
  notice.hidden = false;
}

/** @param {unknown} error */
function fail(error) {
  const problem = Problem.of(error);
  if (problem.status === 410) tell(t("share.gone"));
  else if (problem.status === 404) tell(t("share.absent"));
  else tell(problem.message);
}

async function show(share) {
  state.share = share;
  form.hidden = true;
  if (share.title) {
    const title = document.getElementById("title");
    title.textContent = share.title;
    title.className = "shared-title";
  }
  await loadMore();
}

/** @param {Problem} problem */
function reason(problem) {
  if (problem.code === "password_required") return t("share.wrong");
  if (problem.status === 429) return counted("share.wait", problem.retryAfter);
  return problem.message;
}

async function unlock({ password }) {
  await show(await request(`${api}/unlock`, { method: "POST", json: { password } }));
}

async function open() {
  try {
    await show(await request(api));
  } catch (error) {
    if (Problem.of(error).code !== "password_required") return fail(error);
    form.hidden = false;
    document.getElementById("password").focus();
  }
}

more.addEventListener("click", () => loadMore().catch(fail));
sendByScript(form, unlock, reason);
open();
