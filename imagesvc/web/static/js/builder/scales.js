/** Sliders: the range that is useful for an image, and the value of each position. */

/** Ranges whose ends differ more than this are divided by ratios, not by differences. */
const RATIO = 400;
const POSITIONS = 200;

/**
 * @typedef {object} Scale
 * @property {number} minimum
 * @property {number} maximum
 * @property {number} step Of positions.
 * @property {(value: number) => number} positionOf
 * @property {(position: number) => number} valueAt
 * @property {number} rest Where arrows begin if there is no value.
 */

/**
 * @param {import("./fields.js").Field} field
 * @param {Record<string, any>} image
 * @returns {Scale}
 */
export function scaleOf(field, image) {
  const minimum = field.minimum;
  const maximum = Math.max(minimum, Math.min(field.maximum, limitOf(field.name, image)));
  const rest = field.default ?? (minimum === 0 ? 0 : maximum);
  const isRatio = minimum > 0 && maximum / minimum > RATIO && field.name !== "w" && field.name !== "h";
  return { rest, ...(isRatio ? ratios(field, minimum, maximum) : differences(field, minimum, maximum)) };
}

/** The largest value that changes something. */
function limitOf(name, { width, height, frames, bytes }) {
  const limits = { w: width, h: height, radius: Math.ceil(Math.min(width, height) / 2), frame: frames - 1, max_bytes: bytes };
  return limits[name] ?? Infinity;
}

function differences(field, minimum, maximum) {
  return {
    minimum,
    maximum,
    step: stepOf(field),
    positionOf: (value) => value,
    valueAt: (position) => rounded(field, position),
  };
}

function ratios(field, minimum, maximum) {
  const whole = Math.log(maximum / minimum);
  return {
    minimum: 0,
    maximum: POSITIONS,
    step: 1,
    positionOf: (value) => Math.round((POSITIONS * Math.log(Math.max(value, minimum) / minimum)) / whole),
    valueAt: (position) => rounded(field, minimum * Math.exp((whole * position) / POSITIONS)),
  };
}

/** By how much an arrow changes a value. @param {import("./fields.js").Field} field */
export function stepOf({ kind, minimum, maximum }) {
  if (kind === "whole" || maximum - minimum > 100) return 1;
  return maximum - minimum > 4 ? 0.1 : 0.05;
}

/** @param {import("./fields.js").Field} field @param {number} value */
function rounded({ kind }, value) {
  return kind === "whole" ? Math.round(value) : Math.round(100 * value) / 100;
}

/** A value some steps away. @param {import("./fields.js").Field} field @param {number} value @param {number} steps */
export function nudged(field, value, steps) {
  const moved = rounded(field, value + steps * stepOf(field));
  return Math.min(Math.max(moved, field.minimum), field.maximum);
}
