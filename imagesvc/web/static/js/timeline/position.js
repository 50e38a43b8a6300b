/** The position of the pictures is kept when users come back to them. */

const key = () => `imagesvc timeline ${location.pathname}${location.search}`;

/** Whether the page is shown again, by the back button or a reload. */
function isReturn() {
  const [navigation] = performance.getEntriesByType("navigation");
  return navigation?.type === "back_forward" || navigation?.type === "reload";
}

/** Scroll to where the page was left, and note the place when it is left again. */
export function keepPosition(grid) {
  history.scrollRestoration = "manual";
  if (isReturn()) restorePosition(grid);
  addEventListener("pagehide", () => notePosition(grid));
}

/** Note the place for this address. */
export function notePosition(grid) {
  const index = grid.firstVisible();
  const offset = grid.viewport.top - grid.arrangement.topOf(index);
  sessionStorage.setItem(key(), JSON.stringify({ index, offset, isTop: grid.viewport.top <= 0 }));
}

/** Scroll to the place that was noted for this address, whose month is loaded for it. */
export async function restorePosition(grid) {
  const { index, offset, isTop } = JSON.parse(sessionStorage.getItem(key()) ?? '{"isTop": true}');
  if (isTop || index >= grid.buckets.total) return;
  grid.resize(); // The scrubber has just taken its place.
  const to = () => grid.viewport.scrollTo(grid.arrangement.topOf(index) + offset);
  to();
  const columns = grid.buckets.columns;
  await grid.buckets.need(index);
  if (columns !== grid.buckets.columns) return; // other pictures are shown in the meantime
  to();
  grid.update();
}
