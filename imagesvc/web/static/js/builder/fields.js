/** The form: a field for each key of the grammar, which the server declares. */

import { html, nothing } from "../vendor.js";
import { page } from "../shared/page.js";
import { number as written, t } from "../shared/texts.js";
import { CONTROLS } from "./controls.js";
import { PRESET } from "./values.js";

/**
 * @typedef {object} Field
 * @property {string} name The key of the grammar.
 * @property {string} group
 * @property {string} kind Of its values: `whole`, `number`, `choice`, `switch` and others.
 * @property {number | null} minimum
 * @property {number | null} maximum
 * @property {string[]} choices The words that are valid, all or besides numbers.
 * @property {number | null} default The number that changes nothing.
 */

/** @type {Field[]} */
export const FIELDS = page.fields;
const GROUPS = [...new Set(FIELDS.map(({ group }) => group))];
/** Groups that are open before one of their fields has a value. */
const OPEN = new Set(["size", "output"]);

/** The faults of the fields by key; those of no field are not among them. @param {import("../shared/api.js").Problem | null} problem */
export function faultsOf(problem) {
  const known = new Set([PRESET, ...FIELDS.map(({ name }) => name)]);
  const faults = (problem?.errors ?? []).map(({ loc, msg }) => [loc.replace(/^operations\.0\.?/, ""), msg]);
  return new Map(faults.filter(([name]) => known.has(name)));
}

/**
 * @param {Record<string, any>} image
 * @param {import("./values.js").Values} values
 * @param {Map<string, string>} faults
 * @param {import("./crop.js").Cropping} cropping
 */
export function form(image, values, faults, cropping) {
  return html`${presets(values, faults)} ${GROUPS.map((group) => part(group, image, values, faults, cropping))}`;
}

function part(group, image, values, faults, cropping) {
  const fields = FIELDS.filter((field) => field.group === group);
  const count = fields.filter(({ name }) => values.get(name)).length;
  const isOpen = OPEN.has(group) || count > 0 || fields.some(({ name }) => faults.has(name));
  return html`<details class="build-group" ?open=${isOpen}>
    <summary><h2>${t(`builder.group_${group}`)}</h2>${count ? html`<span class="build-count">${written(count)}</span>` : nothing}</summary>
    ${fields.map((field) => row(field, image, values, faults.get(field.name), cropping))}
  </details>`;
}

/** @param {Field} field */
function row(field, image, values, fault, cropping) {
  const { name } = field;
  const text = values.get(name);
  const ids = { id: `field-${name}`, name: `name-${name}`, help: `help-${name}` };
  const context = { field, text, ids, image, cropping, isFaulty: Boolean(fault), set: (changed) => values.set(name, changed), isOverPreset: Boolean(values.get(PRESET)) };
  return html`<div class="build-field ${text ? "has-value" : ""}" role="group" aria-labelledby=${ids.name} aria-describedby=${ids.help}>
    <p class="build-name"><span id=${ids.name}>${t(`builder.key_${name}`)}</span> <code>${name}</code>
      ${text ? clearButton(name, () => values.set(name, "")) : nothing}</p>
    <p class="build-help" id=${ids.help}>${t(`builder.help_${name}`)}</p>
    ${CONTROLS[field.kind](context)}
    ${faultOf(fault)}
  </div>`;
}

const clearButton = (name, clear) => html`<button type="button" class="build-clear" title=${t("builder.clear")}
  aria-label=${t("builder.clear_of", { name })} @click=${clear}>×</button>`;

const faultOf = (fault) => (fault ? html`<p class="build-fault" role="alert">${fault}</p>` : nothing);

/** The choice of the preset to start from; the other fields override its values. */
function presets(values, faults) {
  const chosen = values.get(PRESET);
  const names = [...new Set([...Object.keys(page.presets), ...(chosen ? [chosen] : [])])];
  return html`<div class="build-field build-preset">
    <label class="build-name" for="field-preset"><span>${t("builder.preset")}</span> <code>preset</code></label>
    <select id="field-preset" aria-invalid=${faults.has(PRESET)} @change=${(event) => values.set(PRESET, event.target.value)}>
      <option value="" ?selected=${!chosen}>${t("builder.no_preset")}</option>
      ${names.map((name) => html`<option value=${name} ?selected=${name === chosen}>${name}</option>`)}
    </select>
    ${faultOf(faults.get(PRESET))}
  </div>`;
}
