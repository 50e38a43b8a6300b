/** How many jobs there are, and those that failed with their reasons. */

import { html, nothing } from "../vendor.js";
import { request } from "../shared/api.js";
import { pageOf } from "../shared/lists.js";
import { say } from "../shared/messages.js";
import { Section } from "../shared/sections.js";
import { counted, duration, number, t } from "../shared/texts.js";
import { failedJob } from "./failed_job.js";
import { figures } from "./figures.js";

const STEP = 20;
/** The longest page of the API. */
const LIMIT = 200;
const REFRESH_MS = 4000;
const STATUSES = ["pending", "processing", "failed", "cancelled", "succeeded"];

/** Failed jobs that are shown at most. */
let most = STEP;
/** The images of failed jobs by id; null for those that cannot be loaded. @type {Map<string, object | null>} */
const images = new Map();
/** Of the next refresh, while jobs run. */
let timer = 0;

export function showJobs() {
  new Section("jobs", load, content).refresh();
}

async function load() {
  const [summary, { data: failed }] = await Promise.all([
    request("/api/v1/jobs/summary"),
    pageOf("/api/v1/jobs?status=failed", null, most),
  ]);
  await Promise.all(failed.map(({ image_id: id }) => loadImage(id)));
  return { ...summary, failed };
}

/** @param {string} id */
async function loadImage(id) {
  if (!images.has(id)) images.set(id, await request(`/api/v1/images/${id}`).catch(() => null));
}

/** @param {Record<string, any>} jobs @param {Section} section */
function content({ counts, oldest_pending_seconds: waited, failed }, section) {
  refreshLater(section, counts.pending + counts.processing > 0);
  return html`${figures(STATUSES.map((status) => [t(`admin.jobs_${status}`), number(counts[status]), status === "failed" && counts.failed > 0]))}
    ${waited >= 60 ? html`<p class="panel-note">${t("admin.oldest", { time: duration(waited) })}</p>` : nothing}
    ${failed.length ? failures(failed, counts.failed, section) : html`<p class="rows-empty">${t("admin.no_failures")}</p>`}`;
}

/** @param {Record<string, any>[]} jobs @param {number} total @param {Section} section */
function failures(jobs, total, section) {
  const showMore = () => {
    most = Math.min(most + STEP, LIMIT);
    section.refresh();
  };
  return html`<h3 class="rows-heading">${t("admin.failures")}</h3>
    <ul class="rows">${jobs.map((job) => failedJob(job, images.get(job.image_id), () => retry({ ids: [job.id] }, section)))}</ul>
    <p class="panel-buttons">
      <button class="button" type="button" @click=${() => retry({ status: "failed" }, section)}>${t("admin.retry_all")}</button>
      ${jobs.length < Math.min(total, LIMIT)
        ? html`<button class="button" type="button" @click=${showMore}>${t("admin.more")}</button>`
        : nothing}
    </p>`;
}

/** Queue failed jobs again. @param {{ids: string[]} | {status: string}} which @param {Section} section */
function retry(which, section) {
  return section.act(async () => {
    const { retried } = await request("/api/v1/jobs/actions/retry", { method: "POST", json: which });
    say(counted("admin.retried", retried));
  });
}

/** Load it again soon if jobs run, and the page is visible then. */
function refreshLater(section, isBusy) {
  clearTimeout(timer);
  if (!isBusy) return;
  timer = setTimeout(() => {
    if (document.hidden) refreshLater(section, true);
    else section.refresh();
  }, REFRESH_MS);
}
