/** The form for uploads of guests: each file is sent alone, and its result is shown. */

import "./shared/preferences.js";
import { Problem, problemOf, request } from "./shared/api.js";
import { page, url } from "./shared/page.js";
import { bytes, counted, t } from "./shared/texts.js";

const api = `/api/v1/guest/${encodeURIComponent(page.token)}`;
const form = /** @type {HTMLFormElement} */ (document.getElementById("guest"));
const files = /** @type {HTMLInputElement} */ (document.getElementById("files"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("[type=submit]"));

/** @param {unknown} error */
function fail(error) {
  const problem = Problem.of(error);
  const notice = document.getElementById("notice");
  const texts = { 404: () => t("guest.absent"), 410: () => t("guest.gone") };
  notice.textContent = texts[problem.status]?.() ?? problem.message;
  notice.hidden = false;
}

async function refresh() {
  const link = await request(api);
  if (link.title) document.getElementById("title").textContent = link.title;
  const left = counted("guest.left", link.files_left);
  document.getElementById("left").textContent = `${left} ${t("guest.room", { size: bytes(link.bytes_left) })}`;
}

/** Send a file; returns why it was refused, and nothing if it was accepted. @param {File} file */
async function refusal(file) {
  const body = new FormData();
  body.append("file", file, file.name);
  try {
    const response = await fetch(url(`${api}/images`), { method: "POST", body, headers: { accept: "application/json" } });
    if (!response.ok) return (await problemOf(response)).message;
    const { data: [{ problem }] } = await response.json();
    return problem ? problem.detail : "";
  } catch {
    return t("common.offline");
  }
}

/** @param {File} file */
async function send(file) {
  const line = document.createElement("li");
  const name = document.createElement("bdi");
  const result = document.createElement("span");
  name.textContent = file.name;
  result.textContent = t("guest.sending");
  line.append(name, ": ", result);
  document.getElementById("results").append(line);
  const reason = await refusal(file);
  result.textContent = reason || t("guest.sent");
  line.className = reason ? "refused" : "sent";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  for (const file of files.files) await send(file);
  form.reset();
  button.disabled = false;
  refresh().catch(fail);
});

refresh().then(() => { form.hidden = false; }, fail);
