// uses: shared/text.mjs
const STORE = "cnnlib.quiz.";

// Text with `code` as HTML.
export function rich(text) {
  return escapeHtml(text).replace(/`([^`]+)`/g, "<code>$1</code>");
}

// A reader's text as a number: "1,000", "1 000", "1e3", "−2", "5/2" and "80.5" are numbers, "" and "ten" are not (null).
export function parseNumber(text) {
  const plain = String(text).trim().replace(/−/g, "-").replace(/(\d)[,\u2009\u202f\u00a0 ](?=\d{3}(?!\d))/g, "$1");
  const parts = plain.split("/").map((part) => part.trim());
  if (parts.length > 2 || parts.some((part) => !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(part))) return null;
  const value = parts.length === 2 ? Number(parts[0]) / Number(parts[1]) : Number(parts[0]);
  return Number.isFinite(value) ? value : null;
}

// What to say to an answer: a choice's option number or a numeric question's text. right is null when it is no answer.
export function judge(question, answer) {
  if (question.options) {
    const option = question.options[answer];
    return option ? { right: Boolean(option.right), text: option.why } : { right: null, text: "Choose an answer first." };
  }
  const value = parseNumber(answer ?? "");
  if (value === null) return { right: null, text: "Write a number, such as 12 or 0.5." };
  const tolerance = question.tolerance ?? 0;
  const near = (number) => Math.abs(value - number) <= tolerance + 1e-9 * Math.abs(number);
  if (near(question.answer)) return { right: true, text: question.why };
  const known = question.wrong.find(([number]) => near(number));
  return { right: false, text: known ? known[1] : question.otherwise };
}

export function feedback({ right, text }) {
  if (right === null) return `<span class="cnn-note">${rich(text)}</span>`;
  const word = right ? '<b class="cnn-right">✓ Right.</b>' : '<b class="cnn-wrong">✗ Not quite.</b>';
  return `${word} ${rich(text)}`;
}

// A question changed after it was answered is a new question: its stored answer no longer counts.
export function fingerprint(question) {
  let hash = 5381;
  for (const char of JSON.stringify([question.ask, question.options?.map((option) => [option.text, option.right]), question.answer])) {
    hash = ((hash * 33) ^ char.codePointAt(0)) >>> 0;
  }
  return hash.toString(36);
}

export function draw({ questions }, prefix = "q") {
  return questions.map((question) => `<form class="cnn-question" data-question="${escapeHtml(question.id)}" novalidate>${
    question.options ? choice(question, prefix) : numeric(question, prefix)}<output class="cnn-feedback" aria-live="polite"></output></form>`).join("");
}

function choice(question, prefix) {
  const name = `${prefix}-${escapeHtml(question.id)}`;
  const options = question.options.map((option, i) => `<label class="cnn-option"><input type="radio" name="${name}" value="${i}" autocomplete="off">`
    + `<span>${rich(option.text)}</span></label>`);
  return `<fieldset><legend>${rich(question.ask)}</legend>${options.join("")}</fieldset><button type="submit">Check</button>`;
}

function numeric(question, prefix) {
  const name = `${prefix}-${escapeHtml(question.id)}`;
  return `<label class="cnn-ask" for="${name}">${rich(question.ask)}</label><span class="cnn-numeric">`
    + `<input type="text" inputmode="decimal" id="${name}" name="${name}" size="10" autocomplete="off"><button type="submit">Check</button></span>`;
}

// Storage may be off or full: then the quiz works and remembers nothing.
function remember(question, answer, right) {
  try {
    localStorage.setItem(STORE + question.id, JSON.stringify({ answer, right, of: fingerprint(question) }));
  } catch { /* nothing to do */ }
}

function recall(question) {
  try {
    const stored = JSON.parse(localStorage.getItem(STORE + question.id));
    return stored && stored.of === fingerprint(question) ? stored.answer : null;
  } catch {
    return null;
  }
}

let rendered = 0;

function render({ model, el }) {
  const questions = model.get("questions");
  const byId = (form) => questions.find((question) => question.id === form.dataset.question);
  rendered += 1;
  el.classList.add("cnn-view");
  el.dataset.lmSuppressShortcuts = "true"; // JupyterLab: keys typed here are no notebook commands
  if (!el.querySelector("form")) el.innerHTML = draw({ questions }, `q${rendered}`); // the website has written it already

  const answerOf = (form) => (byId(form).options ? form.querySelector("input:checked")?.value : form.querySelector("input").value);
  const show = (form, answer) => {
    const result = judge(byId(form), answer);
    form.querySelector(".cnn-feedback").innerHTML = feedback(result);
    form.dataset.result = result.right === null ? "" : result.right ? "right" : "wrong";
    return result;
  };
  const submit = (event) => {
    event.preventDefault();
    const answer = answerOf(event.target);
    const { right } = show(event.target, answer);
    if (right !== null) remember(byId(event.target), answer, right);
  };
  const change = (event) => { // a new choice takes the old feedback away
    const form = event.target.closest("form");
    form.querySelector(".cnn-feedback").textContent = "";
    form.dataset.result = "";
  };
  const keep = (event) => event.stopPropagation();

  for (const form of el.querySelectorAll("form")) {
    const answer = recall(byId(form));
    if (answer === null) continue;
    const input = byId(form).options ? form.querySelector(`input[value="${Number(answer)}"]`) : form.querySelector("input");
    if (!input) continue;
    if (byId(form).options) input.checked = true;
    else input.value = answer;
    show(form, answer);
  }
  const listeners = [["submit", submit], ["input", change], ["keydown", keep]];
  listeners.forEach(([name, listener]) => el.addEventListener(name, listener));
  return () => {
    listeners.forEach(([name, listener]) => el.removeEventListener(name, listener));
    el.replaceChildren();
  };
}

export default { render };
