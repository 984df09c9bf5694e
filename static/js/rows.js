// Selecting rows: all at once, a range with Shift, and how many are selected.
const boxes = () => [...document.querySelectorAll("input[data-row]")];
let last = null;

function count() {
  const selected = boxes().filter((box) => box.checked).length;
  for (const words of document.querySelectorAll("[data-selected]")) {
    const text = words.dataset.selected.replace("#", selected);
    if (words.textContent !== text) words.textContent = text;
  }
  for (const button of document.querySelectorAll("[data-needs-rows]")) button.disabled = selected === 0;
  const all = document.querySelector("[data-all-rows]");
  if (all) {
    all.checked = selected > 0 && selected === boxes().length;
    all.indeterminate = selected > 0 && selected < boxes().length;
  }
}

function range(from, to, checked) {
  const list = boxes();
  const [start, end] = [list.indexOf(from), list.indexOf(to)].sort((a, b) => a - b);
  if (start >= 0) list.slice(start, end + 1).forEach((box) => { box.checked = checked; });
}

document.addEventListener("click", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLInputElement)) return;
  if (box.matches("[data-all-rows]")) boxes().forEach((row) => { row.checked = box.checked; });
  if (box.matches("[data-row]")) {
    if (event.shiftKey && last) range(last, box, box.checked);
    last = box;
  }
  count();
});
document.addEventListener("rows:changed", count);
document.addEventListener("htmx:afterSettle", count);
count();
