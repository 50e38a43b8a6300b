/** Who may see the selected pictures. */

import { html } from "../vendor.js";
import { openForm } from "../shared/form_dialog.js";
import { counted, t, visibilityName } from "../shared/texts.js";
import { PUBLIC, UNLISTED } from "../timeline/buckets.js";
import { finish } from "./results.js";

const FLAGS = { private: 0, unlisted: UNLISTED, public: PUBLIC };

const choice = (value, hint) => html`<label class="option">
  <input type="radio" name="visibility" value=${value} required>
  <span><strong>${visibilityName(value)}</strong><small>${hint}</small></span></label>`;

/** @param {import("./selected.js").Selected} selected */
export function editVisibility(selected) {
  const fields = html`<p class="dialog-note">${counted("selection.count", selected.count)}</p>
    <fieldset class="options">
      <legend class="visually-hidden">${t("selection.visibility")}</legend>
      ${choice("private", t("selection.private_hint"))}
      ${choice("unlisted", t("selection.unlisted_hint"))}
      ${choice("public", t("selection.public_hint"))}
    </fieldset>`;
  const send = async ({ visibility }) => {
    const done = await selected.update({ visibility });
    return () => {
      selected.setFlags((flags) => (flags & ~(PUBLIC | UNLISTED)) | FLAGS[visibility]);
      return finish(selected, done);
    };
  };
  return openForm(t("selection.visibility"), { fields, submit: t("selection.apply"), send });
}
