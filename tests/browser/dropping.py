"""Files for the upload tray: chosen, dropped and pasted as by a user."""

from __future__ import annotations

import base64

from playwright.sync_api import FilePayload, Locator, Page

from tests.http.asking import picture

MADE_FILE = """({ name, text }) => {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  return new File([bytes], name, { type: "image/jpeg" });
}"""
DRAG = f"""([types, files]) => {{
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(({MADE_FILE})(file));
  for (const type of types) {{
    const options = {{ dataTransfer: transfer, bubbles: true, cancelable: true }};
    document.querySelector("main").dispatchEvent(new DragEvent(type, options));
  }}
}}"""
DROP_FOLDER = """(count) => {
  const entryOf = (name, type = "image/jpeg") => ({
    isFile: true, fullPath: `/summer/days/${name}`,
    file: (done) => done(new File([name], name, { type })),
  });
  const files = [...Array(count).keys()].map((number) => entryOf(`${number}.jpg`));
  files.splice(7, 0, entryOf(".DS_Store", ""), entryOf("film.mp4", "video/mp4"));
  const folderOf = (fullPath, children) => ({
    isFile: false, fullPath,
    createReader: () => ({ readEntries: (done) => done(children.splice(0, 100)) }),
  });
  const summer = folderOf("/summer", [folderOf("/summer/days", files)]);
  DataTransferItem.prototype.webkitGetAsEntry = () => summer;
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File(["folder"], "summer"));
  const options = { dataTransfer, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new DragEvent("drop", options));
}"""
PASTE = f"""([file, text]) => {{
  const clipboardData = new DataTransfer();
  if (text) clipboardData.setData("text/plain", text);
  else clipboardData.items.add(({MADE_FILE})(file));
  const options = {{ clipboardData, bubbles: true, cancelable: true }};
  document.body.dispatchEvent(new ClipboardEvent("paste", options));
}}"""
_seeds = iter(range(1_000))


def fresh(name: str) -> FilePayload:
    """A picture that no user has."""
    return jpeg(name, picture(next(_seeds), (300, 200)))


def jpeg(name: str, content: bytes) -> FilePayload:
    """A file that is declared as a JPEG."""
    return {"name": name, "mimeType": "image/jpeg", "buffer": content}


def choose(page: Page, *files: FilePayload) -> None:
    """Choose files in the tray; it is opened first."""
    if not page.locator(".upload-panel").is_visible():
        page.keyboard.press("u")
    page.locator(".upload-panel input[type=file]").first.set_input_files(list(files))


def drag(page: Page, *files: FilePayload, types: tuple[str, ...]) -> None:
    """Make the events of a drag of files over the page."""
    page.evaluate(DRAG, [list(types), [_sent(file) for file in files]])


def drop(page: Page, *files: FilePayload) -> None:
    """Drop files on the page."""
    drag(page, *files, types=("dragenter", "dragover", "drop"))


def drop_folder(page: Page, files: int) -> None:
    """Drop a folder with a folder of so many pictures, a hidden file and a film."""
    page.evaluate(DROP_FOLDER, files)


def paste(page: Page, *, file: FilePayload | None = None, text: str = "") -> None:
    """Paste a file or a text."""
    page.evaluate(PASTE, [_sent(file) if file else None, text])


def row(page: Page, name: str) -> Locator:
    """The row of a file."""
    return page.locator(".upload-row").filter(has=page.get_by_text(name, exact=True))


def _sent(file: FilePayload) -> dict[str, str]:
    return {"name": file["name"], "text": base64.b64encode(file["buffer"]).decode()}
