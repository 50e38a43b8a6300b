/** The browsers in which the user has logged in. */

import { html, nothing } from "../vendor.js";
import { request } from "../shared/api.js";
import { wholeList } from "../shared/lists.js";
import { timeAgo } from "../shared/moments.js";
import { Section } from "../shared/sections.js";
import { t } from "../shared/texts.js";
import { deviceName } from "./devices.js";

export function showSessions() {
  const section = new Section("sessions", () => wholeList("/api/v1/sessions"), content);
  section.refresh();
  return section;
}

/** @param {Record<string, any>[]} sessions @param {Section} section */
function content(sessions, section) {
  const others = sessions.filter((session) => !session.is_current);
  const current = sessions.filter((session) => session.is_current);
  return html`<ul class="rows">${[...current, ...others].map((session) => row(session, section))}</ul>
    ${others.length > 1
      ? html`<button class="button" type="button" @click=${() => section.act(endOthers)}>${t("account.end_others")}</button>`
      : nothing}`;
}

function row(session, section) {
  const name = deviceName(session.user_agent) || t("account.unknown_device");
  return html`<li>
    <div class="row-words">
      <strong><bdi title=${session.user_agent}>${name}</bdi></strong>
      <small>${timeAgo(session.last_seen_at)} · <bdi>${session.address}</bdi></small>
    </div>
    ${session.is_current
      ? html`<span class="badge">${t("account.this_browser")}</span>`
      : html`<button class="button small" type="button" aria-label=${t("account.end_session_of", { name })}
          @click=${() => section.act(() => end(session))}>${t("account.end_session")}</button>`}
  </li>`;
}

/** A session that has ended in the meantime is no error. */
async function end({ id }) {
  await request(`/api/v1/sessions/${id}`, { method: "DELETE" }).catch((problem) => {
    if (problem.status !== 404) throw problem;
  });
}

/** Also those that began since the list was loaded. */
async function endOthers() {
  const sessions = await wholeList("/api/v1/sessions");
  for (const session of sessions.filter(({ is_current: isCurrent }) => !isCurrent)) await end(session);
}
