/** The menu of every page, and the choice of theme and language there and in the account. */

import { page } from "./page.js";

const YEAR_SECONDS = 31_536_000;

/** @param {string} name @param {string} value */
function keep(name, value) {
  const place = `path=${page.base || "/"}; max-age=${YEAR_SECONDS}; samesite=lax`;
  document.cookie = `imagesvc_${name}=${encodeURIComponent(value)}; ${place}`;
}

/** @param {HTMLInputElement} input */
function choose({ name, value }) {
  keep(name, value);
  if (name === "language") {
    location.reload();
    return;
  }
  document.documentElement.dataset.theme = value;
  for (const input of document.querySelectorAll(".choice input")) {
    if (input.name === name) input.checked = input.value === value;
  }
}

const menu = /** @type {HTMLDetailsElement} */ (document.querySelector(".menu"));

menu.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !menu.open) return;
  menu.open = false;
  menu.querySelector("summary").focus();
  event.stopPropagation();
});
document.addEventListener("pointerdown", (event) => {
  if (!menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
});
for (const choice of document.querySelectorAll("fieldset.choice")) {
  choice.addEventListener("change", (event) => choose(/** @type {HTMLInputElement} */ (event.target)));
  choice.disabled = false;
}
