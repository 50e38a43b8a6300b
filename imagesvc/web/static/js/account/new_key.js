/** The dialog that makes an API key. */

import { html } from "../vendor.js";
import { Problem, request } from "../shared/api.js";
import { openForm } from "../shared/form_dialog.js";
import { page } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { showSecret } from "./secret.js";

const DAY = 86_400_000;
/** Days until a key expires; 0 is never. */
const LIFETIMES = [
  [0, () => t("account.never")],
  [30, () => t("account.month")],
  [90, () => t("account.quarter")],
  [365, () => t("account.year")],
];

/** @param {() => void} onMade */
export function openNewKey(onMade) {
  const send = async (values) => {
    const made = await makeKey(values.name, scopesIn(values), Number(values.days));
    onMade();
    return () => showSecret(t("account.new_key"), made.key);
  };
  openForm(t("account.make_key"), { fields: fields(), submit: t("account.make"), send });
}

/** @param {string} name @param {string[]} scopes @param {number} [days] */
export function makeKey(name, scopes, days = 0) {
  const expires = days ? new Date(Date.now() + days * DAY).toISOString() : null;
  return request("/api/v1/api-keys", { method: "POST", json: { name, scopes, expires_at: expires } });
}

function fields() {
  const scopes = page.user.is_admin ? ["read", "upload", "manage", "admin"] : ["read", "upload", "manage"];
  return html`<div class="field">
      <label for="key-name">${t("account.key_name")}</label>
      <input id="key-name" name="name" maxlength="100" dir="auto" autocomplete="off" required placeholder=${t("account.key_example")}>
    </div>
    <fieldset class="options">
      <legend>${t("account.scopes")}</legend>
      ${scopes.map(
        (scope) => html`<label class="option"><input type="checkbox" name=${`scope_${scope}`} ?checked=${scope === "read" || scope === "upload"}>
          <span>${t(`account.scope_${scope}`)}</span></label>`,
      )}
    </fieldset>
    <div class="field">
      <label for="key-days">${t("account.expires_after")}</label>
      <select id="key-days" name="days">${LIFETIMES.map(([days, text]) => html`<option value=${days}>${text()}</option>`)}</select>
    </div>`;
}

/** @param {Record<string, string>} values */
function scopesIn(values) {
  const scopes = Object.keys(values).filter((name) => name.startsWith("scope_"));
  if (!scopes.length) throw new Problem(0, "scopes", t("account.scope_needed"));
  return scopes.map((name) => name.slice("scope_".length));
}
