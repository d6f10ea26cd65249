// Say in a report of a mistake which section is on the screen.

// The text of the last heading above a line of the screen, without the link's mark behind it; "" before the first.
export function sectionAt(headings, line) {
  const above = headings.filter((each) => each.top <= line);
  return above.length ? above.at(-1).text.replace(/[#¶]\s*$/, "").trim() : "";
}

// The address of a new report that names the section.
export function withSection(address, section) {
  const url = new URL(address);
  if (section) url.searchParams.set("body", `${url.searchParams.get("body").split("\n")[0]}\nSection: ${section}`);
  return url.href;
}

if (globalThis.document) {
  document.querySelectorAll(".cnn-report a").forEach((link) => link.addEventListener("click", () => {
    const headings = [...document.querySelectorAll("article :is(h2, h3)")].map((each) => (
      { top: each.getBoundingClientRect().top, text: each.textContent }));
    link.href = withSection(link.href, sectionAt(headings, 0.5 * innerHeight));
  }));
}
