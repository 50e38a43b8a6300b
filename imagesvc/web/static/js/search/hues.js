/** The names of colours that searches find, each with the colour of its swatch. */

import { t } from "../shared/texts.js";

const SWATCHES = new Map([
  ["red", "#c0392b"],
  ["orange", "#e08a2c"],
  ["yellow", "#e6c84a"],
  ["green", "#4f8f4a"],
  ["cyan", "#3fb5b5"],
  ["blue", "#3a6fb0"],
  ["purple", "#7a5aa6"],
  ["pink", "#e79ab5"],
  ["brown", "#7b5638"],
  ["white", "#f6f6f4"],
  ["gray", "#8c8c8a"],
  ["black", "#1c1c1b"],
]);
const HEXADECIMAL = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i;

/** The name as the API has it. @param {string} value */
function hueOf(value) {
  const hue = value.toLowerCase().replace("grey", "gray");
  return SWATCHES.has(hue) ? hue : null;
}

/** A colour in words, or as it was written. @param {string} value */
export function colourName(value) {
  const hue = hueOf(value);
  return hue ? t(`search.hue_${hue}`) : value;
}

/** What a swatch shows; null if the value is no colour. @param {string} value */
export function colourOf(value) {
  const digits = value.match(HEXADECIMAL)?.[1];
  return digits ? `#${digits}` : (SWATCHES.get(hueOf(value)) ?? null);
}
