/** The order of collections, which the browser remembers. */

const KEY = "imagesvc collections order";
const ORDERS = {
  newest: (one, other) => (one.created_at < other.created_at ? 1 : -1),
  title: (one, other) => one.title.localeCompare(other.title, undefined, { numeric: true }),
  count: (one, other) => (other.image_count ?? 0) - (one.image_count ?? 0),
};

/** Let a field choose the order. @param {HTMLSelectElement} field @param {() => void} onChange */
export function listenToOrder(field, onChange) {
  const kept = localStorage.getItem(KEY);
  if (kept in ORDERS) field.value = kept;
  field.disabled = false;
  field.addEventListener("change", () => {
    localStorage.setItem(KEY, field.value);
    onChange();
  });
}

/**
 * @template {import("../shared/collections.js").Collection} T
 * @param {T[]} collections @param {string} name The value of the field.
 */
export function ordered(collections, name) {
  return [...collections].sort(ORDERS[name]);
}
