/** The clipboard. */

/** Put a text on it, also without HTTPS. @param {string} text @param {Element} place Of the button. */
export async function copied(text, place) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not permitted: the older way may be.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  place.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
}
