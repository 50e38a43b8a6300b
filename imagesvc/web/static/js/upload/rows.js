/** One upload in the list of the tray. */

import { html, nothing } from "../vendor.js";
import { Problem } from "../shared/api.js";
import { sayProblem } from "../shared/messages.js";
import { url, variantUrl } from "../shared/page.js";
import { bytes, t } from "../shared/texts.js";
import { canRetry, isEnded, isSent } from "./items.js";

/** @typedef {import("./items.js").Item} Item */

const icon = (path) => html`<svg viewBox="0 0 24 24" aria-hidden="true"><path class="line" d=${path}></path></svg>`;
const CROSS = "M7 7l10 10M17 7L7 17";
const AGAIN = "M19 12a7 7 0 1 1-2-5l2 2M19 4v5h-5";
const MARKS = { failed: "M12 7v6M12 16.5v.1", lost: "M12 7v6M12 16.5v.1", done: "M7 12.5l3.5 3.5 6.5-8", duplicate: "M8 8h9v9H8zM6 14V6h8" };
const WAITING = "M12 16V8M8.5 11.2L12 7.7l3.5 3.5";

/** @param {Item} item @param {import("./queue.js").Queue} queue */
export function row(item, queue) {
  return html`${mark(item)}
    <div class="upload-words">
      <bdi class="upload-name" title=${item.path}>${linked(item)}</bdi>
      <span class="upload-state">${stateOf(item)}</span>
      ${item.state === "sending" ? progress(item) : nothing}
      ${item.requestId ? html`<small>${t("common.request_id", { id: item.requestId })}</small>` : nothing}
      ${item.place === "elsewhere"
        ? html`<button class="upload-anyway" type="button" @click=${() => move(item, queue)}>${t("upload.move")}</button>`
        : nothing}
      ${item.state === "duplicate"
        ? html`<button class="upload-anyway" type="button" @click=${() => queue.force(item)}>${t("upload.anyway")}</button>`
        : nothing}
    </div>
    ${canRetry(item) ? action(t("common.retry"), AGAIN, item, () => queue.retry([item])) : nothing}
    ${isSent(item) ? nothing : action(isEnded(item) ? t("upload.remove") : t("upload.cancel"), CROSS, item, () => queue.remove(item))}`;
}

async function move(item, queue) {
  try {
    await queue.move(item);
  } catch (error) {
    sayProblem(Problem.of(error));
  }
}

/** The picture once the server has it; before that, a sign of the state. */
function mark({ state, imageId }) {
  if (imageId) {
    const source = variantUrl(imageId, ["thumbnail", "grid"], "w=96&h=96&fit=cover");
    return html`<span class="upload-mark"><img src=${source} alt="" loading="lazy" @error=${hide}></span>`;
  }
  return html`<span class="upload-mark ${state}">${icon(MARKS[state] ?? WAITING)}</span>`;
}

function hide(event) {
  event.target.hidden = true;
}

/** The name, as a link where the picture can be opened. */
function linked({ name, imageId, isTrashed, twin }) {
  const id = isTrashed ? null : (imageId ?? twin?.imageId);
  return id ? html`<a href=${url(`/view/${id}`)}>${name}</a>` : name;
}

/** @param {Item} item */
function stateOf(item) {
  const { state, sent, size, address, reason, twin, isTrashed, place } = item;
  if (state === "failed") return reason;
  if (state === "duplicate" && twin) return t("upload.same", { name: twin.name });
  if (state === "duplicate" && isTrashed) return t("upload.trashed");
  if (state === "duplicate" && place) return t(`upload.known_${place}`);
  if (state !== "sending") return t(`upload.state_${state}`);
  if (address) return t("upload.importing");
  return isSent(item) ? t("upload.finishing") : t("upload.progress", { sent: bytes(sent), size: bytes(size) });
}

function progress(item) {
  const isMeasured = !item.address && !isSent(item);
  return html`<progress aria-label=${item.name} max=${Math.max(item.size, 1)} value=${isMeasured ? item.sent : nothing}></progress>`;
}

function action(label, path, item, run) {
  return html`<button class="icon-button" type="button" title=${label} @click=${run}>
    ${icon(path)}<span class="visually-hidden">${label} <bdi>${item.name}</bdi></span>
  </button>`;
}
