/** The uploads of a guest: how many are done, and each with its progress or the reason why it failed. */

import { html, nothing } from "../vendor.js";
import { bytes, counted, number, t } from "../shared/texts.js";
import { canRetry, isEnded } from "../upload/items.js";

/** @param {import("./queue.js").GuestQueue} queue */
export function rows(queue) {
  const { uploads } = queue;
  if (!uploads.length) return nothing;
  const failed = uploads.filter(({ state }) => state === "failed");
  const again = failed.filter(canRetry);
  return html`<p class="guest-summary" role="status">
      ${t("upload.summary", { done: number(uploads.filter(isEnded).length - failed.length), count: number(uploads.length) })}
      ${failed.length ? html`<span class="failed">${counted("guest.refused", failed.length)}</span>` : nothing}
    </p>
    ${again.length && !queue.isActive
      ? html`<button class="button" type="button" @click=${() => queue.retry(again)}>${t("upload.retry_all")}</button>`
      : nothing}
    <ul class="guest-results">${uploads.map(row)}</ul>`;
}

/** @param {import("./queue.js").Upload} upload */
function row({ file, state, sent, reason }) {
  return html`<li class=${state}><bdi>${file.name}</bdi>
    <span>${state === "failed" ? reason : wordsOf(state, sent, file.size)}</span>
    ${state === "sending" ? html`<progress aria-label=${file.name} max=${Math.max(file.size, 1)} .value=${sent}></progress>` : nothing}</li>`;
}

function wordsOf(state, sent, size) {
  if (state !== "sending") return t(`upload.state_${state}`);
  return sent >= size ? t("upload.finishing") : t("upload.progress", { sent: bytes(sent), size: bytes(size) });
}
