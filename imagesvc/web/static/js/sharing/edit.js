/** Changing what a share permits; its link stays. */

import { html } from "../vendor.js";
import { request } from "../shared/api.js";
import { openForm } from "../shared/form_dialog.js";
import { t } from "../shared/texts.js";
import { termFields, termsOf } from "./terms.js";

/** @param {Record<string, any>} share @param {() => unknown} done */
export function editShare(share, done) {
  const send = async (values) => {
    await request(`/api/v1/shares/${share.id}`, { method: "PATCH", json: termsOf(values) });
    return done;
  };
  const fields = html`<p class="dialog-note">${t("sharing.edit_note")}</p>${termFields(share)}`;
  return openForm(t("sharing.edit"), { fields, submit: t("sharing.save"), send });
}
