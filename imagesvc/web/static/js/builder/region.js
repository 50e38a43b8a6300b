/** The control of a region: left, top, width and height, in percent of the sides or in pixels. */

import { html, nothing } from "../vendor.js";
import { t } from "../shared/texts.js";

const SIDES = [() => t("builder.left"), () => t("builder.top"), () => t("builder.width"), () => t("builder.height")];
/** What empty numbers stand for, in percent: the whole picture. */
const WHOLE = ["0", "0", "100", "100"];
const DECIMALS = 4;
/** The unit while there is no value, which otherwise tells it. */
let isPercent = true;

/** @param {import("./controls.js").Context} context */
export function region({ text, ids, image, isFaulty, cropping, set }) {
  if (text) isPercent = text.includes(".");
  const sides = [image.width, image.height, image.width, image.height];
  const parts = text.split(",");
  const numbers = SIDES.map((_name, index) => shown(parts[index] ?? ""));
  const change = (index) => (event) => {
    const changed = numbers.with(index, event.target.value.trim());
    const isEmpty = changed.every((number) => !number);
    set(isEmpty ? "" : changed.map((number, at) => written(number || whole(at, sides))).join(","));
  };
  const switchUnit = (event) => {
    const wasPercent = isPercent;
    isPercent = event.target.value === "%";
    if (!text || wasPercent === isPercent) return;
    const factors = sides.map((side) => (isPercent ? 100 / side : side / 100));
    set(numbers.map((number, at) => written(String(Math.round(number * factors[at] * 100) / 100))).join(","));
  };
  return html`<div class="build-region">
    ${SIDES.map((name, index) => html`<label>${name()}<input class="build-box" id=${index ? `${ids.id}-${index}` : ids.id}
      type="text" inputmode="decimal" autocomplete="off" aria-invalid=${isFaulty} .value=${numbers[index]} @input=${change(index)}></label>`)}
    <label>${t("builder.unit")}<select @change=${switchUnit}>
      <option value="%" ?selected=${isPercent}>%</option><option value="px" ?selected=${!isPercent}>px</option>
    </select></label>
  </div>
  <button type="button" class="button build-draw" aria-pressed=${cropping.isOn} @click=${() => cropping.toggle()}>${t("builder.draw")}</button>
  ${cropping.isOn ? html`<p class="build-help" id="crop-hint">${t("builder.draw_hint")}</p>` : nothing}`;
}

/** The region of a value in fractions of the sides; null if it is none. @param {string} text @param {Record<string, any>} image */
export function fractionsOf(text, { width, height }) {
  const numbers = text.split(",").map(Number);
  if (!text || numbers.length !== 4 || !numbers.every(Number.isFinite)) return null;
  return text.includes(".") ? numbers : numbers.map((number, at) => number / (at % 2 ? height : width));
}

/** A region as a value, in the unit that the form has. @param {number[]} fractions @param {Record<string, any>} image */
export function regionText(fractions, { width, height }) {
  return fractions.map((part, at) => written(String(part * (isPercent ? 100 : at % 2 ? height : width)))).join(",");
}

/** A number of the grammar as the form has it. @param {string} text */
function shown(text) {
  const number = Number(text);
  return isPercent && text && Number.isFinite(number) ? String(Math.round(number * 10_000) / 100) : text;
}

/** A number of the form in the grammar, where fractions have decimal points. @param {string} text */
function written(text) {
  const number = Number(text);
  if (!Number.isFinite(number)) return text;
  return isPercent ? (number / 100).toFixed(DECIMALS) : String(Math.round(number));
}

function whole(at, sides) {
  return isPercent ? WHOLE[at] : String(at < 2 ? 0 : sides[at]);
}
