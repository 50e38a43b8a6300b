/** When the selected pictures were taken. */

import { html } from "../vendor.js";
import { openForm } from "../shared/form_dialog.js";
import { counted, t } from "../shared/texts.js";
import { finish } from "./results.js";

/** @param {import("./selected.js").Selected} selected */
export function editDate(selected) {
  const fields = html`<p class="dialog-note">${counted("selection.count", selected.count)}</p>
    <p class="field"><label for="taken">${t("selection.taken")}</label>
      <input id="taken" name="taken" type="datetime-local" step="1" required .value=${firstDate(selected)}></p>
    <p class="dialog-note">${t("selection.date_hint")}</p>`;
  const send = async ({ taken }) => {
    const done = await selected.update({ taken_at: taken.length === 16 ? `${taken}:00` : taken });
    return () => finish(selected, done, { isAgain: true });
  };
  return openForm(t("selection.date"), { fields, submit: t("selection.apply"), send });
}

/** That of the first one that has been loaded, as the field has it. */
function firstDate({ grid: { selection, buckets } }) {
  for (const { ids, taken } of buckets.columns) {
    const within = ids.findIndex((id) => selection.has(id));
    if (within >= 0) return new Date(taken[within] * 1000).toISOString().slice(0, 19);
  }
  return "";
}
