// Refreshes #live every few seconds, in place: what is typed, ticked, opened and scrolled stays as it is.
const STORED = "live";
const KEPT = new Set(["checked", "selected", "value", "open"]);
let refreshedAt = Date.now();
let asking = false;

const page = () => document.getElementById("live");
const wanted = () => localStorage.getItem(STORED) !== "off";
// The interval that was chosen, for every page that refreshes.
const seconds = () => (Number(page()?.dataset.live || 0) ? Number(localStorage.getItem("interval")) || Number(page().dataset.live) : 0);
const dialogOpen = () => document.querySelector("dialog[open]") !== null;

// What an action has started is seen soon: the next refresh comes a second after the action's toast.
const soon = () => { refreshedAt = Date.now() - (seconds() - 1) * 1000; };

function due() {
  return seconds() && wanted() && !document.hidden && !dialogOpen() && !asking
    && Date.now() - refreshedAt >= seconds() * 1000;
}

async function refresh() {
  asking = true;
  refreshedAt = Date.now();
  try {
    await htmx.ajax("GET", location.pathname + location.search, {
      source: page(), target: "#live", select: "#live", swap: "morph:outerHTML",
    });
  } catch {
    // What went wrong is said by the banner, through the events below.
  } finally {
    asking = false;
    // After a slow answer the next request waits a second, so that a busy server is not asked without a pause.
    refreshedAt = Math.max(refreshedAt, Date.now() - (seconds() - 1) * 1000);
  }
}

let lastGood = Date.now();

function say() {
  const box = document.getElementById("live-switch");
  if (!box) return;
  const words = document.getElementById("updated");
  const toggle = document.getElementById("live-toggle");
  const age = Math.round((Date.now() - lastGood) / 1000);
  box.dataset.on = String(wanted());
  const interval = document.getElementById("live-interval");
  if (interval && document.activeElement !== interval) interval.value = String(seconds());
  toggle.setAttribute("aria-pressed", String(wanted()));
  words.textContent = !wanted() ? words.dataset.paused
    : age < 1 ? words.dataset.now : words.dataset.ago.replace("#", age);
}

function banner(kind) {
  const box = document.getElementById("connection");
  if (!box) return;
  box.hidden = !kind;
  if (kind && box.textContent !== box.dataset[kind]) box.textContent = box.dataset[kind];
}

export function toggleLive() {
  localStorage.setItem(STORED, wanted() ? "off" : "on");
  if (wanted()) refreshedAt = 0;
  say();
}

document.addEventListener("click", (event) => {
  if (event.target.closest("#live-toggle")) toggleLive();
});
document.addEventListener("change", (event) => {
  if (event.target.id === "live-interval") { localStorage.setItem("interval", event.target.value); event.target.blur(); }
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target } = event.detail;
  const asked = new URL(xhr.responseURL || location.href);
  // A session that ended answers with the sign-in page: go there, and come back here afterwards.
  if (asked.pathname === "/login" && location.pathname !== "/login") {
    event.detail.shouldSwap = false;
    location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
    return;
  }
  if (target.id === "live" && xhr.status < 400) {
    lastGood = Date.now();
    banner(null);
  }
  // What is gone, or a form that was not accepted, answers with a page of its own: show it.
  if (xhr.status === 404 || xhr.status === 422) event.detail.shouldSwap = true;
  // An answer without the part that was asked for is another page: show that one whole.
  if (target.id === "live" && xhr.status < 500 && xhr.status !== 204 && !xhr.responseText.includes('id="live"')) {
    event.detail.shouldSwap = false;
    location.reload();
  }
});
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status >= 500) banner(event.detail.xhr.getResponseHeader("X-Away") === "broker" ? "broker" : "server");
});
document.addEventListener("htmx:oobAfterSwap", soon);
document.addEventListener("htmx:afterSettle", say);
document.addEventListener("htmx:sendError", () => banner("server"));
document.addEventListener("htmx:timeout", () => banner("server"));
document.addEventListener("visibilitychange", () => { if (!document.hidden && due()) refresh(); });

function keepWhatPeopleDid() {
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
    !(KEPT.has(name) && node.matches("input:not([type=hidden]), select, option, textarea, details"));
}

document.addEventListener("DOMContentLoaded", () => { keepWhatPeopleDid(); say(); });
if (document.readyState !== "loading") { keepWhatPeopleDid(); say(); }
if (document.querySelector("[data-toast]")) soon();
setInterval(() => { if (due()) refresh(); }, 100);
setInterval(say, 1000);
