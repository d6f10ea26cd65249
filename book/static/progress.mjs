// Remembers what was read, in this browser only, and shows it: a mark at each page in the book's contents, and the table
// of the page "Your progress". The quizzes keep their own answers (cnnlib.quiz.<id>); they are read here, not copied.
//
// <meta name="cnn-book" content="address"> names a JSON file: [{page, sections: [mark], questions: {id: mark}}]. Every page
// loads it, so it has short marks: markOf(id) for a section, the end of its fingerprint for a question.
export const READ = "cnnlib.progress", QUIZ = "cnnlib.quiz.", SECONDS = 5;
const FORMAT = "cnnlib-progress";

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const own = (object, key) => (Object.hasOwn(object, key) ? object[key] : undefined);

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// What is stored, as pages with the ids of their sections; null when it is nonsense.
export function readSections(text) {
  if (text === null || text === undefined) return {};
  const value = parsed(text);
  const sound = isObject(value) && Object.values(value).every((ids) => Array.isArray(ids) && ids.every((id) => typeof id === "string"));
  return sound ? value : null;
}

export function markOf(id) {
  let hash = 5381;
  for (const char of id) hash = ((hash * 33) ^ char.codePointAt(0)) >>> 0;
  return hash.toString(36).padStart(4, "0").slice(-4);
}

export function withSection(read, page, id) {
  const ids = own(read, page) ?? [];
  return ids.includes(id) ? read : { ...read, [page]: [...ids, id] };
}

// A quiz's answer, or null: what is no answer, and an answer to a question that has changed since.
export function answerOf(text, mark) {
  const value = parsed(text ?? "null");
  const sound = isObject(value) && typeof value.right === "boolean" && ["string", "number"].includes(typeof value.answer);
  return sound && typeof value.of === "string" && value.of.endsWith(mark) ? value : null;
}

// One row a page: how many of its sections are read and how many of its questions are right. answer(id) is what is stored.
export function summarize(book, read, answer) {
  return book.map(({ page, sections, questions }) => {
    const marks = new Set((own(read, page) ?? []).map(markOf));
    const done = sections.filter((mark) => marks.has(mark)).length;
    const answers = Object.entries(questions).map(([id, mark]) => answerOf(answer(id), mark));
    const right = answers.filter((each) => each?.right).length;
    const begun = done > 0 || answers.some(Boolean);
    return { page, done, sections: sections.length, right, questions: answers.length,
      state: done === sections.length ? "read" : begun ? "begun" : "not begun" };
  });
}

export const allRight = (row) => row.questions > 0 && row.right === row.questions;
export const inWords = (row) => row.state + (allRight(row) ? ", quizzes all right" : row.right ? `, ${row.right} of ${row.questions} quiz questions right` : "");

// The file for another browser. Only what the book knows is written, and taken.
export function toFile(book, read, answer) {
  const sections = {}, answers = {};
  for (const { page, sections: marks, questions } of book) {
    const done = (own(read, page) ?? []).filter((id) => marks.includes(markOf(id)));
    if (done.length) sections[page] = done;
    for (const [id, mark] of Object.entries(questions)) {
      const found = answerOf(answer(id), mark);
      if (found) answers[id] = found;
    }
  }
  return `${JSON.stringify({ format: FORMAT, version: 1, read: sections, answers }, null, 1)}\n`;
}

// Returns {read, answers: {id: text}}: what was read here or there, and the file's answers. Throws what to tell the reader.
export function fromFile(book, read, text) {
  const file = parsed(text);
  if (!isObject(file) || file.format !== FORMAT) throw new Error("This is no file of progress; nothing was changed.");
  if (file.version !== 1) throw new Error("This file was written by a newer edition of the book; nothing was changed.");
  const there = readSections(JSON.stringify(file.read ?? null));
  if (!there || !isObject(file.answers)) throw new Error("This file is damaged; nothing was changed.");
  let merged = read;
  const answers = {};
  for (const { page, sections, questions } of book) {
    for (const id of own(there, page) ?? []) if (sections.includes(markOf(id))) merged = withSection(merged, page, id);
    for (const [id, mark] of Object.entries(questions)) {
      const found = answerOf(JSON.stringify(own(file.answers, id) ?? null), mark);
      if (found) answers[id] = JSON.stringify({ answer: found.answer, right: found.right, of: found.of });
    }
  }
  return { read: merged, answers };
}

const REST = "What you read now counts until you leave this page.";
export const TROUBLE = {
  off: `This browser keeps nothing for the book: its storage is off. ${REST}`,
  full: `This browser's storage for the book is full. ${REST}`,
  nonsense: "What this browser had stored could not be read; it is left out.",
};

// localStorage that may be off or full: what it does not take is held as long as the page is open.
export function openStore(open) {
  const held = new Map(), trouble = new Set();
  const attempt = (act, otherwise) => {
    try {
      return act(open());
    } catch (error) {
      trouble.add(error?.name === "QuotaExceededError" ? "full" : "off");
      return otherwise();
    }
  };
  const store = {
    trouble,
    get: (key) => held.get(key) ?? attempt((storage) => storage.getItem(key), () => null),
    set: (key, text) => attempt((storage) => {
      storage.setItem(key, text);
      if (storage.getItem(key) !== text) throw new Error("a stand-in that keeps nothing");
      held.delete(key);
    }, () => { held.set(key, text); }),
    remove: (key) => { held.delete(key); attempt((storage) => storage.removeItem(key), () => null); },
    keys: () => [...held.keys(), ...attempt((storage) => Object.keys(storage), () => [])],
    read: () => {
      const read = readSections(store.get(READ));
      if (!read) trouble.add("nonsense");
      return read ?? {};
    },
    probe: () => { store.set(`${READ}.probe`, "1"); store.remove(`${READ}.probe`); },
  };
  return store;
}

const STAR = '<svg class="cnn-star" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1l2.1 4.6 5 .6-3.7 3.4 1 5L8 12.100l-4.400 2.500 1-5L.9 6.200l5-.6z"/></svg>';
const RING = '<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5"/>';
const SHAPES = { "not begun": RING, begun: `${RING}<path d="M8 2a6 6 0 0 0 0 12z"/>`, read: '<path fill-rule="evenodd" d="M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM6.900 11.500 3.600 8.200 4.700 7.100 6.900 9.300 11.300 4.900 12.400 6z"/>' };
const mark = (row) => `<svg class="cnn-state" viewBox="0 0 16 16" aria-hidden="true">${SHAPES[row.state]}</svg>${
  allRight(row) ? STAR : ""}<span class="cnn-said">, ${inWords(row)}</span>`;

function drawMark(place, row) {
  let span = place.querySelector(".cnn-mark");
  if (!span) place.append(span = Object.assign(document.createElement("span"), { className: "cnn-mark" }));
  if (span.dataset.words === inWords(row)) return;
  span.dataset.words = inWords(row);
  span.innerHTML = mark(row);
}

// Calls seen(id) for a section that was on the screen for some seconds at a stretch, in a tab that is looked at.
function watch(sections, seen) {
  const timers = new Map(), here = new Set();
  const end = (section) => { clearTimeout(timers.get(section)); timers.delete(section); };
  const begin = (section) => { end(section); if (!document.hidden) timers.set(section, setTimeout(() => seen(section.id), SECONDS * 1000)); };
  const observer = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => {
    if (isIntersecting === here.has(target)) return;
    here[isIntersecting ? "add" : "delete"](target);
    (isIntersecting ? begin : end)(target);
  }));
  sections.forEach((section) => observer.observe(section));
  document.addEventListener("visibilitychange", () => here.forEach(document.hidden ? end : begin));
}

function overview(root, book, store, refresh) {
  const note = root.querySelector(".cnn-note"), dialog = root.querySelector("dialog"), file = root.querySelector("input");
  const answer = (id) => store.get(QUIZ + id);
  const say = (text) => { note.textContent = text; };
  const act = {
    save() {
      const url = URL.createObjectURL(new Blob([toFile(book, store.read(), answer)], { type: "application/json" }));
      Object.assign(document.createElement("a"), { href: url, download: "progress.json" }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
      say("Your progress is in the file progress.json.");
    },
    load: () => file.click(),
    reset: () => dialog.showModal(),
  };
  root.querySelectorAll("[data-do]").forEach((button) => { button.disabled = false; button.addEventListener("click", act[button.dataset.do]); });
  file.addEventListener("change", async () => {
    if (!file.files.length) return;
    try {
      const { read, answers } = fromFile(book, store.read(), await file.files[0].text());
      store.set(READ, JSON.stringify(read));
      for (const [id, text] of Object.entries(answers)) store.set(QUIZ + id, text);
      refresh();
      say("The file's progress was added to yours.");
    } catch (error) {
      say(error.message);
    }
    file.value = "";
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    dialog.returnValue = "";
    store.keys().filter((key) => key === READ || key.startsWith(QUIZ)).forEach(store.remove);
    refresh();
    say("All marks and answers are gone from this browser.");
  });
  store.probe();
  return (rows) => {
    for (const row of rows) {
      const line = root.querySelector(`tr[data-page="${row.page}"]`);
      if (!line) continue;
      drawMark(line.querySelector("th"), row);
      line.querySelector("[data-of=sections]").textContent = row.done;
      line.querySelector("[data-of=questions]").textContent = row.right;
    }
    const chapters = rows.filter((row) => root.querySelector(`tr[data-page="${row.page}"]`));
    for (const [name, key] of [["sections", "done"], ["questions", "right"]]) {
      root.querySelector(`tfoot [data-of=${name}]`).textContent = chapters.reduce((sum, row) => sum + row[key], 0);
    }
    root.querySelector(".cnn-trouble").textContent = [...store.trouble].map((kind) => TROUBLE[kind]).join(" ");
  };
}

async function main() {
  const address = document.querySelector('meta[name="cnn-book"]')?.content;
  if (!address) return;
  const base = new URL(document.documentElement.dataset.content_root, location.href).pathname;
  const pageAt = (path) => path.slice(base.length).replace(/\.html$/, "");
  const book = await (await fetch(address)).json();
  const store = openStore(() => localStorage), answer = (id) => store.get(QUIZ + id);
  const links = [...document.querySelectorAll(".sidebar-tree a.reference.internal")].map((link) => [link, pageAt(new URL(link.href).pathname)]);
  let drawTable = () => {};
  const refresh = () => {
    const rows = summarize(book, store.read(), answer), byPage = new Map(rows.map((row) => [row.page, row]));
    links.forEach(([link, page]) => byPage.has(page) && drawMark(link, byPage.get(page)));
    drawTable(rows);
  };
  const root = document.getElementById("cnn-progress");
  if (root) drawTable = overview(root, book, store, refresh);
  refresh();
  const here = book.find(({ page }) => page === pageAt(location.pathname));
  if (here) {
    watch([...document.querySelectorAll("article section[id]")].filter(({ id }) => here.sections.includes(markOf(id))), (id) => {
      const before = store.read(), after = withSection(before, here.page, id);
      if (after !== before) store.set(READ, JSON.stringify(after));
      refresh();
    });
  }
  addEventListener("storage", ({ key }) => { if (key === null || key.startsWith("cnnlib.")) refresh(); });
  addEventListener("pageshow", ({ persisted }) => persisted && refresh());
  document.addEventListener("submit", () => setTimeout(refresh)); // an answer on this page
}

if (typeof document !== "undefined") main();
