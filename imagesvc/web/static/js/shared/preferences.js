/** The menu of every page: theme and language. */

import { page } from "./page.js";

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
for (const choice of menu.querySelectorAll("fieldset")) choice.disabled = false;
