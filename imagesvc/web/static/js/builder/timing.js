/** The field Server-Timing: where a picture came from, and how long each stage took. */

/**
 * @typedef {object} Timing
 * @property {string} source `memory`, `disk` or `rendered`.
 * @property {Record<string, number>} spans Milliseconds by stage; `total` is the whole.
 */

/** @param {string} field @returns {Timing} */
export function readTiming(field) {
  const timing = { source: "", spans: {} };
  for (const entry of field.split(",")) {
    const [name, ...parameters] = entry.split(";").map((part) => part.trim());
    for (const parameter of parameters) {
      const [key, value] = parameter.split("=");
      if (key === "dur") timing.spans[name] = Number(value);
      if (key === "desc" && name === "cache") timing.source = value.replaceAll('"', "");
    }
  }
  return timing;
}
