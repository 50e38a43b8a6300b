/** The settings in force: those that are set, or those that a filter finds. */

import { html, nothing } from "../vendor.js";
import { request } from "../shared/api.js";
import { Section } from "../shared/sections.js";
import { counted, t } from "../shared/texts.js";

/** @typedef {{name: string, value: string | null, source: string, place: string, description: string}} Setting */

const filter = /** @type {HTMLInputElement} */ (document.getElementById("settings-filter"));
let showsAll = false;

export function showSettings() {
  /** @type {Setting[]} */
  let settings = [];
  const load = async () => {
    settings = (await request("/api/v1/settings")).data;
    return settings;
  };
  const section = new Section("settings", load, content);
  section.refresh();
  filter.addEventListener("input", () => section.show(settings));
  filter.disabled = false;
}

/** @param {Setting[]} settings @param {Section} section */
function content(settings, section) {
  const wanted = filter.value.trim().toLowerCase();
  const isFound = ({ name, description }) => `${name} ${name.replaceAll("_", " ")} ${description.toLowerCase()}`.includes(wanted);
  const found = settings.filter(wanted ? isFound : ({ source }) => showsAll || source !== "default");
  const showAll = () => {
    showsAll = true;
    section.show(settings);
  };
  return html`${found.length
      ? html`<ul class="rows settings-list">${found.map(row)}</ul>`
      : html`<p class="rows-empty">${wanted ? t("admin.no_setting") : t("admin.all_default")}</p>`}
    ${wanted || showsAll ? nothing : html`<p class="panel-buttons"><button class="button" type="button" @click=${showAll}>
      ${counted("admin.all_settings", settings.length)}</button></p>`}`;
}

/** @param {Setting} setting */
function row({ name, value, source, place, description }) {
  const text = { default: t("admin.source_default"), environment: t("admin.source_environment") }[source] ?? place;
  return html`<li><div class="row-words">
    <p><strong><code>${name}</code></strong> <span class="badge">${text}</span></p>
    <code class="setting-value">${value ?? t("admin.not_set")}</code>
    <small lang="en">${description}</small>
  </div></li>`;
}
