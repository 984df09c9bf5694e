// The keys of the pages; `?` or a button shows the sheet that lists them.
import { toggleLive } from "./live.js";

const PLACES = { o: "/admin/", q: "/admin/jobs", w: "/admin/workers", e: "/admin/exports" };
let goingSomewhere = 0;

const typing = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;

function move(step) {
  const links = [...document.querySelectorAll("[data-row-link]")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step));
  links[next].focus();
}

function tick() {
  const box = document.activeElement?.closest("tr")?.querySelector("input[data-row]");
  if (!box) return;
  box.checked = !box.checked;
  document.dispatchEvent(new Event("rows:changed"));
}

const KEYS = {
  "/": () => { const field = document.querySelector("input[type=search]"); field?.focus(); field?.select(); },
  "?": () => document.getElementById("keys")?.showModal(),
  j: () => move(1),
  k: () => move(-1),
  x: tick,
  l: toggleLive,
  g: () => { goingSomewhere = Date.now(); },
};

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-open-keys]")) KEYS["?"]();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (!(event.target instanceof Element) || typing(event.target)) return;
  if (Date.now() - goingSomewhere < 1200 && PLACES[event.key]) { location.assign(PLACES[event.key]); return; }
  const act = KEYS[event.key];
  if (act) { event.preventDefault(); act(); }
});
