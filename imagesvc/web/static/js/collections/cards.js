/** Collections as cards: a cover, the title, and the number of pictures. */

import { html, nothing, render } from "../vendor.js";
import { iconButton } from "../icons/button.js";
import { BIN, PENCIL } from "../icons/lines.js";
import { coverOf } from "../shared/collections.js";
import { isRightToLeft, page, url, variantUrl } from "../shared/page.js";
import { counted, t, visibilityName } from "../shared/texts.js";

/** @typedef {import("../shared/collections.js").Collection} Collection */

/** @typedef {{edit: (it: Collection) => void, remove: (it: Collection) => void}} Actions */

/** @param {Collection} collection @param {Actions} actions */
function content(collection, { edit, remove }) {
  const { id, title, image_count: count } = collection;
  return html`<a href=${url(`/collections/${id}`)} draggable="false">
      <span class="cover"></span>
      <strong><bdi>${title}</bdi></strong>
      <small>${counted("selection.pictures", count ?? 0)}${page.has_accounts ? ` · ${visibilityName(collection.visibility)}` : nothing}</small>
    </a>
    <span class="collection-actions">
      ${iconButton({ icon: PENCIL, text: t("collections.edit_one", { title }) }, () => edit(collection))}
      ${iconButton({ icon: BIN, text: t("collections.delete_one", { title }) }, () => remove(collection))}
    </span>`;
}

/** The cards of collections; each stays the same element, with its cover. */
export class Cards {
  /** @type {Map<string, HTMLLIElement>} By the id of the collection. */
  #cards = new Map();
  /** @type {WeakMap<Element, Collection>} Those whose covers have not been loaded. */
  #waiting = new WeakMap();
  #observer = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: "400px" });

  /** @param {HTMLElement} list @param {Actions} actions */
  constructor(list, actions) {
    this.list = list;
    this.actions = actions;
  }

  /** Show collections, in this order. @param {Collection[]} collections */
  show(collections) {
    this.list.replaceChildren(...collections.map((one) => this.#card(one)));
  }

  /** @param {Collection} collection */
  #card(collection) {
    let element = this.#cards.get(collection.id);
    if (!element) {
      element = document.createElement("li");
      element.className = "collection";
      this.#cards.set(collection.id, element);
      this.#waiting.set(element, collection);
      this.#observer.observe(element); // Covers are loaded when they come near the window.
    }
    render(content(collection, this.actions), element);
    return element;
  }

  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      this.#observer.unobserve(target);
      showCover(target, this.#waiting.get(target));
    }
  }
}

/** Without a picture, or if it cannot be loaded, the cover is a symbol. */
async function showCover(element, collection) {
  const id = await coverOf(collection).catch(() => null);
  if (!id) return;
  const image = document.createElement("img");
  image.alt = "";
  image.onload = () => element.querySelector(".cover").replaceChildren(image);
  image.src = variantUrl(id, ["grid", "preview", "thumbnail"], "h=480&format=webp");
}

/** Move the focus between cards by arrows. @param {KeyboardEvent} event @param {HTMLElement} list */
export function onArrow(event, list) {
  const links = [...list.querySelectorAll("a")];
  const from = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
  const forward = isRightToLeft() ? -1 : 1;
  const columns = links.filter(({ offsetTop }) => offsetTop === links[0].offsetTop).length;
  const step = { ArrowRight: forward, ArrowLeft: -forward, ArrowDown: columns, ArrowUp: -columns }[event.key];
  if (!step || !links.length) return false;
  const to = from < 0 ? links[0] : links[from + step];
  to?.focus();
  return true;
}
