/** The pictures that look like the one in the viewer, below what is known of it. */

import { html, nothing, render } from "../vendor.js";
import { Problem, request } from "../shared/api.js";
import { page, url, variantUrl } from "../shared/page.js";
import { t, timeName } from "../shared/texts.js";
import { findImage, takenOf } from "./images.js";
import { indexOf } from "./search.js";

const MOST = 8;
/** Milliseconds that a picture is shown before others are searched for. */
const PAUSE = 300;

export class SimilarPictures {
  #id = "";
  #pause = 0;

  /** @param {import("./viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.element = document.createElement("div");
    this.element.className = "similar";
  }

  /** Show those of a picture, unless its job has not analysed it yet. @param {{id: string, phash: string | null}} image */
  show({ id, phash }) {
    if (id === this.#id) return;
    this.#id = phash ? id : "";
    render(nothing, this.element);
    clearTimeout(this.#pause);
    if (phash) this.#pause = setTimeout(() => this.#load(id), PAUSE);
  }

  /** @param {string} id */
  async #load(id) {
    const query = new URLSearchParams({ q: `similar:${id}`, limit: String(MOST) });
    if (page.user) query.set("owner", page.user.id);
    let content;
    try {
      const { data } = await request(`/api/v1/images?${query}`);
      content = data.length ? this.#list(data, id) : html`<p>${t("viewer.none_similar")}</p>`;
    } catch (error) {
      content = html`<p role="alert">${Problem.of(error).message}</p>`;
    }
    if (this.#id === id) render(html`<h3>${t("viewer.similar")}</h3>${content}`, this.element);
  }

  #list(images, id) {
    const all = url(`/?q=${encodeURIComponent(`similar:${id}`)}`);
    return html`<ul>${images.map((image) => this.#item(image))}</ul>
      <p><a href=${all}>${t("viewer.all_similar")}</a></p>`;
  }

  #item(image) {
    return html`<li><a href=${url(`/view/${image.id}`)} @click=${(event) => this.#open(event, image.id)}>
      <img src=${variantUrl(image.id, ["thumbnail", "grid"], "w=320&h=320")} loading="lazy" decoding="async"
        alt=${t("timeline.picture", { time: timeName(takenOf(image)) })}></a></li>`;
  }

  /** Show a picture of the same list without another page. @param {MouseEvent} event @param {string} id */
  async #open(event, id) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // The browser opens a tab.
    event.preventDefault();
    const { grid, swipe } = this.viewer;
    const index = grid ? await indexOf(grid.buckets, await findImage(id)).catch(() => -1) : -1;
    if (index < 0) location.assign(url(`/view/${id}`));
    else if (this.viewer.isOpen) swipe.goTo(index);
  }
}
