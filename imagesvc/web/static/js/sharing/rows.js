/** The rows of lists of links: what each shows, what has come of it, and when it ends. */

import { html, nothing, svg } from "../vendor.js";
import { momentName } from "../shared/moments.js";
import { page, url, variantUrl } from "../shared/page.js";
import { bytes, counted, number, t } from "../shared/texts.js";
import { imageOf } from "./covers.js";

const ICONS = {
  collection: "M3.500 18V6.500h6l2 2.500h9v9z",
  search: "M10.500 4.500a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5",
  upload: "M12 15V4M7.500 8.500L12 4l4.500 4.500M4 15v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3",
};

/** @param {Record<string, any>} share @param {unknown} buttons */
export function shareRow(share, buttons) {
  const views = share.max_views
    ? t("sharing.views_of", { count: number(share.views), most: number(share.max_views) })
    : counted("sharing.views", share.views);
  const facts = [
    views,
    share.last_viewed_at && t("sharing.last_viewed", { time: momentName(share.last_viewed_at) }),
    t("sharing.created", { time: momentName(share.created_at) }),
  ];
  const marks = [
    share.has_password && t("sharing.password"),
    share.allow_download && t("sharing.allow_download"),
    share.show_metadata && t("sharing.show_metadata"),
  ];
  const isUsedUp = share.max_views !== null && share.views >= share.max_views;
  return row({ ...WHAT[share.target](share), sign: sign(share, share.target), title: share.title, facts, marks, end: endOf(share, isUsedUp), link: share, buttons });
}

/** What each kind of share shows, and where that is. */
const WHAT = {
  image: ({ image_id: id }) => ({
    name: t("sharing.image"),
    href: url(`/view/${id}`),
  }),
  collection: ({ collection_id: id }) => ({
    name: t("sharing.collection"), href: url(`/collections/${id}`),
  }),
  search: ({ q }) => ({
    name: t("sharing.search", { q }), href: url(`/?q=${encodeURIComponent(q)}`),
  }),
};

/** @param {Record<string, any>} link @param {unknown} buttons */
export function uploadLinkRow(link, buttons) {
  const facts = [
    t("sharing.files_of", { count: number(link.files), most: number(link.max_files) }),
    t("sharing.bytes_of", { size: bytes(link.bytes), most: bytes(link.max_bytes) }),
    t("sharing.created", { time: momentName(link.created_at) }),
  ];
  const isUsedUp = link.files >= link.max_files || link.bytes >= link.max_bytes;
  const href = url(`/collections/${link.collection_id}`);
  const what = { name: t("sharing.collection"), href, sign: sign(link, "upload") };
  return row({ ...what, title: link.title, facts, marks: [], end: endOf(link, isUsedUp), link, buttons });
}

function row({ name, href, sign, title, facts, marks, end, link, buttons }) {
  const isForeign = link.owner_id !== (page.user?.id ?? null);
  const shown = [...marks, isForeign && t("sharing.foreign")].filter(Boolean);
  return html`<li class="link">
    <a class="link-sign" href=${href} tabindex="-1" aria-hidden="true">${sign}</a>
    <div class="link-words">
      <a class="link-title" href=${href}><bdi>${title || name}</bdi></a>
      <p>${title ? html`<bdi>${name}</bdi> · ` : nothing}${facts.filter(Boolean).join(" · ")}</p>
      <p class="link-marks">${end}${shown.map((text) => html`<span class="link-mark">${text}</span>`)}</p>
    </div>
    <div class="link-buttons">${buttons}</div>
  </li>`;
}

/** When a link ends, or that it has. @param {{expires_at: string | null}} link @param {boolean} isUsedUp */
function endOf({ expires_at: end }, isUsedUp) {
  const mark = (text) => html`<span class="link-mark ended">${text}</span>`;
  if (end && Date.parse(end) <= Date.now()) return mark(t("sharing.expired", { time: momentName(end) }));
  if (isUsedUp) return mark(t("sharing.used_up"));
  return end ? html`<span class="link-mark">${t("sharing.until", { time: momentName(end) })}</span>` : nothing;
}

/** The picture that stands for what a link shows; until one is known, an icon. */
function sign(link, name) {
  const cover = imageOf(link);
  if (cover) return html`<img src=${variantUrl(cover, ["thumbnail", "grid"], "w=320&h=320")} alt="" loading="lazy">`;
  if (!(name in ICONS)) return nothing;
  return html`<svg viewBox="0 0 24 24">${svg`<path class="line" d=${ICONS[name]}></path>`}</svg>`;
}
