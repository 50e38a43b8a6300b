/** The state of the service: what does not work, and how much room there is. */

import { html, nothing } from "../vendor.js";
import { Problem, problemOf } from "../shared/api.js";
import { url } from "../shared/page.js";
import { Section } from "../shared/sections.js";
import { bytes, t } from "../shared/texts.js";
import { figures } from "./figures.js";

/** Metrics in bytes, with their names. */
const SIZES = [
  ["imagesvc_disk_free_bytes", () => t("admin.disk_free")],
  ["imagesvc_memory_bytes", () => t("admin.memory")],
];

export function showState() {
  new Section("state", load, content).refresh();
}

async function load() {
  const [{ checks, warnings }, metrics] = await Promise.all([get("/readyz").then((it) => it.json()), loadMetrics()]);
  return { checks: { ...checks, ...warnings }, metrics };
}

async function loadMetrics() {
  const response = await get("/metrics");
  if (!response.ok) throw await problemOf(response);
  return metricsIn(await response.text());
}

/** @param {string} path */
async function get(path) {
  return fetch(url(path)).catch(() => {
    throw new Problem(0, "offline", t("common.offline"));
  });
}

/** The values of metrics without labels, by name. @param {string} text Of Prometheus. */
function metricsIn(text) {
  return new Map([...text.matchAll(/^(\w+) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]));
}

/** @param {{checks: Record<string, string>, metrics: Map<string, number>}} state */
function content({ checks, metrics }) {
  const faults = Object.entries(checks).filter(([, result]) => result !== "ok");
  const sizes = SIZES.filter(([name]) => metrics.has(name));
  return html`${faults.length
      ? html`<ul class="faults" role="alert">${faults.map(([name, result]) => html`<li><strong>${name}</strong> ${result}</li>`)}</ul>`
      : html`<p class="well"><svg viewBox="0 0 24 24" aria-hidden="true"><path class="line" d="M5 12.5l4.500 4.500L19 7.500"></path></svg>${t("admin.well")}</p>`}
    ${damage(metrics)}
    ${figures(sizes.map(([name, text]) => [text(), bytes(metrics.get(name))]))}`;
}

function damage(metrics) {
  const count = metrics.get("imagesvc_blobs_damaged");
  return count ? html`<p class="faults" role="alert">${t("admin.damaged", { count })}</p>` : nothing;
}
