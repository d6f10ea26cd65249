// Sections far from the screen are not laid out, and at first their height is a guess (site.css). It must not come true while
// somebody reads below them, or the page jumps: so each is laid out once, after which the browser remembers its height. That is
// done one after the other as soon as a reader stirs, and at once where a place within the page is gone to, or widths change.

const STIRRED = ["pointermove", "pointerdown", "touchstart", "wheel", "keydown", "scroll"];
const sections = [...document.querySelectorAll("article > section > section")];
const stands = new Promise((go) => addEventListener("load", () => document.fonts.ready.then(go)));
const frame = () => new Promise(requestAnimationFrame);
const later = window.requestIdleCallback ?? setTimeout; // Safari has no idle callbacks

async function measure(some) {
  const show = (on) => some.forEach((section) => section.classList.toggle("cnn-laid-out", on));
  show(true);
  await stands;
  await frame();
  await frame(); // by now the browser has seen the sections' heights
  show(false);
}

let left = sections, width = innerWidth;
const all = () => { measure(left); left = []; };
const inTurn = () => {
  measure(left.slice(0, 1));
  left = left.slice(1);
  if (left.length) later(inTurn);
};

if (location.hash || performance.getEntriesByType("navigation")[0]?.type !== "navigate") all();
const waiting = new AbortController();
const begin = () => { waiting.abort(); inTurn(); };
STIRRED.forEach((kind) => addEventListener(kind, begin, { passive: true, signal: waiting.signal }));
addEventListener("click", ({ target }) => target.closest?.("a[href*='#']") && all(), { capture: true });
addEventListener("keydown", ({ key }) => key === "End" && all(), { capture: true });
addEventListener("resize", () => { if (width !== (width = innerWidth)) measure(sections); });
