// Good news leaves by itself; bad news stays until it is closed.
const SHOWN_MS = 9000;

function startClocks() {
  for (const toast of document.querySelectorAll("[data-toast]:not([data-timed], .error)")) {
    toast.dataset.timed = "";
    setTimeout(() => { if (!toast.matches(":hover, :focus-within")) toast.remove(); }, SHOWN_MS);
  }
}

document.addEventListener("click", (event) => {
  event.target.closest("[data-close-toast]")?.closest("[data-toast]").remove();
});
document.addEventListener("htmx:afterSettle", startClocks);
document.addEventListener("htmx:oobAfterSwap", startClocks);
startClocks();
