/** Dialogs for saved searches: saving one, and the list of all. */

import { html, nothing, render } from "../vendor.js";
import { Problem } from "../shared/api.js";
import { closeButton, openDialog } from "../shared/dialog.js";
import { openForm } from "../shared/form_dialog.js";
import { say } from "../shared/messages.js";
import { t } from "../shared/texts.js";
import { saved } from "./saved.js";

/** Characters of a name. */
const MOST = 100;

/** Ask for a name, and save a search. @param {string} q */
export function saveSearch(q) {
  const send = async ({ name }) => {
    await saved.add(name, q);
    return () => say(t("search.saved"));
  };
  return openForm(t("search.save"), { fields: fields(q, q.slice(0, MOST)), submit: t("search.save_submit"), send });
}

/** @param {import("./saved.js").Saved} search @param {() => unknown} done */
function renameSearch({ id, name, q }, done) {
  const send = async (values) => {
    await saved.rename(id, values.name);
    return done;
  };
  return openForm(t("search.rename"), { fields: fields(q, name), submit: t("search.save_submit"), send });
}

function fields(q, name) {
  return html`<p class="dialog-note"><bdi>${q}</bdi></p>
    <p class="field"><label for="search-name">${t("search.name")}</label>
      <input id="search-name" name="name" dir="auto" required maxlength=${MOST} autocomplete="off" .value=${name}></p>`;
}

/** Show the saved searches: to open, to rename, to delete. @param {import("./box.js").SearchBox} box */
export function showSaved(box) {
  const place = document.createElement("div");
  const dialog = openDialog(t("search.list_saved"), () => html`${place}${closeButton()}`, { className: "saved" });
  const show = (problem = null) => render(content(box, dialog, show, problem), place);
  const onChange = () => show();
  saved.addEventListener("change", onChange);
  dialog.addEventListener("close", () => saved.removeEventListener("change", onChange));
  show();
}

function content(box, dialog, show, problem) {
  const error = problem ? html`<p class="saved-error" role="alert">${problem.message}
    ${problem.requestId ? html`<small>${t("common.request_id", { id: problem.requestId })}</small>` : nothing}</p>` : nothing;
  const list = html`<ul>${saved.list.map((search) => row(box, dialog, show, search))}</ul>`;
  return html`${error}${saved.list.length ? list : html`<p class="saved-none">${t("search.none_saved")}</p>`}`;
}

/** @param {import("./saved.js").Saved} search */
function row(box, dialog, show, search) {
  const open = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // The browser opens a tab.
    event.preventDefault();
    dialog.close();
    box.go(search.q);
  };
  const remove = (event) => {
    const place = event.target.closest("dialog");
    saved.remove(search.id).then(() => place.querySelector("a, form button").focus(), (error) => show(Problem.of(error)));
  };
  return html`<li>
    <a href=${box.address(search.q)} @click=${open}><bdi>${search.name}</bdi><small><bdi>${search.q}</bdi></small></a>
    <button type="button" class="button" aria-label=${t("search.rename_one", { name: search.name })}
      @click=${() => renameSearch(search, () => {})}>${t("search.rename_short")}</button>
    <button type="button" class="button" aria-label=${t("search.delete_one", { name: search.name })}
      @click=${remove}>${t("search.delete")}</button>
  </li>`;
}
