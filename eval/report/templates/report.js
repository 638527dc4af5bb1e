"use strict";
// What a mark says, where the pointer is; a tap shows it too.
const box = document.getElementById("says");
function show(event) {
  const mark = event.target.closest ? event.target.closest("[data-says]") : null;
  box.hidden = !mark;
  if (!mark) return;
  box.textContent = mark.dataset.says;
  const room = 14, { width, height } = box.getBoundingClientRect();
  const left = Math.min(event.clientX + room, innerWidth - width - room);
  const below = event.clientY + room + height < innerHeight;
  box.style.left = Math.max(room, left) + "px";
  box.style.top = (below ? event.clientY + room : Math.max(room, event.clientY - height - room)) + "px";
}
document.addEventListener("pointermove", show);
document.addEventListener("pointerdown", show);
document.addEventListener("scroll", () => { box.hidden = true; }, { passive: true });

// A link into something folded unfolds it.
function unfold() {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id && document.getElementById(id);
  if (!target) return;
  for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
  target.scrollIntoView({ block: "start" });
}
addEventListener("hashchange", unfold);
unfold();

// The list of all questions, by the words in them.
for (const search of document.querySelectorAll("input[type=search]")) {
  const rows = [...document.getElementById(search.dataset.rows).tBodies[0].rows];
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}
