/** Texts that embed an image elsewhere: its title is escaped for each language. */

import { nameOf } from "./images.js";

/** Widths of the variants in `srcset`. */
const WIDTHS = [480, 960, 1440, 1920];
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>"']/g, (letter) => ENTITIES[letter]);
}

/** Text that Markdown does not interpret. @param {string} text */
function plain(text) {
  return text.replace(/[\\`*_[\]<>!#|~&]/g, "\\$&").replace(/\s+/g, " ");
}

/**
 * Texts that embed a picture.
 * @param {string} address
 * @param {string} title
 * @param {{width: number, height: number}} size
 * @param {string | null} [dense] The address of the picture for screens with twice the density.
 */
export function embeddingTexts(address, title, { width, height }, dense = null) {
  const source = `src="${escaped(address)}"`;
  const rest = `alt="${escaped(title)}" width="${width}" height="${height}"`;
  return {
    markdown: `![${plain(title)}](${address})`,
    html: `<img ${source} ${rest}>`,
    densities: dense && `<img ${source} srcset="${escaped(address)} 1x, ${escaped(dense)} 2x" ${rest}>`,
    bbcode: `[img]${address}[/img]`,
  };
}

/**
 * @param {Record<string, any>} image
 * @param {{width: number, height: number}} size Of the variant that is shown.
 */
export function snippetsOf(image, { width, height }) {
  const [original, shown] = [image.urls.original, image.urls.presets.viewer ?? image.urls.preview ?? image.urls.original]
    .map((address) => new URL(address, location.href).href);
  const title = nameOf(image);
  const alt = escaped(title);
  const widths = WIDTHS.filter((one) => one < image.width);
  const sources = [...widths, Math.min(image.width, 2560)].map(
    (one) => `${original}?w=${one}&amp;format=auto ${one}w`,
  );
  const size = `width="${width}" height="${height}"`;
  return {
    url: original,
    ...embeddingTexts(shown, title, { width, height }),
    srcset: `<img src="${escaped(shown)}" srcset="${sources.join(", ")}" sizes="100vw" alt="${alt}" ${size}>`,
  };
}
