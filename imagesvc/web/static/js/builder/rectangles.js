/** Rectangles of a picture, in fractions of its sides: how they are moved, resized and drawn. */

/** Left, top, width and height. @typedef {[number, number, number, number]} Rectangle */

/** Where the keyboard begins. @type {Rectangle} */
export const START = [0.25, 0.25, 0.5, 0.5];
const LEAST = 0.01;
/** How near a corner the pointer takes hold of it. */
const NEAR = 0.04;

const limited = (value, least, most) => Math.min(Math.max(value, least), most);

/** @param {Rectangle} rectangle @param {number} across @param {number} down @returns {Rectangle} */
export function moved([x, y, width, height], across, down) {
  return [limited(x + across, 0, 1 - width), limited(y + down, 0, 1 - height), width, height];
}

/** The same with its right and lower sides moved. @param {Rectangle} rectangle @param {number} across @param {number} down @returns {Rectangle} */
export function resized([x, y, width, height], across, down) {
  return [x, y, limited(width + across, LEAST, 1 - x), limited(height + down, LEAST, 1 - y)];
}

/**
 * The drag of a pointer that goes down at a place: at a corner it resizes, inside it moves, elsewhere it draws anew.
 * @param {Rectangle | null} rectangle
 * @param {number} x
 * @param {number} y
 * @returns {(x: number, y: number) => Rectangle}
 */
export function dragged(rectangle, x, y) {
  if (!rectangle) return (toX, toY) => between(x, y, toX, toY);
  const [left, top, width, height] = rectangle;
  const [right, bottom] = [left + width, top + height];
  for (const [cornerX, otherX] of [[left, right], [right, left]]) {
    for (const [cornerY, otherY] of [[top, bottom], [bottom, top]]) {
      const isNear = Math.abs(x - cornerX) < NEAR && Math.abs(y - cornerY) < NEAR;
      if (isNear) return (toX, toY) => between(otherX, otherY, toX, toY);
    }
  }
  const isInside = x > left && x < right && y > top && y < bottom;
  return (toX, toY) => (isInside ? moved(rectangle, toX - x, toY - y) : between(x, y, toX, toY));
}

/** @returns {Rectangle} */
function between(x, y, toX, toY) {
  const [width, height] = [Math.max(Math.abs(toX - x), LEAST), Math.max(Math.abs(toY - y), LEAST)];
  return [Math.min(x, toX, 1 - width), Math.min(y, toY, 1 - height), width, height];
}
