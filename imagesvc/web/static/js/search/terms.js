/** Terms in words: what chips show. */

import { html, nothing } from "../vendor.js";
import { variantUrl } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { unquoted } from "./grammar.js";
import { colourName, colourOf } from "./hues.js";

const ID = /^[0-9a-f-]{32,36}$/i;
const SHAPES = ["landscape", "portrait", "square"];

/** A circle of a colour. @param {string} colour */
export const swatch = (colour) => html`<svg class="swatch" viewBox="0 0 16 16" aria-hidden="true">
  <circle cx="8" cy="8" r="7.500" fill=${colour}></circle></svg>`;

/** The swatch of a value of `color:`. @param {string} value */
export function swatchOf(value) {
  const colour = colourOf(value);
  return colour ? swatch(colour) : nothing;
}

/** A value of a field in words. @param {string} field @param {string} value */
export function valueName(field, value) {
  const known = value.toLowerCase();
  if (field === "orientation" && SHAPES.includes(known)) return t(`search.shape_${known}`);
  if (field === "is" && known === "favourite") return t("search.favourites");
  if (field === "color") return colourName(value);
  if (field === "is" && known === "waiting") return t("search.waiting");
  if (field === "format") return unquoted(value).toUpperCase();
  return field === "tags" ? value.split(",").map(unquoted).join(", ") : unquoted(value);
}

/** The kind of a term, and its value. @param {import("./grammar.js").Term} term */
function namesOf({ field, value, text, isNegated }) {
  if (!field) return { kind: "", value: isNegated ? text.slice(1) : text };
  const kind = field === "is" || field === "similar" ? "" : t(`search.kind_${field}`);
  return { kind, value: field === "similar" ? t("search.similar") : valueName(field, value) };
}

/** A term as plain text. @param {import("./grammar.js").Term} term */
export function termName(term) {
  const { kind, value } = namesOf(term);
  const name = kind ? `${kind}: ${value}` : value;
  return term.isNegated ? t("search.not", { term: name }) : name;
}

/** What a chip shows of a term. @param {import("./grammar.js").Term} term */
export function termContent(term) {
  const { kind, value } = namesOf(term);
  const not = term.isNegated ? html`<span class="not">${t("search.excluded")}</span> ` : nothing;
  return html`${not}${picture(term)}${kind ? html`<span class="kind">${kind}</span> ` : nothing}<bdi>${value}</bdi>`;
}

/** The colour or the image that a term names. @param {import("./grammar.js").Term} term */
function picture({ field, value }) {
  if (field === "color") return swatchOf(value);
  if (field !== "similar" || !ID.test(value)) return nothing;
  return html`<img src=${variantUrl(value, ["thumbnail", "grid", "preview"], "w=64&h=64")} alt="">`;
}
