// The pointer over a plot: the figures of that moment.
function leave(box) {
  box.querySelector(".plot-tip")?.remove();
  box.querySelector(".cursor")?.remove();
}

function show(box, x) {
  const tips = JSON.parse(box.dataset.plot || "[]");
  if (tips.length < 2) return;
  const width = box.clientWidth;
  const index = Math.max(0, Math.min(tips.length - 1, Math.round((x / width) * (tips.length - 1))));
  let tip = box.querySelector(".plot-tip");
  if (!tip) {
    tip = box.appendChild(document.createElement("div"));
    tip.className = "plot-tip";
  }
  tip.textContent = tips[index];
  const at = (index / (tips.length - 1)) * width;
  tip.style.left = `${Math.min(at + 10, Math.max(0, width - tip.offsetWidth))}px`;
  const svg = box.querySelector("svg");
  let line = svg.querySelector(".cursor");
  if (!line) {
    line = svg.appendChild(document.createElementNS(svg.namespaceURI, "line"));
    line.setAttribute("class", "cursor");
    line.setAttribute("y1", 0);
    line.setAttribute("y2", 100);
  }
  const place = (index / (tips.length - 1)) * 600;
  line.setAttribute("x1", place);
  line.setAttribute("x2", place);
}

document.addEventListener("pointermove", (event) => {
  const box = event.target.closest?.("[data-plot]");
  for (const other of document.querySelectorAll("[data-plot]")) if (other !== box && other.querySelector(".plot-tip")) leave(other);
  if (box) show(box, event.clientX - box.getBoundingClientRect().left);
});
