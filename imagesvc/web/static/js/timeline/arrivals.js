/** Pictures that this page uploads, or puts into a collection, appear in the timeline. */

/** Milliseconds in which uploads gather. */
const PAUSE = 2000;

/**
 * @param {() => Promise<boolean>} show Returns whether it was possible now.
 */
export function listenToArrivals(show) {
  let timer = 0;
  let last = Promise.resolve();
  const soon = () => {
    timer ||= setTimeout(() => {
      timer = 0;
      last = last.then(show).then((isShown) => { if (!isShown) soon(); }, () => {});
    }, PAUSE);
  };
  document.addEventListener("imagesvc:uploaded", soon);
  document.addEventListener("imagesvc:placed", soon);
}
