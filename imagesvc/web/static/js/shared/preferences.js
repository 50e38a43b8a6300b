/** The menu of every page: theme, language, and the end of the session. */

import { request } from "./api.js";
import { sayProblem } from "./messages.js";
import { page, url } from "./page.js";

const YEAR_SECONDS = 31_536_000;

/** @param {string} name @param {string} value */
function keep(name, value) {
  const place = `path=${page.base || "/"}; max-age=${YEAR_SECONDS}; samesite=lax`;
  document.cookie = `imagesvc_${name}=${encodeURIComponent(value)}; ${place}`;
}

/** @param {HTMLInputElement} input */
function choose(input) {
  keep(input.name, input.value);
  if (input.name === "theme") document.documentElement.dataset.theme = input.value;
  else location.reload();
}

async function logOut() {
  try {
    await request("/api/v1/session", { method: "DELETE" });
    location.assign(url("/login"));
  } catch (problem) {
    sayProblem(problem);
  }
}

const menu = /** @type {HTMLDetailsElement} */ (document.querySelector(".menu"));

menu.addEventListener("change", (event) => choose(/** @type {HTMLInputElement} */ (event.target)));
menu.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !menu.open) return;
  menu.open = false;
  menu.querySelector("summary").focus();
  event.stopPropagation();
});
document.addEventListener("pointerdown", (event) => {
  if (!menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
});
document.getElementById("log-out")?.addEventListener("click", logOut);
