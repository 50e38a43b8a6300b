/** Numbers with their names. */

import { html } from "../vendor.js";

/** @param {[name: string, value: string, isAlarm?: boolean][]} rows */
export function figures(rows) {
  const row = ([name, value, isAlarm = false]) => html`<div class=${isAlarm ? "alarm" : ""}><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`<dl class="figures">${rows.map(row)}</dl>`;
}
