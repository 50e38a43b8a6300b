/** What a share permits, as fields of a form. */

import { html, nothing } from "../vendor.js";
import { t } from "../shared/texts.js";
import { expiryField, expiryOf } from "./expiry.js";

const MOST_VIEWS = 1_000_000;

/**
 * @param {object} [share] One that is changed, or what a new one has.
 * @param {string} [share.title]
 * @param {string | null} [share.expires_at]
 * @param {boolean} [share.has_password]
 * @param {number | null} [share.max_views]
 * @param {boolean} [share.allow_download]
 * @param {boolean} [share.show_metadata]
 */
export function termFields(share = {}) {
  return html`<p class="field"><label for="share-title">${t("sharing.title_field")}</label>
      <input id="share-title" name="title" dir="auto" maxlength="200" autocomplete="off" .value=${share.title ?? ""}></p>
    <div class="field-pair">
      ${expiryField(share.expires_at)}
      <p class="field"><label for="max-views">${t("sharing.max_views")}</label>
        <input id="max-views" name="max_views" type="number" min="1" max=${MOST_VIEWS} step="1" inputmode="numeric"
          placeholder=${t("sharing.any_number")} .value=${String(share.max_views ?? "")}></p>
    </div>
    <p class="field"><label for="share-password">${share.has_password ? t("sharing.new_password") : t("sharing.password")}</label>
      <input id="share-password" name="password" dir="auto" maxlength="200" autocomplete="off" autocapitalize="none"
        spellcheck="false" placeholder=${share.has_password ? t("sharing.same_password") : t("sharing.no_password")}></p>
    ${share.has_password ? option("no_password", false, t("sharing.remove_password"), "") : nothing}
    ${option("allow_download", share.allow_download, t("sharing.allow_download"), t("sharing.allow_download_hint"))}
    ${option("show_metadata", share.show_metadata, t("sharing.show_metadata"), t("sharing.show_metadata_hint"))}`;
}

function option(name, isChecked, text, hint) {
  return html`<label class="option"><input type="checkbox" name=${name} value="yes" ?checked=${isChecked}>
    <span><strong>${text}</strong>${hint ? html`<small>${hint}</small>` : nothing}</span></label>`;
}

/** The fields as the API has them; what stays as it is, is absent. @param {Record<string, string>} values */
export function termsOf(values) {
  const password = values.no_password ? null : values.password || undefined;
  return {
    title: values.title.trim(),
    expires_at: expiryOf(values),
    max_views: values.max_views ? Number(values.max_views) : null,
    allow_download: values.allow_download === "yes",
    show_metadata: values.show_metadata === "yes",
    password,
  };
}
