/** The field for the end of a link: after some days, on a day, or never. */

import { html, nothing } from "../vendor.js";
import { momentName } from "../shared/moments.js";
import { duration, t } from "../shared/texts.js";

const DAY = 86_400;
const DAYS = [1, 7, 30, 365];

/** @param {string | null} [current] The end of a link that is changed. */
export function expiryField(current = null) {
  const choose = ({ target }) => {
    const day = target.parentElement.querySelector("input");
    day.hidden = target.value !== "day";
    day.required = !day.hidden;
    if (day.required) day.focus();
  };
  return html`<p class="field"><label for="expires">${t("sharing.expires")}</label>
    <select id="expires" name="expires" @change=${choose}>
      ${current ? html`<option value="keep" selected>${momentName(current)}</option>` : nothing}
      <option value="">${t("sharing.never")}</option>
      ${DAYS.map((days) => html`<option value=${days}>${t("sharing.after", { time: duration(days * DAY) })}</option>`)}
      <option value="day">${t("sharing.on_day")}</option>
    </select>
    <input class="expiry-day" type="date" name="day" aria-label=${t("sharing.day")} min=${localDay()} hidden></p>`;
}

/** Today as fields of dates have it. */
function localDay() {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/** The end that was chosen; null if there is none, undefined if it stays. @param {Record<string, string>} values */
export function expiryOf({ expires, day }) {
  if (expires === "keep") return undefined;
  if (expires === "") return null;
  if (expires === "day") return new Date(`${day}T23:59:59`).toISOString();
  return new Date(Date.now() + Number(expires) * DAY * 1000).toISOString();
}
