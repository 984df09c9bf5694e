// Pages that ask first open as a dialog over the page they were asked from.
const dialog = () => document.getElementById("dialog");

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "dialog-body") return;
  if (event.detail.target.childElementCount === 0) { location.reload(); return; }
  if (!dialog().open) dialog().showModal();
});

document.addEventListener("click", (event) => {
  if (dialog()?.open && event.target.closest("[data-close]")) {
    event.preventDefault();
    dialog().close();
  }
});

// A form of the dialog that was carried out has done its work: the page below shows the outcome.
document.addEventListener("htmx:afterRequest", (event) => {
  if (dialog()?.open && event.detail.elt.closest("#dialog") && event.detail.target?.id === "live") dialog().close();
});
