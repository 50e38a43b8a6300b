/** The form for a new password. It ends all sessions, so this browser logs in again. */

import { html, render } from "../vendor.js";
import { Problem, request } from "../shared/api.js";
import { sendByScript } from "../shared/forms.js";
import { say } from "../shared/messages.js";
import { page } from "../shared/page.js";
import { t } from "../shared/texts.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("password"));
const old = /** @type {HTMLInputElement} */ (document.getElementById("old"));

/** @param {() => void} onChange After the other sessions have ended. */
export async function listenToPassword(onChange) {
  sendByScript(form, (values) => change(values, onChange), ({ message }) => message);
  const user = await request("/api/v1/session").then((it) => it.user, () => null);
  if (user && !user.has_password && !page.user.is_admin) {
    render(html`<p class="panel-note">${t("account.no_password")}</p>`, document.getElementById("password-note"));
    return;
  }
  if (user && !user.has_password) setFirst();
  form.hidden = false;
}

/** An admin without a password sets the first one. */
function setFirst() {
  old.required = false;
  old.closest(".field").remove();
}

/** @param {Record<string, string>} values @param {() => void} onChange */
async function change({ old: oldPassword, new: password, repeated }, onChange) {
  if (password !== repeated) throw new Problem(0, "different", t("account.different"));
  const json = oldPassword ? { password, old_password: oldPassword } : { password };
  await request(`/api/v1/users/${page.user.id}`, { method: "PATCH", json });
  try {
    await request("/api/v1/session", { method: "POST", json: { name: page.user.name, password } });
  } catch {
    location.reload(); // It leads to the log-in.
    return;
  }
  form.reset();
  say(t("account.password_changed"));
  onChange();
}
