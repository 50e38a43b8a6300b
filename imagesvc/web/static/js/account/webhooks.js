/** The webhooks of the user: made, tested, watched and removed. */

import { html, nothing } from "../vendor.js";
import { request } from "../shared/api.js";
import { confirmed } from "../shared/confirm.js";
import { openForm } from "../shared/form_dialog.js";
import { wholeList } from "../shared/lists.js";
import { timeAgo } from "../shared/moments.js";
import { page } from "../shared/page.js";
import { Section } from "../shared/sections.js";
import { t } from "../shared/texts.js";
import { openDeliveries } from "./deliveries.js";
import { showSecret } from "./secret.js";

const IMAGES = ["created", "updated", "trashed", "restored", "deleted"].map((name) => `image.${name}`);
const JOBS = ["pending", "processing", "succeeded", "failed", "cancelled"].map((name) => `job.${name}`);
/** The events that a webhook can be made for, with their names. */
const CHOICES = { all: ["*"], images: IMAGES, jobs: JOBS };

export function showWebhooks() {
  new Section("webhooks", loadOwn, content).refresh();
}

/** Those of the user, also if an admin may see others. */
async function loadOwn() {
  const webhooks = await wholeList("/api/v1/webhooks");
  return page.user ? webhooks.filter(({ owner_id: owner }) => owner === page.user.id) : webhooks;
}

/** @param {Record<string, any>[]} webhooks @param {Section} section */
function content(webhooks, section) {
  return html`${webhooks.length
      ? html`<ul class="rows">${webhooks.map((webhook) => row(webhook, section))}</ul>`
      : html`<p class="rows-empty">${t("account.no_webhooks")}</p>`}
    <button class="button" type="button" @click=${() => openNewWebhook(section)}>${t("account.make_webhook")}</button>`;
}

function row(webhook, section) {
  const action = (text, run) => html`<button class="button small" type="button" @click=${run}>${text}<span class="visually-hidden"> <bdi>${webhook.url}</bdi></span></button>`;
  return html`<li>
    <div class="row-words">
      <strong><bdi>${webhook.url}</bdi></strong>
      <small>${webhook.event_types.includes("*") ? t("account.webhook_all") : webhook.event_types.join(", ")}</small>
      ${stateOf(webhook)}
    </div>
    <div class="row-buttons">
      ${action(t("account.deliveries"), () => openDeliveries(webhook, () => section.refresh()))}
      ${action(t("account.remove_webhook"), () => remove(webhook, section))}
    </div>
  </li>`;
}

function stateOf({ is_enabled: isEnabled, failing_since: since }) {
  if (!isEnabled) return html`<span class="badge alarm">${t("account.webhook_off")}</span>`;
  return since ? html`<span class="badge alarm">${t("account.webhook_failing")} ${timeAgo(since)}</span>` : nothing;
}

/** @param {Section} section */
function openNewWebhook(section) {
  const names = { all: t("account.webhook_all"), images: t("account.webhook_images"), jobs: t("account.webhook_jobs") };
  const fields = html`<div class="field">
      <label for="webhook-url">${t("account.webhook_url")}</label>
      <input id="webhook-url" name="url" type="url" inputmode="url" autocomplete="off" required placeholder="https://">
    </div>
    <div class="field">
      <label for="webhook-types">${t("account.webhook_types")}</label>
      <select id="webhook-types" name="types">${Object.entries(names).map(([value, name]) => html`<option value=${value}>${name}</option>`)}</select>
    </div>`;
  const send = async ({ url, types }) => {
    const json = { url, event_types: CHOICES[types] };
    const { secret } = await request("/api/v1/webhooks", { method: "POST", json });
    section.refresh();
    return () => showSecret(t("account.webhook_secret"), secret);
  };
  openForm(t("account.make_webhook"), { fields, submit: t("account.make"), send });
}

async function remove(webhook, section) {
  const title = t("account.remove_webhook_of", { url: webhook.url });
  const isAgreed = await confirmed(title, t("account.remove_webhook_note"), t("account.remove_webhook"));
  if (isAgreed) await section.act(() => request(`/api/v1/webhooks/${webhook.id}`, { method: "DELETE" }));
}
