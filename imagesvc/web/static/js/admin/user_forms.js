/** The dialogs that make, change and remove a user. */

import { html, nothing } from "../vendor.js";
import { request } from "../shared/api.js";
import { openForm } from "../shared/form_dialog.js";
import { say } from "../shared/messages.js";
import { counted, t } from "../shared/texts.js";

const MEGABYTE = 1_000_000;

/** @param {() => void} onChange */
export function openNewUser(onChange) {
  const fields = html`${nameField("")} ${passwordField(t("admin.password"))}
    ${quotaField("quota_images", t("admin.quota_images"), null)}
    ${quotaField("quota_megabytes", t("admin.quota_megabytes"), null)}
    ${option("is_admin", t("admin.may_administer"), false)}`;
  const send = async (values) => {
    const json = {
      name: values.name,
      is_admin: "is_admin" in values,
      quota_images: numberIn(values.quota_images),
      quota_bytes: inBytes(numberIn(values.quota_megabytes)),
      ...passwordIn(values),
    };
    await request("/api/v1/users", { method: "POST", json });
    return onChange;
  };
  openForm(t("admin.new_user"), { fields, submit: t("admin.create"), send });
}

/** @param {Record<string, any>} user @param {boolean} isSelf @param {() => void} onChange */
export function openEdit(user, isSelf, onChange) {
  const others = html`${passwordField(t("admin.new_password"))}
    ${option("is_admin", t("admin.may_administer"), user.is_admin)}
    ${option("is_disabled", t("admin.may_not_log_in"), user.is_disabled)}`;
  const fields = html`${nameField(user.name)}
    ${quotaField("quota_images", t("admin.quota_images"), user.quota_images)}
    ${quotaField("quota_megabytes", t("admin.quota_megabytes"), inMegabytes(user.quota_bytes))}
    ${isSelf ? nothing : others}`;
  const send = async (values) => {
    const json = changesOf(user, values, isSelf);
    if (Object.keys(json).length) await request(`/api/v1/users/${user.id}`, { method: "PATCH", json });
    return onChange;
  };
  openForm(t("admin.edit_user", { name: user.name }), { fields, submit: t("admin.save"), send });
}

/** What differs from the user: other members stay as they are. */
function changesOf(user, values, isSelf) {
  const wanted = {
    name: values.name,
    quota_images: numberIn(values.quota_images),
    quota_bytes: values.quota_megabytes === String(inMegabytes(user.quota_bytes) ?? "")
      ? user.quota_bytes
      : inBytes(numberIn(values.quota_megabytes)),
    ...(isSelf ? {} : { is_admin: "is_admin" in values, is_disabled: "is_disabled" in values }),
  };
  const changed = Object.entries(wanted).filter(([name, value]) => value !== user[name]);
  return { ...Object.fromEntries(changed), ...passwordIn(values) };
}

/**
 * @param {Record<string, any>} user
 * @param {Record<string, any>[]} users Those who may get the pictures.
 * @param {() => void} onChange
 */
export function openRemoval(user, users, onChange) {
  const others = users.filter(({ id, is_disabled }) => id !== user.id && !is_disabled);
  const fields = html`<p class="dialog-text">${t("admin.remove_note")}</p>
    <div class="field">
      <label for="images-to">${counted("admin.images_to", user.image_count)}</label>
      <select id="images-to" name="images_to">
        <option value="nobody">${t("admin.to_admins")}</option>
        ${others.map(({ id, name }) => html`<option value=${id}>${name}</option>`)}
      </select>
    </div>`;
  const send = async ({ images_to: owner }) => {
    await request(`/api/v1/users/${user.id}?images_to=${owner}`, { method: "DELETE" });
    return () => {
      say(t("admin.removed", { name: user.name }));
      onChange();
    };
  };
  openForm(t("admin.remove_user", { name: user.name }), { fields, submit: t("admin.remove"), isDanger: true, send });
}

function nameField(name) {
  return html`<div class="field"><label for="user-name">${t("admin.name")}</label>
    <input id="user-name" name="name" .value=${name} maxlength="64" autocomplete="off" autocapitalize="none" spellcheck="false" required></div>`;
}

function passwordField(label) {
  return html`<div class="field"><label for="user-password">${label}</label>
    <input id="user-password" name="password" type="password" autocomplete="new-password" aria-describedby="password-hint">
    <p class="field-hint" id="password-hint">${t("admin.password_hint")}</p></div>`;
}

function quotaField(name, label, value) {
  return html`<div class="field"><label for=${name}>${label}</label>
    <input id=${name} name=${name} type="number" min="0" step="any" .value=${String(value ?? "")} placeholder=${t("admin.as_settings")}></div>`;
}

function option(name, label, isChecked) {
  return html`<label class="option"><input type="checkbox" name=${name} ?checked=${isChecked}><span>${label}</span></label>`;
}

/** @param {Record<string, string>} values */
function passwordIn({ password }) {
  return password ? { password } : {};
}

/** @param {string} text */
function numberIn(text) {
  return text === "" ? null : Number(text);
}

/** @param {number | null} count */
function inMegabytes(count) {
  return count === null ? null : count / MEGABYTE;
}

/** @param {number | null} count */
function inBytes(count) {
  return count === null ? null : Math.round(count * MEGABYTE);
}
