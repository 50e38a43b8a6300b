/** The log-in: a name and a password become a session. */

import "./shared/preferences.js";
import { request } from "./shared/api.js";
import { sendByScript } from "./shared/forms.js";
import { page } from "./shared/page.js";
import { counted, t } from "./shared/texts.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("login"));

/** @param {Record<string, string>} values */
async function logIn({ name, password }) {
  await request("/api/v1/session", { method: "POST", json: { name, password } });
  location.replace(page.next);
}

/** @param {import("./shared/api.js").Problem} problem */
function reason(problem) {
  if (problem.status === 401) return t("login.wrong");
  if (problem.status === 429) return counted("login.wait", problem.retryAfter);
  return problem.message;
}

sendByScript(form, logIn, reason);
