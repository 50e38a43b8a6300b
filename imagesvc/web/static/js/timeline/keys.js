/** The keyboard in the timeline: moving the focus, and selecting. */

import { isRightToLeft } from "../shared/page.js";

/** Whether a key belongs to what has the focus: a field, a menu or a dialog. */
export function isTaken(event) {
  const target = /** @type {Element} */ (event.target);
  return (
    event.defaultPrevented ||
    Boolean(document.querySelector("dialog[open], .pswp--open")) ||
    target.matches("input, textarea, select, [contenteditable], [role=slider]") ||
    Boolean(target.closest(".menu[open]"))
  );
}

/**
 * @param {import("./grid.js").Grid} grid
 * @param {import("./pointer.js").PointerSelection} pointer
 */
export function listenToKeys(grid, pointer) {
  addEventListener("keydown", (event) => {
    if (isTaken(event) || event.altKey) return;
    const isHandled = event.ctrlKey || event.metaKey ? withControl(event, grid) : plain(event, grid, pointer);
    if (isHandled) event.preventDefault();
  });
}

function withControl(event, grid) {
  if (event.key.toLowerCase() !== "a" || event.shiftKey) return false;
  grid.selection.selectAll();
  return true;
}

function plain(event, grid, pointer) {
  const target = targetOf(event.key, grid);
  if (target !== null) {
    const from = grid.current;
    grid.focus(target).then(() => {
      if (!event.shiftKey) return;
      grid.selection.anchor ??= from;
      pointer.range(target);
    });
    return true;
  }
  if (event.key === "x" && hasFocus(grid)) pointer.toggle(grid.current);
  else if (event.key === "Escape" && grid.selection.count) grid.selection.clear();
  else return false;
  return true;
}

/** Whether a tile has the focus, so that arrows lead on from it. */
export function hasFocus(grid) {
  return grid.tiles.get(grid.current)?.element.contains(document.activeElement) ?? false;
}

/** The picture to which a key leads, or null. */
function targetOf(key, grid) {
  const last = grid.buckets.total - 1;
  if (key === "Home") return 0;
  if (key === "End") return last;
  const steps = stepsOf(key, grid);
  if (steps === null) return null;
  if (!hasFocus(grid)) return steps.isPage ? null : grid.firstVisible();
  return Math.min(Math.max(steps.from(grid.current), 0), last);
}

function stepsOf(key, grid) {
  const forward = isRightToLeft() ? -1 : 1;
  const { arrangement } = grid;
  switch (key) {
    case "ArrowRight":
      return { from: (index) => index + forward };
    case "ArrowLeft":
      return { from: (index) => index - forward };
    case "ArrowDown":
      return { from: (index) => arrangement.vertical(index, 1) };
    case "ArrowUp":
      return { from: (index) => arrangement.vertical(index, -1) };
    case "PageDown":
      return { isPage: true, from: (index) => page(grid, index, 1) };
    case "PageUp":
      return { isPage: true, from: (index) => page(grid, index, -1) };
    default:
      return null;
  }
}

/** The picture one window below or above another. */
function page(grid, index, step) {
  const { arrangement, viewport } = grid;
  const top = arrangement.topOf(index) + step * (viewport.height - 120);
  const found = arrangement.firstAt(Math.min(Math.max(top, 0), arrangement.height));
  return found === index ? index + step : found;
}
