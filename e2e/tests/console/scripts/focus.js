// What can be operated, in the page's order; and from now on what the focus comes to, and whether that
// is seen.
const all = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
const isThere = (it) => !it.disabled && it.type !== "hidden" && it.checkVisibility({ visibilityProperty: true });
const due = [...document.querySelectorAll(all)].filter(isThere);
const tell = (it) => `${due.indexOf(it)} <${it.localName} id="${it.id}"> ${it.textContent.slice(0, 40)}`;
// From the page's begin, wherever the focus was.
const start = document.createElement("span");
start.tabIndex = -1;
document.body.prepend(start);
start.focus();
start.remove();
window.came = [];
document.addEventListener("focusin", ({ target }) => {
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(target);
  const box = target.getBoundingClientRect();
  const isSeen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && !/, 0\)$/.test(outlineColor)
    && box.width > 1 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  window.came.push(`${tell(target)}${isSeen ? "" : ", which is not seen"}`);
});
return due.map(tell);
