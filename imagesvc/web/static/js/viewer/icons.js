/** The icons of the viewer. */

/** The lines of each icon, in a square of 32. */
const ICONS = {
  info: '<circle class="line" cx="16" cy="16" r="10"/><path class="line" d="M16 15v6"/><circle cx="16" cy="11" r="1.4"/>',
  accept: '<path class="line" d="M8.500 16.500l5 5L24 11"/>',
  copy: '<path class="line" d="M13.5 18.500l5-5M14.5 11l2-2a4.6 4.6 0 0 1 6.5 6.500l-2 2M17.5 21l-2 2a4.6 4.6 0 0 1-6.5-6.500l2-2"/>',
  download: '<path class="line" d="M16 7v12m-5-5l5 5 5-5M8 24h16"/>',
  favourite: '<path class="line" d="M16 24.500S6.5 19 6.5 12.700A5.2 5.2 0 0 1 16 10a5.2 5.2 0 0 1 9.5 2.700c0 6.3-9.5 11.8-9.5 11.800z"/>',
  slideshow: '<path class="line" d="M12 8.500v15l12-7.500z"/>',
  close: '<path class="line" d="M9 9l14 14M23 9L9 23"/>',
  zoom: '<circle class="line" cx="14.5" cy="14.5" r="7"/><path class="line" d="M20 20l5 5M11.5 14.5h6"/><path class="line pswp__zoom-icn-bar-v" d="M14.5 11.5v6"/>',
  restore: '<path class="line" d="M9 13.500h10a5 5 0 0 1 0 10h-6M12.500 10L9 13.500l3.500 3.500"/>',
  share: '<path class="line" d="M12 17.500l8.200 4.600M20.200 9.900L12 14.500M25 8a2.800 2.800 0 1 1-5.600 0A2.800 2.800 0 0 1 25 8zM12.600 16A2.800 2.800 0 1 1 7 16a2.800 2.800 0 0 1 5.600 0zM25 24a2.800 2.800 0 1 1-5.600 0 2.800 2.800 0 0 1 5.600 0z"/>',
  trash: '<path class="line" d="M8 10h16M13 10V7.500h6V10m-9 0l1 14.500h10L22 10m-8 4.500v6m4-6v6"/>',
};

/** @param {string} name */
export function icon(name) {
  return `<svg aria-hidden="true" class="pswp__icn viewer-icon" viewBox="0 0 32 32" width="32" height="32">${ICONS[name]}</svg>`;
}
