/** Style sheets of what is opened later. */

import { page } from "./page.js";

/** Load a style sheet, once. @param {string} name Its path in the assets. @returns {Promise<true>} */
export function loadStyle(name) {
  const href = `${page.assets}/${name}`;
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve(true);
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = href;
    link.onload = () => resolve(true);
    link.onerror = () => {
      link.remove();
      reject(new Error(`${name} could not be loaded`));
    };
    document.head.append(link);
  });
}
