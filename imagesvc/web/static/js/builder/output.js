/** What the builder is for: the URL, texts that embed it, and the text of a preset. */

import { html, nothing } from "../vendor.js";
import { copied } from "../shared/clipboard.js";
import { say } from "../shared/messages.js";
import { page } from "../shared/page.js";
import { amount, t, timeName } from "../shared/texts.js";
import { embeddingTexts } from "../viewer/snippets.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
/** How long signatures may be valid, in seconds. */
const LIFETIMES = [HOUR, DAY, 7 * DAY, 30 * DAY];

export class Output {
  presetName = "my-preset";

  /** @param {Record<string, any>} image @param {import("./preview.js").Preview} preview @param {() => void} draw */
  constructor(image, preview, draw) {
    this.image = image;
    this.preview = preview;
    this.draw = draw;
  }

  get isSigned() {
    const { address, seconds } = this.preview;
    return Boolean(address?.signed && (seconds || address.needsSignature));
  }

  /** The URL as it is chosen; "" while the values are invalid. */
  get url() {
    const { address } = this.preview;
    return address ? this.#chosen(address) : "";
  }

  /** @param {{permanent: string, signed: string}} address */
  #chosen({ permanent, signed }) {
    return this.isSigned ? signed : permanent;
  }

  async copy(text = this.url) {
    if (text && (await copied(text, document.getElementById("builder")))) say(t("builder.copied"));
  }

  /** The URL, with a button to copy it. */
  address() {
    const { url } = this;
    if (!url) return nothing;
    return html`<div class="build-address"><code id="address">${url}</code>
      <button type="button" class="button primary" @click=${() => this.copy()}>${t("builder.copy")}</button></div>`;
  }

  /** What there is besides the URL. */
  template() {
    const { url } = this;
    if (!url) return nothing;
    const texts = Object.entries(this.#texts(url));
    return html`<section class="build-output" aria-label=${t("builder.result")}>
      ${this.#note()} ${this.#signature()}
      <ul class="build-texts">${texts.map(([name, text]) => html`<li>
        <button type="button" @click=${() => this.copy(text)}><strong>${name}</strong><code>${text}</code></button></li>`)}
      </ul>
      ${this.#preset()}
    </section>`;
  }

  #texts(url) {
    const { picture, address } = this.preview;
    const title = this.image.title || this.image.filename;
    const dense = address.dense && this.#chosen(address.dense);
    const { markdown, html, bbcode, densities } = embeddingTexts(url, title, picture, dense);
    const curl = `curl -O -J '${url}'`;
    return { Markdown: markdown, HTML: html, ...(dense ? { "HTML 2×": densities } : {}), BBCode: bbcode, curl };
  }

  #note() {
    const { address } = this.preview;
    if (this.isSigned) {
      const time = timeName(Date.parse(address.expires) / 1000 - 60 * new Date(address.expires).getTimezoneOffset());
      return html`<p class="build-note">${t("builder.signed_until", { time })}</p>`;
    }
    if (address.needsSignature) return html`<p class="build-note">${t("builder.must_be_signed")}</p>`;
    return this.image.visibility === "private" ? html`<p class="build-note">${t("builder.private")}</p>` : nothing;
  }

  #signature() {
    const { preview } = this;
    if (!preview.address.signed) return nothing;
    const needs = preview.address.needsSignature;
    const lifetimes = [...new Set(LIFETIMES.map((one) => Math.min(one, page.max_signed_seconds)))];
    const choose = (event) => {
      preview.seconds = Number(event.target.value);
      preview.update(0);
    };
    return html`<label class="build-signature">${t("builder.signature")}
      <select @change=${choose}>
        <option value="0" ?selected=${!preview.seconds}>${needs ? t("builder.by_default") : t("builder.none")}</option>
        ${lifetimes.map((one) => html`<option value=${one} ?selected=${one === preview.seconds}>${lifetime(one)}</option>`)}
      </select></label>`;
  }

  /** The text that makes the transform a preset of the settings file. */
  #preset() {
    const { query } = this.preview.address;
    if (!query) return nothing;
    const rename = (event) => {
      this.presetName = event.target.value.toLowerCase().replace(/[^a-z0-9_-]+/g, "-").replace(/^[_-]+/, "");
      this.draw();
    };
    const text = `[presets]\n${this.presetName || "my-preset"} = "${query}"`;
    return html`<div class="build-toml">
      <h2>${t("builder.as_preset")}</h2>
      <p class="build-help">${t("builder.as_preset_hint")}</p>
      <label>${t("builder.preset_name")}<input class="build-box build-wide" type="text" maxlength="64" autocomplete="off" spellcheck="false"
        .value=${this.presetName} @change=${rename}></label>
      <pre><code>${text}</code></pre>
      <button type="button" class="button" @click=${() => this.copy(text)}>${t("builder.copy_preset")}</button>
    </div>`;
  }
}

function lifetime(seconds) {
  if (seconds % DAY === 0) return amount(seconds / DAY, "day");
  return seconds % HOUR === 0 ? amount(seconds / HOUR, "hour") : amount(seconds, "second");
}
