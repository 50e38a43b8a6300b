/** The files of dropped entries: of folders, all files at any depth. */

/** A file with its path in the folder that it came in. @typedef {{file: File, path: string, isInFolder: boolean}} Found */

/**
 * @param {(FileSystemEntry | File)[]} entries
 * @returns {AsyncGenerator<Found>}
 */
export async function* filesOf(entries) {
  for (const entry of entries) {
    if (entry instanceof File) yield found(entry);
    else yield* below(entry, false);
  }
}

/** A chosen file; those of a chosen folder have a path. @param {File} file @returns {Found} */
export function found(file) {
  const path = file.webkitRelativePath || file.name;
  return { file, path, isInFolder: path.includes("/") };
}

async function* below(entry, isInFolder) {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await promised((resolve, reject) => entry.file(resolve, reject));
    if (file) yield { file, path, isInFolder };
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // One call returns at most 100 entries in Chromium; the last one returns none.
    const some = await promised((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some?.length) return;
    for (const child of some) yield* below(child, true);
  }
}

/** The result of a function with callbacks; null if the entry cannot be read. */
function promised(call) {
  return new Promise((resolve) => call(resolve, () => resolve(null)));
}

/** Whether a file of a folder is no picture: folders also hold notes, films and hidden files. */
export function isOther({ file, isInFolder }) {
  if (!isInFolder) return false;
  return file.name.startsWith(".") || /^(thumbs\.db|desktop\.ini)$/i.test(file.name) || (file.type !== "" && !file.type.startsWith("image/"));
}
