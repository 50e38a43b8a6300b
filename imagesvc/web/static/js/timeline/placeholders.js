/** ThumbHashes: the colours of a picture before it is loaded. */

import { thumbHashToAverageRGBA, thumbHashToRGBA } from "../../vendor/thumbhash/thumbhash.js";

/** Milliseconds of a frame that may be spent on drawing. */
const BUDGET = 4;

/** @type {Set<{canvas: HTMLCanvasElement, hash: string}>} */
const waiting = new Set();
let isScheduled = false;

/** @param {string} text In base64. */
function decoded(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** The average colour, for CSSOM. @param {string} hash */
export function averageColour(hash) {
  const { r, g, b } = thumbHashToAverageRGBA(decoded(hash));
  return `rgb(${[r, g, b].map((part) => Math.round(part * 255)).join(" ")})`;
}

/** Draw a ThumbHash soon, in a frame that has time. @param {HTMLCanvasElement} canvas @param {string} hash */
export function drawSoon(canvas, hash) {
  const work = { canvas, hash };
  waiting.add(work);
  if (!isScheduled) requestAnimationFrame(drawSome);
  isScheduled = true;
  return () => waiting.delete(work);
}

function drawSome() {
  const began = performance.now();
  for (const work of waiting) {
    if (performance.now() - began > BUDGET) break;
    waiting.delete(work);
    draw(work.canvas, work.hash);
  }
  isScheduled = waiting.size > 0;
  if (isScheduled) requestAnimationFrame(drawSome);
}

/** @param {HTMLCanvasElement} canvas @param {string} hash */
function draw(canvas, hash) {
  const { w, h, rgba } = thumbHashToRGBA(decoded(hash));
  canvas.width = w;
  canvas.height = h;
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(rgba), w, h), 0, 0);
}
