// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
// A box is { name, kind, score, at: [x1, y1, x2, y2], tag: [x, y] }; its score counts hundredths.
export function overlap([a1, b1, a2, b2], [c1, d1, c2, d2]) {
  const shared = Math.max(0, Math.min(a2, c2) - Math.max(a1, c1)) * Math.max(0, Math.min(b2, d2) - Math.max(b1, d1));
  return shared / ((a2 - a1) * (b2 - b1) + (c2 - c1) * (d2 - d1) - shared);
}

const hundredths = (value) => Math.round(100 * value); // a slider may hand over 0.30000000000000004

// All steps of the suppression. A step takes a box and has what it discards, what is exactly at the threshold and
// what has the same score.
export function walk({ boxes, iou_threshold, score_threshold, classes }) {
  const limit = hundredths(iou_threshold) / 100;
  const enough = (i) => boxes[i].score >= hundredths(score_threshold);
  const all = boxes.map((_, i) => i);
  const steps = [];
  let left = all.filter(enough).sort((i, j) => boxes[j].score - boxes[i].score); // equal scores keep their order
  while (left.length) {
    const [box, ...others] = left;
    const rivals = others.filter((i) => classes === 1 || boxes[i].kind === boxes[box].kind)
      .map((i) => ({ box: i, iou: overlap(boxes[box].at, boxes[i].at) }));
    const gone = rivals.filter(({ iou }) => iou > limit);
    steps.push({
      box, gone, exact: rivals.filter(({ iou }) => iou > 0 && iou === limit).map((rival) => rival.box),
      tied: others.filter((i) => boxes[i].score === boxes[box].score),
    });
    left = others.filter((i) => !gone.some((rival) => rival.box === i));
  }
  return { steps, below: all.filter((i) => !enough(i)) };
}

// The object of its class that a box overlaps most, or null.
export function owner({ at, kind }, objects) {
  const ious = objects.map((object) => (object.kind === kind ? overlap(at, object.at) : 0));
  const most = Math.max(...ious);
  return most > 0 ? ious.indexOf(most) : null;
}

export function facts(state) {
  const { boxes, objects } = state;
  const { steps, below } = walk(state);
  const last = steps.length;
  const step = Math.min(state.step, last);
  const status = boxes.map(() => ({ kind: "waiting" }));
  below.forEach((i) => { status[i] = { kind: "below" }; });
  steps.slice(0, step).forEach(({ box, gone }, at) => {
    status[box] = { kind: "kept", step: at + 1 };
    gone.forEach((rival) => { status[rival.box] = { kind: "gone", by: box, iou: rival.iou, step: at + 1 }; });
  });
  const those = (kind) => boxes.map((_, i) => i).filter((i) => status[i].kind === kind);
  const kept = steps.slice(0, step).map(({ box }) => box);
  const waiting = those("waiting");
  const left = boxes.map((_, i) => i).filter((i) => ["kept", "waiting"].includes(status[i].kind));
  const owners = left.map((i) => owner(boxes[i], objects));
  const each = objects.map((_, k) => left.filter((_box, n) => owners[n] === k));
  return {
    step, last, finished: step === last, now: step ? steps[step - 1] : null, next: steps[step]?.box ?? null,
    status, kept, waiting, left, below, gone: those("gone"), each,
    lost: objects.map((_, k) => k).filter((k) => each[k].length === 0),
    doubled: objects.map((_, k) => k).filter((k) => each[k].length > 1),
    stray: left.filter((_, n) => owners[n] === null),
  };
}

export function draw(state) {
  const now = facts(state);
  return `<figure class="cnn-nms">${picture(state, now)}<figcaption class="cnn-muted">${LEGEND}</figcaption></figure>`
    + `<output class="cnn-readout cnn-nms-readout" aria-live="polite">${words(state, now)}</output>`
    + `<div class="cnn-scroll" tabindex="0" role="region" aria-label="What became of each box">${table(state, now)}</div>`;
}

const LEGEND = "★ thickest line: taken now. ✓ thick: kept. × dashed: discarded. … thin: waiting. – dotted: score too low.";
const MARKS = { kept: "✓", gone: "×", waiting: "…", below: "–" };
const shown = (name, text) => `<b data-value="${name}">${text}</b>`;
const line = (text) => `<span class="cnn-fact">${text}</span>`;
const two = (value) => (hundredths(value) / 100).toFixed(2);
const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);
const orNone = (names) => (names.length ? listed(names) : "none");

function words(state, now) {
  const { boxes, objects, classes } = state;
  const names = (places) => places.map((i) => boxes[i].name);
  const { lost, doubled, each, left, kept, waiting, stray } = now;
  const rule = classes === 1
    ? "All together: a box discards boxes of either class, so a disc may discard a square."
    : "Each class alone: a disc discards only discs, a square only squares.";
  const twice = doubled.map((k) => `${objects[k].name} (${names(each[k]).join(", ")})`);
  return `<span class="cnn-headline">${headline(state, now)}</span>`
    + line(happened(state, now))
    + line(`Left: ${shown("left", left.length)} of ${boxes.length} boxes, ${shown("kept", kept.length)} kept and ${shown("waiting", waiting.length)} waiting. `
      + `Discarded: ${shown("gone", now.gone.length)}. Score below ${two(state.score_threshold)}: ${shown("below", now.below.length)}.`)
    + line(`Objects: ${objects.length}. Lost, with no box left: ${shown("lost", lost.length)}${lost.length ? ` (${lost.map((k) => objects[k].name).join(", ")})` : ""}. `
      + `Doubled, with more than one: ${shown("doubled", doubled.length)}${twice.length ? `: ${twice.join("; ")}` : ""}. Boxes on no object: ${shown("stray", orNone(names(stray)))}.`)
    + line(`<span class="cnn-muted">${rule}</span>`);
}

function headline({ boxes, score_threshold }, { step, last, finished, now, left, waiting }) {
  if (last === 0) return `Finished: no box has a score of at least ${two(score_threshold)}`;
  if (finished) return `Step ${shown("step", step)} of ${last}, finished: ${left.length} ${left.length === 1 ? "box" : "boxes"} left`;
  if (step === 0) return `Step ${shown("step", 0)} of ${last}: ${waiting.length} boxes wait`;
  return `Step ${shown("step", step)} of ${last}: ${shown("taken", boxes[now.box].name)} is taken`;
}

function happened({ boxes, iou_threshold, score_threshold }, { last, now, next }) {
  if (last === 0) return `The highest score is ${two(Math.max(...boxes.map(({ score }) => score)) / 100)}. Lower the score threshold of ${two(score_threshold)}.`;
  if (!now) return `Next is ${boxes[next].name}: it has the highest score, ${two(boxes[next].score / 100)}.`;
  const name = (i) => boxes[i].name;
  const out = now.gone.map(({ box, iou }) => `${name(box)} (IoU ${iou.toFixed(3)})`);
  const what = out.length ? `It discards ${listed(out)}: above the IoU threshold ${two(iou_threshold)}.` : "It discards none.";
  const exact = now.exact.length ? ` ${listed(now.exact.map(name))} ${now.exact.length > 1 ? "stay" : "stays"}: an IoU of exactly ${two(iou_threshold)} is not above it.` : "";
  const tie = now.tied.length ? ` ${listed(now.tied.map(name))} ${now.tied.length > 1 ? "have" : "has"} the same score; the earlier letter goes first.` : "";
  return `${name(now.box)} has the highest score left, ${two(boxes[now.box].score / 100)}.${tie} ${what}${exact}`;
}

const ORDER = ["below", "gone", "waiting", "kept"]; // what is drawn later lies on top

function picture(state, now) {
  const { boxes, objects, kinds } = state;
  const taken = now.now?.box;
  const fresh = (i) => i === taken || (now.status[i].kind === "gone" && now.status[i].step === now.step);
  const places = boxes.map((_, i) => i).sort((i, j) => ORDER.indexOf(now.status[i].kind) - ORDER.indexOf(now.status[j].kind) || (i === taken) - (j === taken));
  const frames = places.map((i) => {
    const [x1, y1, x2, y2] = boxes[i].at;
    return `<rect class="cnn-nms-${now.status[i].kind}${fresh(i) ? " cnn-nms-fresh" : ""}" x="${x1}" y="${y1}" width="${x2 - x1}" height="${y2 - y1}"/>`;
  });
  const tags = places.map((i) => `<text class="cnn-nms-tag" x="${boxes[i].tag[0]}" y="${boxes[i].tag[1]}"${fresh(i) || now.status[i].kind === "kept" ? " font-weight=\"700\"" : ""}>`
    + `${boxes[i].name}${i === taken ? "★" : MARKS[now.status[i].kind]}</text>`);
  const say = (word, those) => (those.length ? ` ${word}: ${those.map((i) => boxes[i].name).join(", ")}.` : "");
  const label = `A scene with ${listed(objects.map(({ name }) => name))}, and ${boxes.length} boxes around them.${say("Taken now", now.now ? [taken] : [])}`
    + `${say("Kept", now.kept)}${say("Discarded", now.gone)}${say("Waiting", now.waiting)}${say("Score too low", now.below)}`;
  return `<svg viewBox="0 20 306 174" role="img" aria-label="${escapeHtml(label)}">${objects.map((object) => thing(object, kinds)).join("")}${frames.join("")}${tags.join("")}</svg>`;
}

function thing({ kind, at: [x1, y1, x2, y2] }, kinds) {
  if (kinds[kind] === "disc") return `<ellipse class="cnn-nms-disc" cx="${(x1 + x2) / 2}" cy="${(y1 + y2) / 2}" rx="${(x2 - x1) / 2}" ry="${(y2 - y1) / 2}"/>`;
  return `<rect class="cnn-nms-square" x="${x1}" y="${y1}" width="${x2 - x1}" height="${y2 - y1}"/>`;
}

function fate({ boxes }, now, i) {
  const { kind, by, iou, step } = now.status[i];
  if (i === now.now?.box) return "★ taken now";
  if (kind === "kept") return `✓ kept, step ${step}`;
  if (kind === "gone") return `× by ${boxes[by].name}, ${iou.toFixed(3)}`;
  return kind === "below" ? "– score too low" : "… waiting";
}

function table(state, now) {
  const rows = state.boxes.map(({ name, kind, score }, i) => `<tr${i === now.now?.box ? ' class="cnn-now"' : ""}><th scope="row">${name}</th><td>${state.kinds[kind]}</td>`
    + `<td>${two(score / 100)}</td><td class="cnn-left" data-value="fate.${name}">${fate(state, now, i)}</td></tr>`);
  const heads = ["box", "class", "score", "state, IoU"].map((text) => `<th scope="col">${text}</th>`);
  return `<table class="cnn-counts cnn-nms-table" aria-label="The boxes, their scores and what became of them"><thead><tr>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

export default {
  render: renderer({ draw, names: ["kinds", "objects", "boxes", "iou_threshold", "score_threshold", "classes", "step"] }),
};
