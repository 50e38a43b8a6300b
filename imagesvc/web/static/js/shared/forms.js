/** A form that a script sends as JSON, with its error below the fields. */

import { Problem } from "./api.js";
import { t } from "./texts.js";

/**
 * @param {HTMLFormElement} form
 * @param {(values: Record<string, string>) => Promise<void>} send
 * @param {(problem: Problem) => string} reason What to show for a problem.
 */
export function sendByScript(form, send, reason) {
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("[type=submit]"));
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!isFilled(form)) return;
    button.disabled = true;
    try {
      const entries = [...new FormData(form)].map(([name, value]) => [name, String(value)]);
      await send(Object.fromEntries(entries));
    } catch (error) {
      const problem = Problem.of(error);
      show(form, reason(problem), problem.requestId);
    } finally {
      button.disabled = false;
    }
  });
}

/** Whether all required fields have values; marks those that have none. */
function isFilled(form) {
  const empty = [];
  for (const field of form.querySelectorAll("input[required]")) {
    const isEmpty = field.validity.valueMissing;
    field.setAttribute("aria-invalid", String(isEmpty));
    if (isEmpty) empty.push(field);
  }
  if (empty.length) {
    show(form, t("common.required"));
    empty[0].focus();
  }
  return !empty.length;
}

/** @param {HTMLFormElement} form @param {string} text @param {string} [requestId] */
function show(form, text, requestId = "") {
  const place = /** @type {HTMLElement} */ (form.querySelector(".form-error"));
  place.textContent = text;
  if (requestId) {
    const small = document.createElement("small");
    small.textContent = t("common.request_id", { id: requestId });
    place.append(small);
  }
  place.hidden = false;
}
