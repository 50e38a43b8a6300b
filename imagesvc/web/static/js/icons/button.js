/** Buttons with an icon instead of a text. */

import { html, nothing, svg } from "../vendor.js";

/** The name of a key, as it stands on it. @param {string} key A value of `KeyboardEvent.key`. */
export function keyName(key) {
  return key === "Delete" ? "Del" : key.toUpperCase();
}

/**
 * @param {{label?: string, name?: string, icon: string, text: string, key?: string}} action
 * @param {() => void} onClick
 */
export function iconButton({ name = "", icon, text, label = "", key = "" }, onClick) {
  return html`<button class="icon-button" type="button" data-action=${name} aria-label=${text}
    title=${key ? `${text} (${keyName(key)})` : text} @click=${onClick}>
    <svg viewBox="0 0 24 24" aria-hidden="true">${svg`<path class="line" d=${icon}></path>`}</svg>${label
      ? html`<span class="icon-label" aria-hidden="true">${label}</span>` : nothing}</button>`;
}
