/** Who may see the selected pictures. */

import { html } from "../vendor.js";
import { openForm } from "../shared/form_dialog.js";
import { counted, t, visibilityName } from "../shared/texts.js";
import { PUBLIC, UNLISTED } from "../timeline/buckets.js";
import { finish } from "./results.js";

const FLAGS = { private: 0, unlisted: UNLISTED, public: PUBLIC };

const choice = (value, hint, chosen) => html`<label class="option">
  <input type="radio" name="visibility" value=${value} ?checked=${value === chosen} required>
  <span><strong>${visibilityName(value)}</strong><small>${hint}</small></span></label>`;

/** The visibility that all of them have, if it is the same and known. @param {import("./selected.js").Selected} selected */
function common({ flags, count }) {
  const values = new Set(flags.map((flag) => flag & (PUBLIC | UNLISTED)));
  if (flags.length !== count || values.size !== 1) return null;
  return Object.keys(FLAGS).find((name) => values.has(FLAGS[name]));
}

/** @param {import("./selected.js").Selected} selected */
export function editVisibility(selected) {
  const chosen = common(selected);
  const fields = html`<p class="dialog-note">${counted("selection.count", selected.count)}</p>
    <fieldset class="options">
      <legend class="visually-hidden">${t("selection.visibility")}</legend>
      ${choice("private", t("selection.private_hint"), chosen)}
      ${choice("unlisted", t("selection.unlisted_hint"), chosen)}
      ${choice("public", t("selection.public_hint"), chosen)}
    </fieldset>`;
  const send = async ({ visibility }) => {
    const done = await selected.update({ visibility });
    return () => {
      selected.setFlags((flags) => (flags & ~(PUBLIC | UNLISTED)) | FLAGS[visibility]);
      return finish(selected, done, { isKept: true });
    };
  };
  return openForm(t("selection.visibility"), { fields, submit: t("selection.apply"), send });
}
