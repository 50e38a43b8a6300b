/** The slideshow: the next picture after some seconds, once it is loaded. */

const SECONDS = 4;

export class Slideshow {
  #timer = 0;
  isRunning = false;

  /** @param {import("./viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    viewer.swipe.on("change", () => this.isRunning && this.#schedule());
    viewer.swipe.on("pointerDown", () => this.stop());
  }

  toggle() {
    if (this.isRunning) this.stop();
    else this.#start();
  }

  #start() {
    this.isRunning = true;
    this.#mark();
    this.#schedule();
  }

  stop() {
    this.isRunning = false;
    clearTimeout(this.#timer);
    this.#mark();
  }

  #mark() {
    const { element } = this.viewer.swipe;
    element?.classList.toggle("is-slideshow", this.isRunning);
    element?.querySelector(".pswp__button--slideshow")?.setAttribute("aria-pressed", String(this.isRunning));
  }

  #schedule() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#advance(), SECONDS * 1000);
  }

  #advance() {
    if (!this.isRunning) return;
    const { content } = this.viewer.swipe.currSlide;
    if (content.isLoading()) this.#schedule();
    else if (!this.viewer.step(1)) this.stop();
  }
}
