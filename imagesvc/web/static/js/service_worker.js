/**
 * Receives the photos that the share sheet of a phone sends, and keeps them until a page of the
 * gallery asks its user. All other requests go to the network as if it did not exist.
 */

const STORE = "imagesvc-shared";
const FIELD = "media";
/** Photos that no page has asked about are removed at the next share after this time. */
const LIFETIME = 60 * 60 * 1000;
const HOME = new URL(self.registration.scope).pathname;

addEventListener("install", (event) => {
  self.skipWaiting();
  // Where browsers have routes, they do not start the worker for pictures and pages.
  const routed = event.addRoutes?.({ condition: { requestMethod: "get" }, source: "network" });
  event.waitUntil(Promise.resolve(routed).catch(() => {}));
});

addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  const isShare = method === "POST" && url === `${location.origin}${HOME}share-target`;
  if (isShare) event.respondWith(receive(event.request));
});

/** @param {Request} request */
async function receive(request) {
  try {
    const files = (await request.formData()).getAll(FIELD).filter((value) => value instanceof File);
    const store = await caches.open(STORE);
    await removeOld(store);
    const now = Date.now();
    await Promise.all(files.map((file, index) => store.put(`${HOME}shared/${now}-${index}`, kept(file))));
    return Response.redirect(`${HOME}?shared=${files.length ? "files" : "lost"}`, 303);
  } catch {
    return Response.redirect(`${HOME}?shared=lost`, 303);
  }
}

/** A file as the cache stores it. @param {File} file */
function kept(file) {
  const headers = {
    "content-type": file.type || "application/octet-stream",
    "x-name": encodeURIComponent(file.name),
    "x-modified": String(file.lastModified),
  };
  return new Response(file, { headers });
}

/** @param {Cache} store */
async function removeOld(store) {
  for (const { url } of await store.keys()) {
    const time = Number(url.match(/shared\/(\d+)-/)?.[1]);
    if (!(time > Date.now() - LIFETIME)) await store.delete(url);
  }
}
