/** The API keys of the user: made, shown once, and removed. */

import { html } from "../vendor.js";
import { request } from "../shared/api.js";
import { confirmed } from "../shared/confirm.js";
import { wholeList } from "../shared/lists.js";
import { dayOf, timeAgo } from "../shared/moments.js";
import { Section } from "../shared/sections.js";
import { t } from "../shared/texts.js";
import { openNewKey } from "./new_key.js";

/** @returns {Section} */
export function showKeyList() {
  const section = new Section("keys", () => wholeList("/api/v1/api-keys"), content);
  section.refresh();
  return section;
}

/** @param {Record<string, any>[]} keys @param {Section} section */
function content(keys, section) {
  const list = keys.length
    ? html`<ul class="rows">${keys.map((key) => row(key, section))}</ul>`
    : html`<p class="rows-empty">${t("account.no_keys")}</p>`;
  return html`${list}
    <button class="button" type="button" @click=${() => openNewKey(() => section.refresh())}>${t("account.make_key")}</button>`;
}

function row(key, section) {
  const used = key.last_used_at ? html`${t("account.used")} ${timeAgo(key.last_used_at)}` : t("account.never_used");
  return html`<li>
    <div class="row-words">
      <strong><bdi>${key.name}</bdi></strong>
      <small>${key.scopes.map((scope) => t(`account.scope_${scope}`)).join(", ")}</small>
      <small>${used} · ${expiry(key)}</small>
    </div>
    <button class="button small" type="button" aria-label=${t("account.remove_key_of", { name: key.name })}
      @click=${() => remove(key, section)}>${t("account.remove_key")}</button>
  </li>`;
}

function expiry({ expires_at: end }) {
  if (!end) return t("account.never_expires");
  return html`${Date.parse(end) < Date.now() ? t("account.expired") : t("account.expires")} ${dayOf(end)}`;
}

async function remove(key, section) {
  const title = t("account.remove_key_of", { name: key.name });
  const isAgreed = await confirmed(title, t("account.remove_key_note"), t("account.remove_key"));
  if (isAgreed) await section.act(() => request(`/api/v1/api-keys/${key.id}`, { method: "DELETE" }));
}
