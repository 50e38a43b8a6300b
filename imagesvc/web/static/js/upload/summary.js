/** The state of all uploads together: in words, as numbers, and in a bar. */

import { html, nothing } from "../vendor.js";
import { url } from "../shared/page.js";
import { counted, number, t } from "../shared/texts.js";
import { canRetry, isEnded } from "./items.js";

/** @param {import("./queue.js").Queue} queue */
export function totalOf({ items }) {
  const total = { count: items.length, ended: 0, done: 0, failed: 0, canRetry: 0, bytes: 0, sent: 0 };
  for (const item of items) {
    const isOver = isEnded(item);
    const size = item.size || 1;
    total.ended += Number(isOver);
    total.done += Number(item.state === "done");
    total.failed += Number(item.state === "failed" || item.state === "lost");
    total.canRetry += Number(canRetry(item));
    total.bytes += size;
    total.sent += isOver ? size : item.sent;
  }
  return { ...total, share: total.bytes ? total.sent / total.bytes : 1 };
}

/** @param {import("./queue.js").Queue} queue @param {ReturnType<typeof totalOf>} total */
export function summary(queue, total) {
  const isActive = total.ended < total.count;
  return html`<div class="upload-total">
      <span>${t("upload.summary", { done: number(total.ended - total.failed), count: number(total.count) })}</span>
      ${total.failed ? html`<span class="upload-failures">${counted("upload.failed", total.failed)}</span>` : nothing}
      ${isActive ? html`<progress aria-label=${t("upload.all")} max="1" value=${total.share}></progress>` : nothing}
    </div>
    ${notice(queue)}
    <div class="upload-actions">${buttons(queue, total, isActive)}</div>`;
}

function buttons(queue, total, isActive) {
  const isHalted = queue.isPaused || queue.isLoggedOut;
  const button = (text, run) => html`<button class="button" type="button" @click=${run}>${text}</button>`;
  return [
    isActive && !isHalted ? button(t("upload.pause"), () => queue.pause()) : nothing,
    isHalted ? button(t("upload.resume"), () => queue.resume()) : nothing,
    total.canRetry ? button(t("upload.retry_all"), () => queue.retry(queue.items.filter(canRetry))) : nothing,
    isActive ? button(t("upload.cancel_all"), () => queue.cancelAll()) : nothing,
    total.failed ? button(t("upload.clear_all"), () => queue.removeEnded()) : nothing,
    total.ended > total.failed ? button(t("upload.clear"), () => queue.removeFinished()) : nothing,
  ];
}

/** Why nothing is sent now. */
function notice({ connection, isPaused, isLoggedOut, isActive }) {
  if (!isActive) return nothing;
  if (isLoggedOut) {
    return html`<p class="upload-notice">${t("upload.logged_out")}
      <a href=${url("/login")} target="_blank" rel="noopener">${t("upload.log_in")}</a></p>`;
  }
  if (isPaused) return html`<p class="upload-notice">${t("upload.paused")}</p>`;
  if (connection.state === "offline") return html`<p class="upload-notice">${t("upload.offline")}</p>`;
  if (connection.state === "busy") return html`<p class="upload-notice">${t("upload.busy")}</p>`;
  return nothing;
}
