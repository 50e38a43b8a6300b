/** The page of the administration: state of the service, jobs, users, and settings. */

import "./shared/preferences.js";
import { showJobs } from "./admin/jobs.js";
import { showSettings } from "./admin/settings.js";
import { showState } from "./admin/state.js";
import { showStorage } from "./admin/storage.js";
import { showUsers } from "./admin/users.js";
import { listenToHelp } from "./shared/help.js";
import { page } from "./shared/page.js";
import { t } from "./shared/texts.js";

showState();
showStorage();
showJobs();
if (page.user) showUsers();
showSettings();
const filter = [[["/"], () => t("admin.filter")]];
listenToHelp(() => page.user ? [[t("admin.users"), filter]] : []);
