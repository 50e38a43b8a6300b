/** Selecting with a pointer: check marks, ranges, a drag over tiles, a rectangle, a long press. */

/** Pixels that a pointer moves before a drag begins. */
const SLACK = 6;
/** Milliseconds of a long press. */
const LONG = 500;
/** Pixels at the edges of the window in which a drag scrolls. */
const EDGE = 70;

export class PointerSelection {
  /** @type {{x: number, y: number, index: number, before: object} | null} */
  #drag = null;
  #hasMoved = false;
  #press = 0;

  /**
   * @param {import("./grid.js").Grid} grid
   * @param {(index: number) => void} open
   */
  constructor(grid, open) {
    this.grid = grid;
    this.open = open;
    this.rectangle = document.createElement("div");
    this.rectangle.className = "rectangle";
    const { canvas } = grid;
    canvas.addEventListener("click", (event) => this.#click(event));
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    addEventListener("pointermove", (event) => this.#move(event));
    addEventListener("pointerup", () => this.#up());
    addEventListener("pointercancel", () => this.#up());
    canvas.addEventListener("contextmenu", (event) => {
      if (event.pointerType === "touch") event.preventDefault();
    });
  }

  get selection() {
    return this.grid.selection;
  }

  /** The index of the tile of an event, or -1. */
  #indexOf(target) {
    const tile = target instanceof Element ? target.closest(".tile") : null;
    return tile ? Number(tile.dataset.index) : -1;
  }

  #click(event) {
    const index = this.#indexOf(event.target);
    if (this.#hasMoved) {
      event.preventDefault();
      this.#hasMoved = false;
      return;
    }
    if (index < 0 || event.target.closest(".retry")) return;
    const isCheck = event.target.closest(".check");
    if (!isCheck && (event.ctrlKey || event.metaKey)) return; // The browser opens a tab.
    event.preventDefault();
    if (event.shiftKey) this.range(index);
    else if (isCheck || this.selection.count) this.toggle(index);
    else this.open(index);
  }

  /** @param {number} index */
  toggle(index) {
    this.selection.anchor = index;
    this.selection.toggle(this.grid.buckets.picture(index).id);
  }

  /** Select from the anchor to a picture, loading what is between. @param {number} index */
  async range(index) {
    const anchor = this.selection.anchor ?? index;
    const [first, last] = [Math.min(anchor, index), Math.max(anchor, index)];
    await this.grid.buckets.needAll(first, last);
    this.selection.set(this.#ids(first, last), true);
    this.selection.anchor = anchor;
  }

  /** The loaded pictures of a range. */
  *#ids(first, last) {
    for (let index = first; index <= last; index++) {
      if (this.grid.buckets.has(index)) yield this.grid.buckets.picture(index).id;
    }
  }

  #down(event) {
    this.#hasMoved = false;
    if (event.button !== 0) return;
    const index = this.#indexOf(event.target);
    if (event.pointerType === "touch") {
      this.#press = setTimeout(() => this.#longPress(index), LONG);
      return;
    }
    const isCheck = event.target.closest(".check");
    if (index >= 0 && !isCheck && !this.selection.count) return;
    const [x, y] = this.#place(event);
    this.#drag = { x, y, index, before: this.selection.snapshot() };
  }

  #longPress(index) {
    if (index < 0) return;
    this.toggle(index);
    this.#hasMoved = true; // The click that follows does not toggle it again.
    navigator.vibrate?.(10);
  }

  /** The place of a pointer in the timeline, from its upper start corner. */
  #place(event) {
    const box = this.grid.canvas.getBoundingClientRect();
    const isRightToLeft = getComputedStyle(this.grid.canvas).direction === "rtl";
    const x = isRightToLeft ? box.right - event.clientX : event.clientX - box.left;
    return [x, event.clientY + this.grid.viewport.top];
  }

  #move(event) {
    if (event.pointerType === "touch") clearTimeout(this.#press);
    if (!this.#drag) return;
    const [x, y] = this.#place(event);
    const { x: fromX, y: fromY, index } = this.#drag;
    if (!this.#hasMoved && Math.hypot(x - fromX, y - fromY) < SLACK) return;
    this.#hasMoved = true;
    event.preventDefault();
    this.#scrollAtEdge(event.clientY);
    if (index >= 0) this.#dragOver(index, this.#indexOf(document.elementFromPoint(event.clientX, event.clientY)));
    else this.#dragRectangle(fromX, fromY, x, y);
  }

  #scrollAtEdge(y) {
    const { height } = this.grid.viewport;
    if (y < EDGE) scrollBy({ top: y - EDGE, behavior: "instant" });
    else if (y > height - EDGE) scrollBy({ top: y - height + EDGE, behavior: "instant" });
  }

  /** Select the range from the first tile of a drag to another one. */
  #dragOver(from, to) {
    if (to < 0) return;
    this.selection.restore(this.#drag.before);
    this.selection.set(this.#ids(Math.min(from, to), Math.max(from, to)), true);
    this.selection.anchor = from;
  }

  /** Select the tiles that a rectangle touches. */
  #dragRectangle(fromX, fromY, x, y) {
    const [left, right] = [Math.min(fromX, x), Math.max(fromX, x)];
    const [top, bottom] = [Math.min(fromY, y), Math.max(fromY, y)];
    this.#draw(left, top, right - left, bottom - top);
    const touched = [];
    const { arrangement } = this.grid;
    for (const { first, end } of arrangement.ranges(top, bottom, 10_000)) {
      for (let index = first; index < end; index++) {
        const box = arrangement.boxOf(index);
        const isBeside = box.left > right || box.left + box.width < left;
        if (isBeside || box.top > bottom || box.top + box.height < top) continue;
        touched.push(this.grid.buckets.picture(index).id);
      }
    }
    this.selection.restore(this.#drag.before);
    this.selection.set(touched, true);
  }

  #draw(left, top, width, height) {
    const { style } = this.rectangle;
    style.insetInlineStart = `${left}px`;
    style.insetBlockStart = `${top + this.grid.viewport.shift}px`;
    style.inlineSize = `${width}px`;
    style.blockSize = `${height}px`;
    if (!this.rectangle.isConnected) this.grid.canvas.append(this.rectangle);
  }

  #up() {
    clearTimeout(this.#press);
    this.#drag = null;
    this.rectangle.remove();
    document.getSelection()?.removeAllRanges();
  }
}
