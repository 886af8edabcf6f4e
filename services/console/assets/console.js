// Comfort for who has scripts: every page does the same without.
"use strict";

// A line of a waterfall shows its span in place.
async function toggle(line) {
  const row = line.closest("li");
  const shown = row.querySelector(":scope > .detail");
  if (shown) {
    shown.remove();
    line.setAttribute("aria-expanded", "false");
    row.classList.remove("open");
    return;
  }
  line.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(line.dataset.span);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const detail = page.querySelector("main .detail");
    if (!answer.ok || !detail) throw new Error(`${line.dataset.span}: ${answer.status}`);
    row.append(document.adoptNode(detail));
    line.setAttribute("aria-expanded", "true");
    row.classList.add("open");
  } catch {
    // The link leads to the same.
    location.assign(line.href);
  } finally {
    line.removeAttribute("aria-busy");
  }
}

document.addEventListener("click", (event) => {
  const line = event.target.closest("a.line[data-span]");
  if (!line || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (!line.hasAttribute("aria-busy")) toggle(line);
});

// Up and down go from line to line.
document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.("a.line")?.closest("li");
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const next = row && step && row[step]?.querySelector("a.line");
  if (next) {
    event.preventDefault();
    next.focus();
  }
});

// Of the form, only the fields of the endpoint that is chosen.
const endpoint = document.querySelector("form.send #endpoint");
if (endpoint) {
  const choose = () => {
    for (const fields of document.querySelectorAll("form.send [data-endpoint]")) {
      fields.hidden = fields.dataset.endpoint !== endpoint.value;
    }
  };
  endpoint.addEventListener("change", choose);
  // A browser may fill the form in again after a reload or on the way back.
  addEventListener("pageshow", choose);
  choose();
}

// A form is sent once.
for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener("submit", () => {
    const button = form.querySelector('button[type="submit"]');
    if (button) setTimeout(() => { button.disabled = true; });
  });
}
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
});
