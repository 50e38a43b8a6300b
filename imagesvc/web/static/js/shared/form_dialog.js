/** Dialogs with a form: they close when it was sent, and show errors until then. */

import { html } from "../vendor.js";
import { Problem } from "./api.js";
import { openDialog } from "./dialog.js";
import { sendByScript } from "./forms.js";
import { loaded } from "./loading.js";
import { sayProblem } from "./messages.js";
import { loadStyle } from "./styles.js";
import { t } from "./texts.js";

/**
 * @param {string} title
 * @param {object} parts
 * @param {unknown} parts.fields A template of lit-html.
 * @param {string} parts.submit The text of the button that sends the form.
 * @param {boolean} [parts.isDanger] Whether it cannot be undone.
 * @param {(values: Record<string, string>, form: HTMLFormElement) => Promise<() => unknown>} parts.send
 *   Returns what to do after the dialog has closed, as messages are hidden until then.
 */
export async function openForm(title, { fields, submit, isDanger = false, send }) {
  if (!(await loaded(loadStyle("css/dialogs.css")))) return null;
  const dialog = openDialog(title, (made) => html`<form class="dialog-form" novalidate>
    ${fields}
    <p class="form-error" role="alert" hidden></p>
    <div class="dialog-buttons">
      <button class="button" type="button" @click=${() => made.close()}>${t("common.cancel")}</button>
      <button class=${isDanger ? "button danger" : "button primary"} type="submit" disabled>${submit}</button>
    </div></form>`);
  const form = dialog.querySelector("form");
  const sendAndClose = async (values) => {
    const after = await send(values, form).catch((error) => {
      if (dialog.open) throw error;
      sayProblem(Problem.of(error));
    });
    dialog.close();
    try {
      await after?.();
    } catch (error) {
      sayProblem(Problem.of(error));
    }
  };
  sendByScript(form, sendAndClose, (problem) => problem.message);
  return dialog;
}
