/** The set-up: the single-use token in the URL lets the first admin choose a name and a password. */

import "./shared/preferences.js";
import { Problem, request } from "./shared/api.js";
import { sendByScript } from "./shared/forms.js";
import { url } from "./shared/page.js";
import { t } from "./shared/texts.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("setup"));
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname); // The token is not kept in the history.

/** @param {Record<string, string>} values */
async function setUp({ name, password, repeated }) {
  if (password !== repeated) throw new Problem(0, "different", t("setup.different"));
  await request("/api/v1/setup", { method: "POST", json: { token, name, password } });
  location.replace(url("/"));
}

/** @param {Problem} problem */
function reason(problem) {
  return problem.code === "setup_closed" ? t("setup.closed") : problem.message;
}

sendByScript(form, setUp, reason);
