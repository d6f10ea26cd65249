// A table that is wider than the page scrolls in its box; then the box takes the keyboard's focus.

const seen = new ResizeObserver((entries) => entries.forEach(({ target }) => {
  if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
  else target.removeAttribute("tabindex");
}));

for (const box of document.querySelectorAll(".table-wrapper")) seen.observe(box);
