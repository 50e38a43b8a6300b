/** The viewer of visitors: pictures of a share with a slideshow, and what the share allows besides. */

import { PlainViewer } from "../viewer/plain.js";
import { cameraOf, exposureOf } from "../viewer/shots.js";
import { t } from "../shared/texts.js";

export { loadStyles } from "../viewer/swipe.js";

/**
 * @param {import("./pictures.js").SharedPictures} pictures
 * @param {import("./wall.js").Wall} wall
 * @param {number} index
 * @param {boolean} isSlideshow Whether it starts at once.
 */
export function openViewer(pictures, wall, index, isSlideshow) {
  const viewer = new PlainViewer(shown(pictures, wall), (it) => buttons(pictures, it));
  viewer.open(index);
  if (isSlideshow) viewer.slideshow.toggle();
}

/** @returns {import("../viewer/plain.js").Pictures} */
function shown(pictures, wall) {
  return {
    count: () => pictures.ids.length + Number(!pictures.isComplete),
    item: (index) => (index < pictures.ids.length ? itemOf(pictures, index) : null),
    load: async () => {
      await pictures.load();
      wall.show();
    },
    thumbnail: (index) => wall.link(index)?.querySelector("img") ?? null,
    caption: (index) => captionOf(pictures, index),
    left: (index) => wall.focus(index),
  };
}

function itemOf(pictures, index) {
  return {
    src: pictures.variant(index, "viewer", "preview", "thumbnail"),
    width: pictures.widths[index],
    height: pictures.heights[index],
    alt: pictures.name(index),
  };
}

function captionOf(pictures, index) {
  const exif = pictures.exif[index];
  return exif ? [pictures.time(index), cameraOf(exif), exposureOf(exif)].filter(Boolean).join(" · ") : "";
}

/** @returns {[name: string, title: string, onClick: () => void][]} */
function buttons(pictures, viewer) {
  if (!pictures.share.allow_download) return [];
  const download = () => {
    const link = document.createElement("a");
    link.href = pictures.original(viewer.index);
    link.download = "";
    link.click();
  };
  return [["download", t("share.download"), download]];
}
