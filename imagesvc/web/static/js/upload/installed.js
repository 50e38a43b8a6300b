/** The installed gallery has a service worker, which receives photos of the share sheet. */

import { url } from "../shared/page.js";

/** Whether this page is shown by the installed app. */
const isInstalled = () => !matchMedia("(display-mode: browser)").matches;

/** Register the service worker, if the gallery is installed now or when it becomes so. */
export function keepRegistered() {
  if (!navigator.serviceWorker) return; // Only HTTPS and this machine have it.
  const register = () => navigator.serviceWorker.register(url("/service-worker.js")).catch(() => {});
  if (isInstalled()) register();
  else addEventListener("appinstalled", register);
}
