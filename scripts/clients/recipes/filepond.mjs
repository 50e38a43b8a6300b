// Uploads with the recipe for FilePond, shows what is there, takes an image out again, and meets a refusal.
import { authorization, key, photo, show, url, window } from "./browser.mjs";

const FilePond = await import("filepond");
const { server } = await import("./filepond-server.js");
if (!FilePond.supported()) throw new Error("FilePond misses something of a browser");
const pond = FilePond.create(window.document.querySelector("input"), { server: server(key), instantUpload: false, allowMultiple: true });

await pond.addFile(photo());
const { serverId } = await pond.processFile();
await show(serverId);

const shown = await pond.addFile(serverId, { type: "local" });
if (shown.filename !== "photo.jpg" || !shown.file.size) throw new Error(`not loaded: ${shown.filename}`);

const reverted = new Promise((resolve) => pond.on("processfilerevert", resolve));
pond.removeFile(pond.getFiles().find((file) => file.id !== shown.id), { revert: true });
await reverted;
let status;
do {
  status = (await fetch(`${url}/api/v1/images/${serverId}`, { headers: authorization })).status;
} while (status === 200);
if (status !== 404) throw new Error(`after the revert: ${status}`);

await pond.addFile(new window.File(["text"], "note.jpg", { type: "image/jpeg" }));
const refused = await pond.processFile(0).then(() => null, (error) => error);
if (!refused || !JSON.stringify(refused).includes("Not an image of a known format")) throw new Error("text was taken");
process.exit(0);
