/** The space that the user's pictures take. */

import { html, nothing } from "../vendor.js";
import { request } from "../shared/api.js";
import { Section } from "../shared/sections.js";
import { bytes, counted, number, t } from "../shared/texts.js";

export function showProfile() {
  new Section("profile", () => request("/api/v1/users/me"), content).refresh();
}

function content({ usage }) {
  const { image_count: images, image_bytes: size, quota_images: mostImages, quota_bytes: mostBytes } = usage;
  const unlimited = [mostImages === null && counted("account.pictures", images), mostBytes === null && bytes(size)];
  return html`<p class="panel-note">${unlimited.filter(Boolean).join(" · ")}</p>
    ${meter(images, mostImages, t("account.quota_images"), number)}
    ${meter(size, mostBytes, t("account.quota_bytes"), bytes)}`;
}

/** How much of a quota is used. @param {number} used @param {number | null} most */
function meter(used, most, name, shown) {
  if (most === null) return nothing;
  return html`<label class="meter"><span>${name}</span>
    <span>${t("account.of", { used: shown(used), most: shown(most) })}</span>
    <progress max=${Math.max(most, 1)} value=${Math.min(used, Math.max(most, 1))}></progress></label>`;
}
