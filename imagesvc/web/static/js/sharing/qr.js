/** QR codes, drawn in the browser, so that no request has the link. */

import { generate } from "../../vendor/lean-qr/lean-qr.js";
import { svg } from "../vendor.js";

/** Modules around a code that stay light. */
const MARGIN = 4;

/** A template of the code of a text. @param {string} text */
export function qrCode(text) {
  const code = generate(text);
  const side = code.size + 2 * MARGIN;
  let path = "";
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) {
      if (code.get(x, y)) path += `M${x} ${y}h1v1h-1z`;
    }
  }
  return svg`<svg viewBox=${`${-MARGIN} ${-MARGIN} ${side} ${side}`} shape-rendering="crispEdges" aria-hidden="true">
    <path class="qr-light" d=${`M${-MARGIN} ${-MARGIN}h${side}v${side}h${-side}z`}></path>
    <path class="qr-dark" d=${path}></path></svg>`;
}
