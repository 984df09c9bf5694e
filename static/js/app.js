// What the pages do beyond forms and links. Everything here is a comfort: without it the pages work by reloading.
document.documentElement.classList.add("js");

import "./live.js";
import "./dialogs.js";
import "./toasts.js";
import "./rows.js";
import "./keys.js";
import "./plots.js";
