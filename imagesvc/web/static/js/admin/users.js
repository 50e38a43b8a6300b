/** The users: found by name, made, changed and removed. */

import { html, nothing } from "../vendor.js";
import { wholeList } from "../shared/lists.js";
import { dayOf } from "../shared/moments.js";
import { page } from "../shared/page.js";
import { Section } from "../shared/sections.js";
import { bytes, counted, number, t } from "../shared/texts.js";
import { isTaken } from "../timeline/keys.js";
import { openEdit, openNewUser, openRemoval } from "./user_forms.js";

/** Users that are shown at most; a filter finds the others. */
const SHOWN = 100;
const button = /** @type {HTMLButtonElement} */ (document.getElementById("new-user"));
const filter = /** @type {HTMLInputElement} */ (document.getElementById("filter"));

export function showUsers() {
  /** @type {Record<string, any>[]} */
  let users = [];
  const load = async () => {
    users = await wholeList("/api/v1/users");
    return users.sort((one, other) => (one.name < other.name ? -1 : 1));
  };
  const section = new Section("users", load, content);
  section.refresh();
  filter.addEventListener("input", () => section.show(users));
  filter.disabled = false;
  button.addEventListener("click", () => openNewUser(() => section.refresh()));
  button.disabled = false;
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || isTaken(event)) return;
    event.preventDefault();
    filter.focus();
  });
}

/** @param {Record<string, any>[]} users @param {Section} section */
function content(users, section) {
  const wanted = filter.value.trim().toLowerCase();
  const found = users.filter(({ name }) => name.includes(wanted));
  const more = found.length - SHOWN;
  return html`${found.length
      ? html`<ul class="rows">${found.slice(0, SHOWN).map((user) => row(user, users, section))}</ul>`
      : html`<p class="rows-empty">${t("admin.no_user")}</p>`}
    ${more > 0 ? html`<p class="rows-empty">${counted("admin.more_users", more)}</p>` : nothing}`;
}

function row(user, users, section) {
  const refresh = () => section.refresh();
  const isSelf = user.id === page.user.id;
  const action = (text, run) => html`<button class="button small" type="button" @click=${run}>${text}<span class="visually-hidden"> <bdi>${user.name}</bdi></span></button>`;
  return html`<li>
    <div class="row-words">
      <p><strong><bdi>${user.name}</bdi></strong>
        ${user.is_admin ? html`<span class="badge">${t("admin.is_admin")}</span>` : nothing}
        ${user.is_disabled ? html`<span class="badge alarm">${t("admin.is_disabled")}</span>` : nothing}</p>
      <small>${spaceOf(user)} · ${t("admin.since")} ${dayOf(user.created_at)}${user.has_password ? nothing : html` · ${t("admin.no_password")}`}</small>
    </div>
    <div class="row-buttons">
      ${action(t("admin.edit"), () => openEdit(user, isSelf, refresh))}
      ${isSelf ? nothing : action(t("admin.remove"), () => openRemoval(user, users, refresh))}
    </div>
  </li>`;
}

function spaceOf({ image_count: images, image_bytes: size, quota_images: mostImages, quota_bytes: mostBytes }) {
  const pictures = counted("admin.pictures", images);
  const parts = [
    mostImages === null ? pictures : t("admin.of", { used: pictures, most: number(mostImages) }),
    mostBytes === null ? bytes(size) : t("admin.of", { used: bytes(size), most: bytes(mostBytes) }),
  ];
  return parts.join(" · ");
}
