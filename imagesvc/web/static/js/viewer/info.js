/** The panel with what is known of a picture; its owner edits title, description and tags here. */

import { html, nothing, render } from "../vendor.js";
import { Problem } from "../shared/api.js";
import { sayProblem } from "../shared/messages.js";
import { momentName } from "../shared/moments.js";
import { page, url } from "../shared/page.js";
import { bytes, number, t, timeName, visibilityName } from "../shared/texts.js";
import { changeImage, isDated, takenOf } from "./images.js";
import { cameraOf, exposureOf } from "./shots.js";
import { SimilarPictures } from "./similar.js";

export class InfoPanel {
  isOpen = false;
  /** Changes that are not stored yet: what the fields have is newer than the image. */
  #pending = 0;

  /** @param {import("./viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.similar = new SimilarPictures(viewer);
    this.element = document.createElement("aside");
    this.element.className = "info";
    this.element.setAttribute("aria-label", t("viewer.info"));
    viewer.swipe.on("wheel", (event) => {
      if (this.element.contains(event.originalEvent.target)) event.preventDefault();
    });
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.#open();
  }

  #open() {
    this.isOpen = true;
    this.viewer.swipe.element.append(this.element);
    this.#mark();
    this.update();
  }

  close() {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.element.remove();
    this.#mark();
  }

  #mark() {
    const { swipe } = this.viewer;
    swipe.element?.querySelector(".pswp__button--info")?.setAttribute("aria-pressed", String(this.isOpen));
    swipe.element?.classList.toggle("has-info", this.isOpen);
    swipe.updateSize(true);
  }

  /** Show the current picture. */
  async update() {
    if (!this.isOpen) return;
    const { id } = this.viewer;
    try {
      const image = await this.viewer.details();
      if (this.viewer.id === id) this.#render(image);
    } catch (error) {
      if (this.viewer.id === id) render(html`<p role="alert">${Problem.of(error).message}</p>`, this.element);
    }
  }

  #render(image) {
    const change = async (changes) => {
      this.#pending++;
      const changed = await changeImage(image.id, changes).catch((error) => sayProblem(Problem.of(error)));
      this.#pending--;
      if (changed && !this.#pending && this.viewer.id === image.id) this.#render(changed);
    };
    const isOwn = !page.user || page.user.is_admin || page.user.id === image.owner_id;
    render(html`${content(image, isOwn ? change : null)} ${this.similar.element}`, this.element);
    this.similar.show(image);
  }
}

/** @param {Record<string, any>} image @param {((changes: import("./images.js").Changes) => void) | null} change */
function content(image, change) {
  const guest = image.awaits_review ? html`<p class="info-text">${t("viewer.waiting")}</p>` : nothing;
  return html`${guest} ${words(image, change)} ${facts(image)} ${tags(image, change)} ${palette(image)}`;
}

function words(image, change) {
  if (!change) {
    return html`<h2><bdi>${image.title || image.filename}</bdi></h2><p class="info-text"><bdi>${image.description}</bdi></p>`;
  }
  const field = (name, label, element) => html`<label class="info-field"><span>${label}</span>${element(name)}</label>`;
  const onChange = (name) => (event) => {
    const { value } = event.target;
    change(() => ({ [name]: value }));
  };
  return html`${field("title", t("viewer.image_title"), (name) => html`<input dir="auto" .value=${image[name]}
      placeholder=${image.filename} maxlength="200" @change=${onChange(name)}>`)}
    ${field("description", t("viewer.description"), (name) => html`<textarea dir="auto" rows="2" .value=${image[name]}
      @change=${onChange(name)}></textarea>`)}`;
}

function row(name, value) {
  return value ? html`<dt>${name}</dt><dd><bdi>${value}</bdi></dd>` : nothing;
}

function facts(image) {
  const { exif, gps } = image;
  const size = `${number(image.width)} × ${number(image.height)} · ${bytes(image.bytes)}`;
  return html`<dl class="facts">
    ${isDated(image) ? row(t("viewer.taken"), timeName(takenOf(image))) : row(t("viewer.uploaded"), momentName(image.created_at))}
    ${row(t("viewer.file"), image.filename)}
    ${row(t("viewer.size"), `${size} · ${image.format.toUpperCase()}`)}
    ${row(t("viewer.camera"), cameraOf(exif))}
    ${row(t("viewer.lens"), exif.lens)}
    ${row(t("viewer.exposure"), exposureOf(exif))}
    ${row(t("viewer.visibility"), visibilityName(image.visibility))}
    ${gps ? html`<dt>${t("viewer.place")}</dt><dd>${mapLink(gps)}</dd>` : nothing}
  </dl>`;
}

/** The place on a map of another site, which gets to know it when the link is followed. */
function mapLink({ latitude, longitude }) {
  const address = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=14/${latitude}/${longitude}`;
  return html`<a href=${address} target="_blank" rel="noopener noreferrer" title=${t("viewer.map")}>${latitude.toFixed(4)}, ${longitude.toFixed(4)}</a>`;
}

function tags(image, change) {
  const remove = (tag) => change(({ tags: now }) => ({ tags: now.filter((other) => other !== tag) }));
  const add = (event) => {
    const tag = event.target.value.trim();
    event.target.value = "";
    if (tag) change(({ tags: now }) => ({ tags: [...now, tag] }));
  };
  const chip = (tag) => html`<li><a href=${searchUrl(`tags:${quoted(tag)}`)}><bdi>${tag}</bdi></a>
    ${change ? html`<button type="button" aria-label=${t("viewer.remove_tag", { tag })} @click=${() => remove(tag)}>×</button>` : nothing}</li>`;
  return html`<h3>${t("viewer.tags")}</h3>
    <ul class="tags">${image.tags.map(chip)}</ul>
    ${change ? html`<input class="tag-input" dir="auto" aria-label=${t("viewer.add_tag")} placeholder=${t("viewer.add_tag")} @change=${add}>` : nothing}`;
}

/** A value of the search grammar, in which no quotes can stand between quotes. @param {string} text */
function quoted(text) {
  return `"${text.replaceAll('"', " ")}"`;
}

/** @param {string} query */
function searchUrl(query) {
  return url(`/?q=${encodeURIComponent(query)}`);
}

/** The colours of the picture; each leads to pictures with it. */
function palette(image) {
  if (!image.palette.length) return nothing;
  const swatch = (colour) => html`<li><a href=${searchUrl(`color:${colour}`)} title=${colour}
    aria-label=${t("viewer.colour", { colour })}><svg viewBox="0 0 40 40" aria-hidden="true">
    <rect width="40" height="40" fill=${colour}></rect></svg></a></li>`;
  return html`<h3>${t("viewer.colours")}</h3><ul class="palette">${image.palette.map(swatch)}</ul>`;
}
