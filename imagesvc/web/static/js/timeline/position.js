/** The position of the timeline is kept when users come back to it. */

const KEY = `imagesvc timeline ${location.pathname}${location.search}`;

/** Whether the page is shown again, by the back button or a reload. */
function isReturn() {
  const [navigation] = performance.getEntriesByType("navigation");
  return navigation?.type === "back_forward" || navigation?.type === "reload";
}

/** Scroll to where the page was left, and note the place when it is left again. */
export function keepPosition(grid) {
  history.scrollRestoration = "manual";
  const kept = sessionStorage.getItem(KEY);
  if (kept !== null && isReturn()) restore(grid, JSON.parse(kept));
  addEventListener("pagehide", () => {
    const index = grid.firstVisible();
    const offset = grid.viewport.top - grid.arrangement.topOf(index);
    sessionStorage.setItem(KEY, JSON.stringify({ index, offset, isTop: grid.viewport.top <= 0 }));
  });
}

/** Wait for the month of the picture, so that its place is known. */
async function restore(grid, { index, offset, isTop }) {
  if (isTop || index >= grid.buckets.total) return;
  grid.viewport.scrollTo(grid.arrangement.topOf(index) + offset);
  await grid.buckets.need(index);
  grid.viewport.scrollTo(grid.arrangement.topOf(index) + offset);
  grid.update();
}
