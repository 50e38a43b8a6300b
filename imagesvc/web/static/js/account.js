/** The page of one's own account: space, password, sessions, keys, webhooks, and programs that upload. */

import "./shared/preferences.js";
import { showKeyList } from "./account/keys.js";
import { listenToPassword } from "./account/password.js";
import { showProfile } from "./account/profile.js";
import { showSessions } from "./account/sessions.js";
import { listenToShareX } from "./account/sharex.js";
import { showWebhooks } from "./account/webhooks.js";
import { listenToHelp } from "./shared/help.js";
import { page } from "./shared/page.js";

const keys = page.user ? showKeyList() : null;
if (page.user) {
  const sessions = showSessions();
  showProfile();
  listenToPassword(() => sessions.refresh());
}
showWebhooks();
listenToShareX(async () => keys?.refresh());
listenToHelp(() => []);
