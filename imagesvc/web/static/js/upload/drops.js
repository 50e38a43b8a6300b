/** Files that are dropped on the page or pasted into it. */

/**
 * @param {object} handlers
 * @param {(isOver: boolean) => void} handlers.over Files are held over the page, or no longer.
 * @param {(entries: (FileSystemEntry | File)[]) => void} handlers.dropped
 */
export function listenToDrops({ over, dropped }) {
  let isOfPage = false; // Chromium offers a picture of the page as a file, too.
  const isMeant = (event) => !isOfPage && event.dataTransfer?.types.includes("Files");
  addEventListener("dragstart", () => { isOfPage = true; });
  // Elements that are removed during their drag fire no `dragend`; pointers do not move during one.
  for (const type of ["dragend", "pointermove"]) addEventListener(type, () => { isOfPage = false; });
  addEventListener("dragenter", (event) => { if (isMeant(event)) over(true); });
  addEventListener("dragover", (event) => {
    if (!isMeant(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("dragleave", (event) => { if (event.relatedTarget === null) over(false); });
  addEventListener("drop", (event) => {
    over(false);
    if (!isMeant(event)) return;
    event.preventDefault();
    dropped(entriesOf(event.dataTransfer));
  });
}

/** The items of a drop are gone after its event; their entries and files are not. */
function entriesOf(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  return items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
}

/**
 * @param {object} handlers
 * @param {(files: File[]) => void} handlers.files
 * @param {(address: string) => void} handlers.address
 */
export function listenToPaste({ files, address }) {
  addEventListener("paste", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (event.defaultPrevented || target.matches?.("input, textarea, [contenteditable]")) return;
    const pasted = [...(event.clipboardData?.files ?? [])];
    const text = event.clipboardData?.getData("text/plain").trim() ?? "";
    if (pasted.length) files(pasted.map(named));
    else if (/^https?:\/\/\S+$/i.test(text)) address(text);
    else return;
    event.preventDefault();
  });
}

/** Copied pictures are all named `image.png`; the time tells them apart. @param {File} file */
function named(file) {
  if (!/^image\.\w+$/.test(file.name)) return file;
  const time = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  return new File([file], file.name.replace("image", `pasted-${time}`), { type: file.type });
}
