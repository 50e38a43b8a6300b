/** The variant, its figures, and why it could not be made. */

import { html, nothing } from "../vendor.js";
import { amount, bytes, number, t } from "../shared/texts.js";

/** The stages of Server-Timing in the order of the work. */
const STAGES = ["queue", "decode", "transform", "render", "encode"];

/**
 * @param {import("./preview.js").Preview} preview
 * @param {Map<string, string>} faults
 * @param {import("./crop.js").Cropping} cropping
 */
export function stage(preview, faults, cropping) {
  const { picture, isLoading, problem } = preview;
  return html`<figure class="build-stage ${isLoading ? "is-loading" : ""} ${problem ? "is-old" : ""}" aria-busy=${isLoading}>
    <div class="build-picture">${cropping.isOn
      ? cropping.template()
      : html`<img src=${picture.source} width=${picture.width} height=${picture.height} alt=${t("builder.preview")}>`}</div>
    <figcaption>
      <p class="build-figures" role="status">${preview.address ? figures(picture) : nothing}</p>
      ${problem ? failure(preview, problem, faults) : nothing}
    </figcaption>
  </figure>`;
}

/** @param {import("./preview.js").Picture} picture */
function figures({ format, width, height, bytes: size, timing }) {
  const parts = [format.toUpperCase(), `${number(width)} × ${number(height)}`, bytes(size)];
  return html`<span>${parts.join(" · ")}</span>${timing ? html`<span class="build-time">${took(timing.spans.total)}
    <small>${sourceOf(timing)}</small></span>` : nothing}`;
}

/** @param {number | undefined} duration Not known of pictures in memory. */
function took(duration) {
  if (duration === undefined) return nothing;
  return amount(duration < 10 ? Math.round(10 * duration) / 10 : Math.round(duration), "millisecond");
}

/** Where it came from; for a new variant how long its stages took. */
function sourceOf({ source, spans }) {
  if (source !== "rendered") return source === "disk" ? t("builder.from_disk") : t("builder.from_memory");
  const stages = STAGES.filter((name) => spans[name] >= 0.5).map((name) => `${name} ${number(Math.round(spans[name]))}`);
  return html`${t("builder.rendered")}<span class="build-stages"> · ${stages.join(" · ")}</span>`;
}

function failure(preview, problem, faults) {
  const id = problem.requestId ? html`<small>${t("common.request_id", { id: problem.requestId })}</small>` : nothing;
  const message = faults.size ? t("builder.see_fields") : problem.message;
  const again = html`<button type="button" class="button" @click=${() => preview.update(0)}>${t("common.retry")}</button>`;
  return html`<div class="build-problem" role="alert"><p>${message}</p>${id}${faults.size ? nothing : again}</div>`;
}
