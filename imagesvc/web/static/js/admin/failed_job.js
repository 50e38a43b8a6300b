/** A job that failed: its picture and the reason. */

import { html, nothing } from "../vendor.js";
import { explained } from "../shared/api.js";
import { timeAgo } from "../shared/moments.js";
import { url, variantUrl } from "../shared/page.js";
import { counted, t } from "../shared/texts.js";

/**
 * @param {Record<string, any>} job
 * @param {Record<string, any> | null} image
 * @param {() => void} retry
 */
export function failedJob(job, image, retry) {
  const name = image?.filename ?? job.image_id;
  const { code, detail } = reasonOf(job);
  return html`<li>
    ${thumbnail(image)}
    <div class="row-words">
      <strong><a href=${url(`/view/${job.image_id}`)}><bdi>${name}</bdi></a></strong>
      <span>${explained({ code, detail })}</span>
      <small>${code ? html`<code>${code}</code> · ` : nothing}${timeAgo(job.finished_at ?? job.created_at)} · ${counted("admin.attempts", job.attempts)}</small>
    </div>
    <button class="button small" type="button" @click=${retry}>${t("admin.retry")}<span class="visually-hidden"> <bdi>${name}</bdi></span></button>
  </li>`;
}

/** The error of a job, or of the first of its operations that failed. */
function reasonOf({ error, operations }) {
  return error ?? operations.find((operation) => operation.error)?.error ?? { code: "", detail: t("admin.no_reason") };
}

/** The picture, if it could be decoded once; a sign otherwise. */
function thumbnail(image) {
  if (!image?.thumbhash) {
    return html`<span class="row-picture"><svg viewBox="0 0 24 24" aria-hidden="true"><path class="line" d="M4 6.500h16v11H4zM4 15l4.500-4 4 4M20 6.500l-16 11"></path></svg></span>`;
  }
  const source = variantUrl(image.id, ["thumbnail", "grid"], "w=96&h=96&fit=cover");
  return html`<span class="row-picture"><img src=${source} alt="" loading="lazy" @error=${hide}></span>`;
}

function hide(event) {
  event.target.hidden = true;
}
