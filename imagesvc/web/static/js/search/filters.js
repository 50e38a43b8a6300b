/** The chips below the header: the terms of the search, and values that narrow it. */

import { html, nothing, render, svg } from "../vendor.js";
import { loaded } from "../shared/loading.js";
import { loadStyle } from "../shared/styles.js";
import { counted, number, t } from "../shared/texts.js";
import { wrongMessage, wrongPart } from "./errors.js";
import { FIELDS, facetsOf, valuesOf } from "./facets.js";
import { hasTerm, isNegatable, termsOf, withNegated, withTerm, withoutTerm } from "./grammar.js";
import { saved } from "./saved.js";
import { swatchOf, termContent, termName, valueName } from "./terms.js";

/** Chips of a search at most. */
const MOST_TERMS = 40;
/** Values of each kind that are offered. */
const OFFERED = { tags: 6, cameras: 3, years: 4, formats: 3, colors: 5 };
const FAVOURITES = "is:favourite";
const BOOKMARK = svg`<path class="line" d="M7 4.500h10v15l-5-4-5 4z"></path>`;

export class Filters {
  /** What can narrow the search. @type {Record<string, any> | null} */
  #facets = null;

  /** @param {import("./box.js").SearchBox} box */
  constructor(box) {
    this.box = box;
    this.element = document.createElement("section");
    this.element.className = "filters";
    this.element.setAttribute("aria-label", t("search.filters"));
    box.addEventListener("change", () => this.#change());
    box.pictures.addEventListener("counted", () => this.#narrow());
    box.pictures.addEventListener("change", () => this.#show());
    saved.addEventListener("change", () => this.#show());
    this.ready = this.#start();
  }

  async #start() {
    await loaded(loadStyle("css/search.css"));
    this.box.pictures.place.before(this.element);
    this.#change();
    this.#narrow();
    saved.load().catch(() => {});
  }

  /** Show the chips of another text. */
  #change() {
    this.#facets = null;
    this.#show();
  }

  /** Show how many pictures were found, and what narrows them. */
  async #narrow() {
    const { text, pictures } = this.box;
    this.#show();
    this.#mark();
    if (!text || !pictures.counts?.total) return;
    const facets = await facetsOf(pictures.source.filters()).catch(() => null);
    if (this.box.text !== text) return;
    this.#facets = facets;
    this.#show();
  }

  /** Mark the text in the box as wrong; the wrong part is selected if it was typed there. */
  #mark() {
    const { input, text, typed, pictures } = this.box;
    const wrong = wrongPart(text, pictures.problem);
    if (!wrong) return;
    input.setAttribute("aria-invalid", "true");
    if (typed !== text || input.value !== text) return;
    input.focus();
    input.setSelectionRange(wrong.start, wrong.end);
  }

  #show() {
    const { text } = this.box;
    this.element.hidden = !text;
    render(text ? this.#content(text) : nothing, this.element);
  }

  #content(text) {
    const { problem } = this.box.pictures;
    const wrong = wrongPart(text, problem);
    return html`<div class="terms">
        <ul>${termsOf(text).slice(0, MOST_TERMS).map((term, index) => this.#term(term, index))}</ul>
        <span class="found" role="status">${this.#found()}</span>
        ${wrong ? nothing : this.#actions(text)}
      </div>
      ${wrong ? this.#error(text, wrong, problem) : this.#offers(text)}`;
  }

  /** Saving and sharing: a share has neither similar pictures nor a search within a collection. */
  #actions(text) {
    const isSaved = saved.find(text);
    const isShareable = !this.box.pictures.source.collection && !termsOf(text).some(({ field }) => field === "similar");
    return html`<span class="search-actions">
      <button type="button" class="button" aria-haspopup="dialog" @click=${() => this.#save(text)}>
        <svg viewBox="0 0 24 24" class=${isSaved ? "is-saved" : ""} aria-hidden="true">${BOOKMARK}</svg>
        ${isSaved ? t("search.list_saved") : t("search.save")}</button>
      ${isShareable ? html`<button type="button" class="button" aria-haspopup="dialog" @click=${() => share(text)}>
        ${t("sharing.share")}</button>` : nothing}
    </span>`;
  }

  /** @param {string} text */
  async #save(text) {
    const dialogs = await loaded(import("./saved_dialogs.js"));
    if (saved.find(text)) dialogs?.showSaved(this.box);
    else dialogs?.saveSearch(text);
  }

  #found() {
    const { counts } = this.box.pictures;
    if (!counts) return "";
    return counts.is_exact
      ? counted("search.found", counts.total)
      : t("search.found_most", { count: number(counts.total) });
  }

  /** @param {import("./grammar.js").Term} term @param {number} index */
  #term(term, index) {
    const { box } = this;
    return html`<li class=${term.isNegated ? "term is-negated" : "term"} @keydown=${(event) => this.#onKey(event, term, index)}>
      ${isNegatable(term) ? this.#toggle(term, index) : nothing}
      <button type="button" class="term-text" title=${t("search.edit")} @click=${() => this.#edit(term)}>${termContent(term)}</button>
      <button type="button" class="term-remove" aria-label=${t("search.remove", { term: termName(term) })}
        @click=${() => box.go(withoutTerm(box.text, index))}>×</button>
    </li>`;
  }

  /** The button that excludes what a term finds. */
  #toggle(term, index) {
    const label = t("search.exclude", { term: termName({ ...term, isNegated: false, text: withoutMinus(term) }) });
    const negate = () => this.box.go(withNegated(this.box.text, index));
    return html`<button type="button" class="term-not" aria-pressed=${String(term.isNegated)} aria-label=${label}
      title=${t("search.exclude_key")} @click=${negate}>−</button>`;
  }

  #onKey(event, term, index) {
    if (event.key !== "-" || event.ctrlKey || event.metaKey || event.altKey || !isNegatable(term)) return;
    event.preventDefault();
    this.box.go(withNegated(this.box.text, index));
  }

  /** Select a part of the text in the box. @param {{start: number, end: number}} part */
  #edit({ start, end }) {
    const { input, text } = this.box;
    input.value = text;
    input.focus();
    input.setSelectionRange(start, end);
  }

  #error(text, { start, end }, problem) {
    return html`<div class="search-error" role="alert">
      <p class="search-text"><bdi>${text.slice(0, start)}<mark>${text.slice(start, end)}</mark>${text.slice(end)}</bdi></p>
      <p>${wrongMessage(text, start, problem)}</p>
      <button type="button" class="button" @click=${() => this.#edit({ start, end })}>${t("search.mend")}</button>
      ${problem.requestId ? html`<small>${t("common.request_id", { id: problem.requestId })}</small>` : nothing}
    </div>`;
  }

  /** What narrows the search. */
  #offers(text) {
    const facets = this.#facets;
    const groups = facets ? FIELDS.map(([list, field]) => this.#group(text, facets, list, field)) : [];
    return html`<ul class="offers">${this.#favourites(text)}${groups}</ul>`;
  }

  #favourites(text) {
    if (!this.#facets?.images || hasTerm(text, FAVOURITES)) return nothing;
    return html`<li>${this.#offer(FAVOURITES, html`<bdi>${t("search.favourites")}</bdi>`, nothing)}</li>`;
  }

  #group(text, facets, list, field) {
    const values = valuesOf(facets, list, field)
      .filter(({ term, count }) => count < facets.images && !hasTerm(text, term))
      .slice(0, OFFERED[list]);
    if (!values.length) return nothing;
    const chips = values.map(({ term, value, count }) =>
      this.#offer(term, html`${field === "color" ? swatchOf(value) : nothing}<bdi>${valueName(field, value)}</bdi>`, facets.is_exact ? html` <small>${number(count)}</small>` : nothing),
    );
    return html`<li><span class="offers-name">${t(`search.list_${list}`)}</span>${chips}</li>`;
  }

  #offer(term, content, count) {
    const { box } = this;
    return html`<button type="button" class="offer" @click=${() => box.go(withTerm(box.text, term))}>${content}${count}</button>`;
  }
}

/** The text of a term that is not excluded. @param {import("./grammar.js").Term} term */
const withoutMinus = ({ text, isNegated }) => (isNegated ? text.slice(1) : text);

/** Make a link to what a search finds. @param {string} text */
async function share(text) {
  const links = await loaded(import("../sharing/share.js"));
  links?.shareSearch(text);
}
