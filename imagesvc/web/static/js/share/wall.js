/** The pictures of a share in rows, as links; more are loaded when the end comes near. */

import { html, render } from "../vendor.js";
import { t } from "../shared/texts.js";
import { averageColour } from "../timeline/placeholders.js";

/** Pixels below the window in which the next pictures are loaded. */
const AHEAD = 1200;
/** Pictures that are narrower or wider are cut. */
const NARROWEST = 0.5;
const WIDEST = 3;

export class Wall {
  /**
   * @param {import("./pictures.js").SharedPictures} pictures
   * @param {(index: number, isSlideshow?: boolean) => void} open
   * @param {(error: unknown) => void} fail
   */
  constructor(pictures, open, fail) {
    this.pictures = pictures;
    this.open = open;
    this.fail = fail;
    this.place = document.getElementById("images");
    this.more = /** @type {HTMLButtonElement} */ (document.getElementById("more"));
    this.more.addEventListener("click", () => this.#loadMore());
    this.observer = new IntersectionObserver(
      (changes) => { if (changes.some((change) => change.isIntersecting)) this.#loadMore(); },
      { rootMargin: `${AHEAD}px` },
    );
  }

  /** Show what has been loaded. */
  show() {
    const { pictures, place } = this;
    render(pictures.ids.map((_id, index) => this.#item(index)), place);
    for (let index = 0; index < pictures.ids.length; index++) this.#shape(place.children[index], index);
    this.more.hidden = pictures.isComplete;
    this.observer.unobserve(this.more); // Observed anew, it is looked at again.
    this.observer.observe(this.more);
  }

  /** The link of a picture. @param {number} index @returns {HTMLAnchorElement | undefined} */
  link(index) {
    return this.place.children[index]?.querySelector("a");
  }

  /** Room for the picture before it is loaded, in its average colour. */
  #shape(item, index) {
    if (item.style.flexGrow) return;
    const ratio = Math.min(Math.max(this.pictures.ratio(index), NARROWEST), WIDEST);
    item.style.flexGrow = String(ratio);
    item.style.setProperty("--ratio", String(ratio));
    const hash = this.pictures.thumbhashes[index];
    if (hash) item.style.backgroundColor = averageColour(hash);
  }

  #item(index) {
    const { pictures } = this;
    const name = pictures.time(index) ? t("timeline.picture", { time: pictures.time(index) }) : pictures.name(index);
    const download = html`<a class="download" href=${pictures.original(index)} download
      aria-label=${t("share.download_of", { name })}>${t("share.download")}</a>`;
    const open = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // The browser opens a tab.
      event.preventDefault();
      this.open(index);
    };
    return html`<li><a href=${pictures.variant(index, "viewer", "preview", "thumbnail")} @click=${open}>
      <img src=${pictures.variant(index, "grid", "preview", "thumbnail")} alt=${name} loading="lazy"></a>
      ${pictures.share.allow_download ? download : ""}</li>`;
  }

  async #loadMore() {
    if (this.more.hidden) return;
    try {
      await this.pictures.load();
      this.show();
    } catch (error) {
      this.fail(error);
    }
  }
}
