// What is wider than the window, or is cut off at its end, but in a frame that scrolls by itself.
const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
const framed = (element) => {
  for (let it = element; it !== document.body; it = it.parentElement) if (scrolls(it)) return true;
  return false;
};
const tell = (element) => `<${element.localName} class="${element.getAttribute("class") ?? ""}"> ${element.textContent.slice(0, 40)}`;
// A drawing within another ends at its edge, though not in what a browser says of its size.
const isClipped = (element) => {
  const inner = element.closest("svg svg") ?? (element.localName === "g" ? element.querySelector("svg") : null);
  return inner !== null && getComputedStyle(inner).overflowX === "hidden";
};
const found = [];
const more = document.documentElement.scrollWidth - innerWidth;
if (more > 0) found.push(`the page is ${more} px wider than the window`);
for (const element of document.body.querySelectorAll("*")) {
  const box = element.getBoundingClientRect();
  if (box.width > 0 && (box.right > innerWidth + 1 || box.left < -1) && !framed(element) && !isClipped(element)) {
    found.push(`from ${Math.round(box.left)} to ${Math.round(box.right)} px: ${tell(element)}`);
  }
  const { overflowX, position } = getComputedStyle(element);
  // What is there to be read out alone is a pixel wide; a field goes along with what is typed.
  const hides = ["hidden", "clip"].includes(overflowX) && position !== "absolute" && element.localName !== "input";
  if (hides && !(element instanceof SVGElement) && element.scrollWidth > element.clientWidth + 1) {
    found.push(`cut off: ${tell(element)}`);
  }
}
return found.slice(0, 5);
