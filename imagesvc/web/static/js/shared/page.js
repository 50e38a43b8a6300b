/** What the server told this page: its user, the prefix of URLs, presets and texts. */

/**
 * @typedef {object} Page
 * @property {string} base The prefix of the URLs of the service.
 * @property {string} assets The prefix of the URLs of scripts and style sheets.
 * @property {string} language
 * @property {boolean} has_accounts
 * @property {Record<string, string>} presets The end of the URL of each preset, by name.
 * @property {{id: string, name: string, is_admin: boolean} | null} user
 * @property {Record<string, string>} texts
 * @property {Record<string, string>} problems Texts of problems by code, with `{detail}`; none in English.
 * @property {string | null} [view] The id of the image to open.
 * @property {string} [collection] The id of the collection that the page shows.
 * @property {string} [token] The last part of the link of a visitor.
 * @property {number} [trash_retention] Seconds.
 * @property {string} [image] The id of the image of the URL builder.
 * @property {import("../builder/fields.js").Field[]} [fields] The keys of transforms.
 * @property {string[]} [watermarks] Their names in the settings.
 * @property {string[]} [must_be_signed] The kinds of URLs that need a signature.
 * @property {number} [max_signed_seconds]
 * @property {string} [next] Where to go after the log-in.
 */

/** @type {Page} */
export const page = JSON.parse(document.getElementById("page").textContent);

/** The URL of a path of the service. @param {string} path */
export function url(path) {
  return page.base + path;
}

/**
 * The URL of a variant: of the first of these presets that exists, otherwise of a transform.
 * @param {string} id
 * @param {string[]} names
 * @param {string} transform
 */
export function variantUrl(id, names, transform) {
  const name = names.find((one) => one in page.presets);
  return url(name ? `/images/${id}/${page.presets[name]}` : `/images/${id}?${transform}`);
}

/** Whether text is written from right to left. */
export function isRightToLeft() {
  return getComputedStyle(document.documentElement).direction === "rtl";
}
