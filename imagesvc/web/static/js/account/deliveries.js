/** The dialog with the newest deliveries of a webhook. */

import { html, nothing } from "../vendor.js";
import { request } from "../shared/api.js";
import { closeButton, openDialog } from "../shared/dialog.js";
import { pageOf } from "../shared/lists.js";
import { timeAgo } from "../shared/moments.js";
import { Section } from "../shared/sections.js";
import { counted, t } from "../shared/texts.js";

const LIMIT = 50;

/** @param {Record<string, any>} webhook @param {() => void} onClose */
export function openDeliveries(webhook, onClose) {
  const api = `/api/v1/webhooks/${webhook.id}`;
  const dialog = openDialog(
    t("account.deliveries"),
    () => html`<p class="panel-note"><bdi>${webhook.url}</bdi></p>
      <div id="deliveries" class="deliveries" tabindex="-1"></div>
      <div class="dialog-buttons">${closeButton()}</div>`,
    { className: "wide-dialog" },
  );
  dialog.addEventListener("close", onClose);
  const load = async () => {
    const [current, { data }] = await Promise.all([request(api), pageOf(`${api}/deliveries`, null, LIMIT)]);
    return { webhook: current, deliveries: data };
  };
  new Section("deliveries", load, (data, section) => content(data, section, api)).refresh();
}

/** @param {{webhook: Record<string, any>, deliveries: Record<string, any>[]}} data @param {Section} section @param {string} api */
function content({ webhook, deliveries }, section, api) {
  const post = (path) => section.act(() => request(api + path, { method: "POST" }));
  const toggle = () => section.act(() => request(api, { method: "PATCH", json: { is_enabled: !webhook.is_enabled } }));
  return html`<p class="panel-buttons">
      <button class="button small" type="button" @click=${() => post("/test")}>${t("account.send_test")}</button>
      <button class="button small" type="button" @click=${toggle}>${webhook.is_enabled ? t("account.switch_off") : t("account.switch_on")}</button>
      <button class="button small" type="button" @click=${() => section.refresh()}>${t("account.load_again")}</button>
    </p>
    ${deliveries.length
      ? html`<ul class="rows">${deliveries.map((delivery) => row(delivery, () => post(`/deliveries/${delivery.id}/replay`)))}</ul>`
      : html`<p class="rows-empty">${t("account.no_deliveries")}</p>`}`;
}

function row(delivery, replay) {
  const { status, event_type: type, answer_status: answer, error } = delivery;
  const name = t(`account.delivery_${status}`);
  return html`<li>
    <div class="row-words">
      <p><strong><bdi>${type}</bdi></strong> <span class=${status === "failed" ? "badge alarm" : "badge"}>${name}</span></p>
      ${error ? html`<span>${error}</span>` : nothing}
      <small>${timeAgo(delivery.created_at)} · ${counted("account.attempts", delivery.attempts)}${answer ? ` · HTTP ${answer}` : ""}</small>
    </div>
    ${status === "pending" ? nothing : html`<button class="button small" type="button" @click=${replay}>${t("account.replay")}</button>`}
  </li>`;
}
