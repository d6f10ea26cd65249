// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
const LEVELS = 100; // COCO reads the curve at the recalls 0, 1/100, …, 100/100

// Precision and recall after each detection, the best one first. hits: whether each found an object.
export function curveOf(hits, total) {
  let found = 0;
  return hits.map((hit, i) => {
    found += hit ? 1 : 0;
    return { found, precision: found / (i + 1), recall: found / total };
  });
}

// The best precision at each point's recall or at a higher one.
export function envelopeOf(curve) {
  return curve.map((_, i) => Math.max(...curve.slice(i).map((point) => point.precision)));
}

// The mean over 101 recalls of the envelope; a recall that is never reached counts 0. In whole numbers, as 0.29 is none.
export function averageOf(curve, total) {
  const envelope = envelopeOf(curve);
  let sum = 0;
  for (let level = 0; level <= LEVELS; level += 1) {
    const first = curve.findIndex(({ found }) => found * LEVELS >= level * total);
    sum += first < 0 ? 0 : envelope[first];
  }
  return sum / (LEVELS + 1);
}

// Why a detection counts as it does.
export function reasonOf({ match, iou, nearest, needed }) {
  if (match >= 0) return `finds ${letter(match)}`;
  if (iou === 0) return "nothing is there";
  return iou >= needed ? `${letter(nearest)} was found before` : `IoU with ${letter(nearest)} too low`;
}

const letter = (object) => "ABCDEFGH"[object];

export function facts(state) {
  const { objects, scores, ious, nearest } = state;
  const needed = state.needed_ious[state.needed];
  const threshold = Math.round(20 * state.threshold) / 20; // a slider may hand over 0.15000000000000002
  const matches = state.matches[state.needed];
  const total = objects.length;
  const curve = curveOf(matches.map((match) => match >= 0), total);
  const kept = scores.filter((score) => Math.round(100 * score) >= Math.round(100 * threshold)).length;
  const tp = kept ? curve[kept - 1].found : 0;
  return {
    needed, threshold, kept, total, curve, tp, fp: kept - tp, fn: total - tp, envelope: envelopeOf(curve),
    precision: kept ? tp / kept : null, recall: tp / total, f1: (2 * tp) / (kept + total), ap: averageOf(curve, total),
    rows: scores.map((score, i) => ({
      score, iou: ious[i], kept: i < kept, hit: matches[i] >= 0,
      reason: reasonOf({ match: matches[i], iou: ious[i], nearest: nearest[i], needed }),
    })),
    missed: objects.map((_, i) => i).filter((i) => !matches.slice(0, kept).includes(i)),
  };
}

const value = (name, text) => `<b data-value="${name}">${text}</b>`;
const line = (text) => `<span class="cnn-fact">${text}</span>`;

export function draw(state) {
  const now = facts(state);
  return `<div class="cnn-pr"><figure>${scene(state, now)}<figcaption class="cnn-muted">Letters: the objects. Numbers: the detections, best score first. Thick with ✓: true positive. Dashed with ✗: false positive. Thin: below the threshold.</figcaption></figure>`
    + `<figure>${plot(now)}<figcaption class="cnn-muted">Dots: the curve, a dot for each detection. Line and shade: its envelope. Large dot: your threshold.</figcaption></figure></div>`
    + `<output class="cnn-readout cnn-pr-readout" aria-live="polite">${words(now)}</output>`
    + `<div class="cnn-scroll" tabindex="0" role="region" aria-label="The detections">${table(now)}</div>`;
}

function words({ needed, threshold, kept, tp, fp, fn, total, precision, recall, f1, ap, missed }) {
  const found = precision === null ? value("precision", "no detection left: no precision") : `precision = ${value("precision", fixed(precision))}`;
  const share = precision === null ? "Precision is TP / (TP + FP), and 0 / 0 is no number." : `Precision: TP / (TP + FP) = ${tp} / ${kept}.`;
  const missing = missed.length ? `, missed: ${missed.map(letter).join(", ")}` : "";
  return `<span class="cnn-headline">At ${fixed(threshold, 2)}: ${found}, recall = ${value("recall", fixed(recall))}</span>`
    + line(`${value("kept", kept)} of 12 detections have a score of at least ${fixed(threshold, 2)}: ${value("tp", tp)} true positives (TP), ${value("fp", fp)} false positives (FP). `
      + `${value("fn", fn)} of ${total} objects are not found (FN)${missing}.`)
    + line(`${share} Recall: TP / (TP + FN) = ${tp} / ${total}. F1: 2 TP / (2 TP + FP + FN) = ${2 * tp} / ${kept + total} = ${value("f1", fixed(f1))}.`)
    + line(`AP at IoU ${needed} = ${value("ap", fixed(ap))}: the mean height of the envelope at the 101 recalls 0, 0.01, …, 1. It takes all thresholds at once, so yours does not change it.`);
}

function table({ rows, curve, needed }) {
  const body = rows.map(({ score, iou, kept, hit, reason }, i) => {
    const mark = kept ? (hit ? "✓ true positive" : "✗ false positive") : "– not kept";
    return `<tr${kept ? "" : " class=\"cnn-pr-out\""}><th scope="row">${i + 1}</th><td>${fixed(score, 2)}</td><td class="cnn-left cnn-pr-mark">${value(`mark.${i + 1}`, mark)}</td><td>${fixed(iou, 2)}</td><td class="cnn-left">${reason}</td>`
      + `<td>${fixed(curve[i].precision)}</td><td>${fixed(curve[i].recall)}</td></tr>`;
  });
  return `<table class="cnn-counts cnn-costs" aria-label="Detections, best score first, judged at IoU ${needed}"><thead><tr>${["no.", "score", "counts as", "IoU", "why", "precision so far", "recall so far"].map((text, i) => `<th scope="col"${i === 2 || i === 4 ? " class=\"cnn-left\"" : ""}>${text}</th>`).join("")}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}

const frame = (kind, [x1, y1, x2, y2]) => `<rect class="${kind}" x="${x1}" y="${y1}" width="${x2 - x1}" height="${y2 - y1}"/>`;

// The picture: the detections with a number below one of their lower corners, the objects with a letter inside.
function scene({ objects, boxes, nearest, ious }, { rows, tp, fp, total }) {
  const letters = objects.map((box, i) => `<text class="cnn-over" x="${(box[0] + box[2]) / 2}" y="${(box[1] + box[3]) / 2 + 4}" text-anchor="middle">${letter(i)}</text>`);
  const found = rows.map(({ kept, hit }, i) => {
    const box = boxes[i];
    const right = ious[i] === 0 || box[0] > objects[nearest[i]][0];
    const sign = kept ? (hit ? " ✓" : " ✗") : "";
    return `${frame(`cnn-pr-box${kept ? (hit ? " cnn-pr-hit" : " cnn-pr-miss") : ""}`, box)}<text class="cnn-over" x="${right ? box[2] : box[0]}" y="${box[3] + 12}" text-anchor="${right ? "end" : "start"}">${i + 1}${sign}</text>`;
  });
  const label = `A picture with ${total} objects, A to H, and ${rows.length} detections: ${tp} true positives and ${fp} false positives are kept.`;
  return `<svg viewBox="0 0 300 162" role="img" aria-label="${label}"><rect class="cnn-pr-board" x="0.5" y="0.5" width="299" height="161"/>${objects.map((box) => frame("cnn-pr-object", box)).join("")}${found.join("")}${letters.join("")}</svg>`;
}

// The curve in its own units: recall to the right, precision up.
const [LEFT, RIGHT, TOP, BOTTOM] = [36, 290, 24, 204];
const across = (recall) => tidy(LEFT + recall * (RIGHT - LEFT));
const up = (precision) => tidy(BOTTOM - precision * (BOTTOM - TOP));

function plot(now) {
  const { curve, kept, precision, recall, ap, threshold, needed } = now;
  const stairs = steps(now);
  const dots = curve.map((point) => `<circle class="cnn-pr-dot" cx="${across(point.recall)}" cy="${up(point.precision)}" r="2.5"/>`);
  const where = precision === null ? "no detection is left, so there is no point" : `precision ${fixed(precision)} at recall ${fixed(recall)}`;
  const label = `Precision over recall at IoU ${needed}, average precision ${fixed(ap)}. At the threshold ${fixed(threshold, 2)}: ${where}.`;
  return `<svg viewBox="0 0 300 240" role="img" aria-label="${label}">${axes()}<path class="cnn-pr-area" d="${stairs}V${up(0)}H${across(0)}z"/>`
    + `<path class="cnn-pr-curve" d="M${curve.map((point) => `${across(point.recall)} ${up(point.precision)}`).join("L")}"/>${dots.join("")}<path class="cnn-pr-envelope" d="${stairs}"/>${kept ? point(now) : nothing()}</svg>`;
}

// The envelope as stairs: level up to each recall, then down to the next.
function steps({ curve, envelope }) {
  const ends = curve.map(({ recall }, i) => [recall, envelope[i]]).filter(([recall], i) => recall > (i ? curve[i - 1].recall : 0));
  return `M${across(0)} ${up(ends.length ? ends[0][1] : 0)}${ends.map(([recall, height]) => `V${up(height)}H${across(recall)}`).join("")}V${up(0)}H${across(1)}`;
}

function axes() {
  const text = (x, y, anchor, words) => `<text x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((t) => `<path class="cnn-pr-tick" d="M${across(t)} ${TOP}V${BOTTOM}M${LEFT} ${up(t)}H${RIGHT}"/>${text(across(t), BOTTOM + 15, "middle", t)}${text(LEFT - 4, up(t) + 4, "end", t)}`);
  return `${ticks.join("")}${text((LEFT + RIGHT) / 2, BOTTOM + 31, "middle", "recall")}${text(2, TOP - 14, "start", "precision")}`;
}

function point({ precision, recall }) {
  const [x, y] = [across(recall), up(precision)];
  return `<path class="cnn-pr-hair" d="M${LEFT} ${y}H${x}V${BOTTOM}"/><circle class="cnn-pr-now" cx="${x}" cy="${y}" r="6"/>`
    + `<text class="cnn-over cnn-pr-bold" x="${LEFT + 6}" y="${BOTTOM - 8}">P = ${fixed(precision, 2)}, R = ${fixed(recall, 2)}</text>`;
}

const nothing = () => `<text class="cnn-over cnn-pr-bold" x="${(LEFT + RIGHT) / 2}" y="${(TOP + BOTTOM) / 2}" text-anchor="middle">no detection left: no precision</text>`;

export default {
  render: renderer({ draw, names: ["objects", "boxes", "scores", "nearest", "ious", "matches", "needed_ious", "needed", "threshold"] }),
};
