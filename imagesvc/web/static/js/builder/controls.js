/** The controls of the form, one for each kind of values. */

import { html, nothing } from "../vendor.js";
import { page } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { region } from "./region.js";
import { nudged, scaleOf } from "./scales.js";

/**
 * @typedef {object} Context
 * @property {import("./fields.js").Field} field
 * @property {string} text The value; "" if there is none.
 * @property {{id: string, name: string, help: string}} ids
 * @property {Record<string, any>} image
 * @property {import("./crop.js").Cropping} cropping
 * @property {boolean} isFaulty
 * @property {boolean} isOverPreset Whether a preset may have another value.
 * @property {(text: string) => void} set
 */

/** More choices than this are a list. */
const BUTTONS = 8;
const POINT = "fp:";
const CENTRE = ["0.5", "0.5"];

const typed = (set) => (event) => set(event.target.value.trim());

/** @param {Context} context */
function slider({ field, text, ids, image, set }) {
  const scale = scaleOf(field, image);
  const isUnset = text === "" || Number.isNaN(Number(text));
  const value = isUnset ? field.default ?? field.minimum : Number(text);
  const move = (event) => set(String(scale.valueAt(Number(event.target.value))));
  return html`<input type="range" class=${isUnset ? "is-unset" : ""} aria-labelledby=${ids.name} aria-valuetext=${isUnset ? t("builder.unset") : value} min=${scale.minimum}
    max=${scale.maximum} step=${scale.step} .value=${String(scale.positionOf(value))} @input=${move}>`;
}

/** A field of text for numbers: what is invalid stays as it was typed. @param {Context} context */
function box({ field, text, ids, image, isFaulty, set }) {
  const nudge = (event) => {
    const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!direction || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const from = Number.isFinite(Number(text)) && text ? Number(text) : scaleOf(field, image).rest;
    set(String(nudged(field, from, direction * (event.shiftKey ? 10 : 1))));
  };
  return html`<input class="build-box" id=${ids.id} type="text" inputmode=${field.kind === "whole" ? "numeric" : "decimal"}
    autocomplete="off" spellcheck="false" placeholder=${field.default ?? "–"} aria-labelledby=${ids.name} aria-invalid=${isFaulty} .value=${text}
    @input=${typed(set)} @keydown=${nudge}>`;
}

/** @param {Context} context */
function number(context) {
  const { field, text, set } = context;
  const words = field.choices.map(
    (word) => html`<button type="button" class="build-word" aria-pressed=${text === word}
      @click=${() => set(text === word ? "" : word)}>${word}</button>`,
  );
  return html`<div class="build-number">${slider(context)}${box(context)}${words}</div>`;
}

/** @param {Context} context */
function choice(context) {
  const { field, text, ids, set } = context;
  if (field.choices.length > BUTTONS) return list(context, field.choices);
  const option = (word, label) => html`<label><input type="radio" name=${ids.id} value=${word}
    .checked=${text === word} @change=${() => set(word)}><span>${label}</span></label>`;
  return html`<div class="choice build-choice">${option("", t("builder.unset"))}${field.choices.map((word) => option(word, word))}</div>`;
}

/** @param {Context} context @param {string[]} words @param {unknown} [more] */
function list({ text, ids, isFaulty, set }, words, more = nothing) {
  return html`<select id=${ids.id} aria-labelledby=${ids.name} aria-invalid=${isFaulty} @change=${(event) => set(event.target.value)}>
    <option value="" ?selected=${!text}>${t("builder.unset")}</option>
    ${words.map((word) => html`<option value=${word} ?selected=${word === text}>${word}</option>`)}${more}
  </select>`;
}

/** @param {Context} context */
function onOff({ text, ids, isOverPreset, set }) {
  const off = isOverPreset ? "0" : "";
  return html`<label class="build-switch"><input id=${ids.id} type="checkbox" aria-labelledby=${ids.name}
    .checked=${text === "1"} @change=${(event) => set(event.target.checked ? "1" : off)}><span>${t("builder.on")}</span></label>`;
}

/** A name of a place, or a point with two sliders. @param {Context} context */
function point(context) {
  const { field, text, ids, set } = context;
  const isPoint = text.startsWith(POINT);
  const at = isPoint ? text.slice(POINT.length).split(",") : CENTRE;
  const whole = html`<option value=${POINT + at} ?selected=${isPoint}>${t("builder.point")}</option>`;
  const axis = (index, label) => html`<label>${label}<input type="range" min="0" max="1" step="0.01" .value=${at[index]}
    @input=${(event) => set(POINT + at.with(index, event.target.value))}></label>`;
  return html`${list(context, field.choices, whole)}
    ${isPoint ? html`<div class="build-point" aria-labelledby=${ids.name} role="group">${axis(0, t("builder.across"))}${axis(1, t("builder.down"))}</div>` : nothing}`;
}

/** A colour with or without opacity: a well for the colour, and the digits. @param {Context} context */
function colour({ text, ids, isFaulty, set }) {
  const isComplete = /^[0-9a-f]{6}([0-9a-f]{2})?$/i.test(text);
  const pick = (event) => set(event.target.value.slice(1) + (isComplete ? text.slice(6) : ""));
  return html`<div class="build-number"><input type="color" aria-labelledby=${ids.name}
      .value=${isComplete ? `#${text.slice(0, 6)}` : "#ffffff"} @input=${pick}>
    <input class="build-box build-wide" id=${ids.id} type="text" autocomplete="off" spellcheck="false" placeholder="RRGGBBAA"
      aria-labelledby=${ids.name} aria-invalid=${isFaulty} .value=${text} @input=${typed(set)}></div>`;
}

/** @param {Context} context */
function watermark(context) {
  const names = [...new Set([...page.watermarks, ...(context.text ? [context.text] : [])])];
  return names.length ? list(context, names) : html`<p class="build-none">${t("builder.no_watermarks")}</p>`;
}

/** @type {Record<string, (context: Context) => unknown>} */
export const CONTROLS = { whole: number, number, choice, switch: onOff, point, region, colour, watermark };
