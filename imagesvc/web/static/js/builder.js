/** The page that builds URLs: fields for the whole grammar, the variant as it becomes, its URL. */

import "./shared/preferences.js";
import { html, render } from "./vendor.js";
import { Problem } from "./shared/api.js";
import { page, url } from "./shared/page.js";
import { t } from "./shared/texts.js";
import { Cropping } from "./builder/crop.js";
import { faultsOf, FIELDS, form } from "./builder/fields.js";
import { listenToKeys, showKeys } from "./builder/keys.js";
import { Output } from "./builder/output.js";
import { Preview } from "./builder/preview.js";
import { stage } from "./builder/stage.js";
import { Values } from "./builder/values.js";
import { findImage } from "./viewer/images.js";

const place = document.getElementById("builder");
const help = /** @type {HTMLButtonElement} */ (document.getElementById("help"));

async function start() {
  let image;
  try {
    image = await findImage(page.image);
  } catch (error) {
    showFailure(Problem.of(error));
    return;
  }
  show(image);
}

/** @param {Record<string, any>} image */
function show(image) {
  const values = new Values(FIELDS.map(({ name }) => name));
  const preview = new Preview(image, values);
  const output = new Output(image, preview, draw);
  const cropping = new Cropping(image, values, draw);

  function draw() {
    const faults = faultsOf(preview.problem);
    render(
      html`<div class="build-side"><div class="build-pinned">${stage(preview, faults, cropping)}${output.address()}</div>${output.template()}</div>
        <form class="build-form" aria-label=${t("builder.transform")} @submit=${(event) => event.preventDefault()}>
          ${form(image, values, faults, cropping)}
          <button type="button" class="button" ?disabled=${!values.size} @click=${() => values.clear()}>${t("builder.reset")}</button>
        </form>`,
      place,
    );
  }

  values.addEventListener("change", () => preview.update());
  preview.addEventListener("change", draw);
  listenToKeys({ c: () => output.copy(), r: () => values.clear(), b: () => location.assign(url(`/view/${image.id}`)) });
  preview.update(0);
}

/** @param {Problem} problem */
function showFailure(problem) {
  const id = problem.requestId ? html`<small>${t("common.request_id", { id: problem.requestId })}</small>` : "";
  const isAbsent = problem.status === 404;
  const way = isAbsent
    ? html`<a class="button" href=${url("/")}>${t("builder.choose")}</a>`
    : html`<button class="button" type="button" @click=${() => location.reload()}>${t("common.retry")}</button>`;
  render(
    html`<div class="notice" role="alert"><h2>${isAbsent ? t("builder.absent") : t("builder.failed")}</h2>
      <p>${problem.message}</p>${way}${id}</div>`,
    place,
  );
}

help.addEventListener("click", showKeys);
help.disabled = false;
start();
