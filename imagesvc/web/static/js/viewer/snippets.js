/** Texts that embed an image elsewhere: its title is escaped for each language. */

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
 * @param {Record<string, any>} image
 * @param {string} origin Of this service.
 */
export function snippetsOf(image, origin) {
  const original = origin + image.urls.original;
  const shown = origin + (image.urls.presets.viewer ?? image.urls.preview ?? image.urls.original);
  const title = image.title || image.filename;
  const alt = escaped(title);
  const widths = WIDTHS.filter((width) => width < image.width);
  const sources = [...widths, Math.min(image.width, 2560)].map(
    (width) => `${original}?w=${width}&amp;format=auto ${width}w`,
  );
  const size = `width="${image.width}" height="${image.height}"`;
  return {
    url: original,
    markdown: `![${plain(title)}](${shown})`,
    html: `<img src="${escaped(shown)}" alt="${alt}" ${size}>`,
    bbcode: `[img]${shown}[/img]`,
    srcset: `<img src="${escaped(shown)}" srcset="${sources.join(", ")}" sizes="100vw" alt="${alt}" ${size}>`,
  };
}
