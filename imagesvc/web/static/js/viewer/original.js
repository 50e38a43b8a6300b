/** The original is loaded only when a picture is enlarged beyond its variant. */

import { url } from "../shared/page.js";

/** Formats of originals that browsers show. */
const SHOWN = new Set(["jpeg", "png", "webp", "gif", "avif"]);
/** Enlarging by less than this is not visible. */
const SLACK = 1.1;

/** @param {import("./viewer.js").Viewer} viewer */
export function showOriginals(viewer) {
  viewer.swipe.on("zoomPanUpdate", ({ slide }) => {
    const { content } = slide;
    const isEnlarged = slide.currZoomLevel > slide.zoomLevels.initial * SLACK;
    if (!isEnlarged || content.hasOriginal || !content.isImageContent() || content.isLoading()) return;
    const shown = slide.currZoomLevel * slide.width * devicePixelRatio;
    if (shown <= content.element.naturalWidth * SLACK) return;
    content.hasOriginal = true;
    load(viewer, content);
  });
}

/** Replace the variant by the original once it is decoded. */
async function load(viewer, content) {
  try {
    const image = await viewer.details();
    if (image.id !== content.data.id || !SHOWN.has(image.format)) return;
    const original = new Image();
    original.src = url(`/images/${image.id}`);
    await original.decode();
    if (content.element) content.element.src = original.src;
  } catch {
    content.hasOriginal = false; // The variant stays; the next enlargement tries again.
  }
}
