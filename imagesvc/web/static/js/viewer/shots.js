/** How a picture was taken, in words. */

import { number } from "../shared/texts.js";

/** @param {Record<string, any>} exif */
export function cameraOf({ make, model }) {
  return [make, model].filter(Boolean).join(" ");
}

/** @param {Record<string, any>} exif */
export function exposureOf({ exposure_time: time, f_number: aperture, iso, focal_length: length }) {
  const seconds = time && (time >= 0.3 ? `${number(time)} s` : `1/${number(Math.round(1 / time))} s`);
  const parts = [seconds, aperture && `f/${number(aperture)}`, iso && `ISO ${iso}`, length && `${number(length)} mm`];
  return parts.filter(Boolean).join(" · ");
}
