/** The suggestions below the search box: a list that the keyboard of the box moves in. */

import { html, nothing, render } from "../vendor.js";
import { loaded } from "../shared/loading.js";
import { loadStyle } from "../shared/styles.js";
import { number, t } from "../shared/texts.js";
import { completed, groupsFor, partAt, rest, savedFor } from "./candidates.js";
import { facetsOf } from "./facets.js";
import { EXPLAINED } from "./grammar.js";
import { saved } from "./saved.js";
import { swatch } from "./terms.js";

const LIST = "suggestion-list";
/** Milliseconds without a key after which values are requested. */
const PAUSE = 150;

export class Suggestions {
  #isOpen = false;
  /** The place of the chosen suggestion; -1 for none. */
  #active = -1;
  /** @type {import("./candidates.js").Candidate[]} */
  #candidates = [];
  /** What they complete. @type {import("./candidates.js").Part | null} */
  #completed = null;
  #facets = null;
  #pause = 0;

  /** @param {import("./box.js").SearchBox} box */
  constructor(box) {
    this.box = box;
    this.input = box.input;
    this.element = document.createElement("div");
    this.element.className = "suggestions";
    this.element.hidden = true;
    box.form.append(this.element);
    saved.addEventListener("change", () => this.#isOpen && this.#show());
    saved.load().catch(() => {});
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", LIST], ["aria-expanded", "false"]]) {
      this.input.setAttribute(name, value);
    }
    this.#listen();
  }

  #listen() {
    const { input, box } = this;
    input.addEventListener("input", () => this.open());
    input.addEventListener("click", () => this.open());
    input.addEventListener("keydown", (event) => this.#onKey(event));
    input.addEventListener("keyup", ({ key }) => {
      if (this.#isOpen && ["ArrowLeft", "ArrowRight", "Home", "End"].includes(key)) this.open();
    });
    box.form.addEventListener("focusout", ({ relatedTarget }) => {
      if (!box.form.contains(/** @type {Node} */ (relatedTarget))) this.close();
    });
    box.form.addEventListener("submit", () => this.close());
    this.element.addEventListener("mousedown", (event) => event.preventDefault()); // The box keeps the focus.
  }

  get #part() {
    return partAt(this.input.value, this.input.selectionStart ?? this.input.value.length);
  }

  /** Show what fits the text now, then with the values of the pictures. */
  async open() {
    await loaded(loadStyle("css/search.css"));
    if (document.activeElement !== this.input) return;
    this.#isOpen = true;
    this.#active = -1;
    this.#show();
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#request(), this.#facets ? PAUSE : 0);
  }

  /** Request the values of the pictures that the rest of the text finds; of all, if it finds none. */
  async #request() {
    const text = this.input.value;
    const others = rest(text, this.#part);
    const facets = (await this.#of(others)) ?? (others && (await this.#of("")));
    if (!facets || this.input.value !== text) return;
    this.#facets = facets;
    if (this.#isOpen && this.#active < 0) this.#show();
  }

  /** @param {string} text A search. */
  async #of(text) {
    const query = this.box.pictures.source.filters();
    if (text) query.set("q", text);
    else query.delete("q");
    const facets = await facetsOf(query).catch(() => null);
    return facets?.images ? facets : null;
  }

  close() {
    this.#isOpen = false;
    this.#active = -1;
    this.#show();
  }

  #onKey(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (this.#isOpen) this.#move(step);
      else this.open();
    } else if (event.key === "Enter" && this.#active >= 0) {
      event.preventDefault();
      this.#choose(this.#candidates[this.#active]);
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (this.#isOpen) this.close();
      else this.input.blur();
    }
  }

  /** @param {number} step */
  #move(step) {
    const places = this.#candidates.length + 1; // With the text itself.
    this.#active = ((this.#active + 1 + step + places) % places) - 1;
    this.#show();
    this.element.querySelector(".active")?.scrollIntoView({ block: "nearest" });
  }

  /** Complete the text; it is searched for unless a value has to follow. @param {import("./candidates.js").Candidate} candidate */
  #choose(candidate) {
    if (candidate.isWhole) {
      this.close();
      this.box.go(candidate.text);
      return;
    }
    const { text, caret } = completed(this.input.value, this.#completed, candidate);
    this.input.value = text;
    this.input.setSelectionRange(caret, caret);
    if (candidate.isOpen) {
      this.open();
      return;
    }
    this.close();
    this.box.go(text);
  }

  #show() {
    const part = this.#part;
    const groups = this.#isOpen ? [...this.#saved(), ...groupsFor(part, this.#facets)] : [];
    this.#completed = part;
    this.#candidates = groups.flatMap(({ candidates }) => candidates);
    const hint = this.#isOpen && EXPLAINED.has(part.field) ? t(`search.hint_${part.field}`) : "";
    const isListed = this.#candidates.length > 0;
    const hasSaved = groups[0]?.name === "saved";
    render(html`${isListed ? this.#list(groups) : nothing}${hasSaved ? this.#manage() : nothing}${hint ? html`<p class="suggestion-hint">${hint}</p>` : nothing}`, this.element);
    this.element.hidden = !isListed && !hint;
    this.input.setAttribute("aria-expanded", String(isListed));
    if (this.#active >= 0) this.input.setAttribute("aria-activedescendant", optionId(this.#active));
    else this.input.removeAttribute("aria-activedescendant");
  }

  /** The saved searches, while the whole text may be the beginning of a name. */
  #saved() {
    const candidates = savedFor(saved.list, this.input.value === this.box.text ? "" : this.input.value);
    return candidates.length ? [{ name: "saved", title: t("search.list_saved"), candidates }] : [];
  }

  #manage() {
    const show = async () => {
      const dialogs = await loaded(import("./saved_dialogs.js"));
      this.close();
      dialogs?.showSaved(this.box);
    };
    return html`<button type="button" class="button manage" aria-haspopup="dialog" @click=${show}>${t("search.manage")}</button>`;
  }

  #list(groups) {
    let index = -1;
    return html`<div role="listbox" id=${LIST} aria-label=${t("search.suggestions")}>
      ${groups.map(({ name, title, candidates }) => html`<div role="group" class="suggestion-group" aria-labelledby=${`suggest-${name}`}>
        <span class="suggestion-name" id=${`suggest-${name}`}>${title}</span>
        ${candidates.map((candidate) => this.#option(candidate, ++index))}
      </div>`)}
    </div>`;
  }

  #option(candidate, index) {
    const { text, label, count, colour, isOpen } = candidate;
    const isActive = index === this.#active;
    return html`<div role="option" id=${optionId(index)} class=${isActive ? "suggestion active" : "suggestion"}
      aria-selected=${String(isActive)} title=${text} @click=${() => this.#choose(candidate)}>
      ${colour ? swatch(colour) : nothing}<bdi>${label}</bdi>${isOpen ? html`<code>${text}</code>` : nothing}
      ${count === undefined ? nothing : html`<small>${number(count)}</small>`}</div>`;
  }
}

/** @param {number} index */
function optionId(index) {
  return `suggestion-${index}`;
}
