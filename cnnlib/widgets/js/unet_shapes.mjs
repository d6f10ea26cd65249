// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
// One axis is enough: maps are square. Level 0 is the finest here; the reader counts from 1.
const [IN_CHANNELS, CLASSES] = [1, 2];

// The sizes in pixels of each stage, in the order of the forward pass, up to the first stage that cannot be computed.
export function walk(size, depth, padding) {
  const loss = padding ? 0 : 4;
  const steps = [];
  const stop = (side, level, kind, at) => ({ steps, output: null, broken: { side, level, kind, at } });
  let now = size;
  for (let level = 0; level < depth; level += 1) {
    if (now <= loss) return stop("down", level, "vanishes", now);
    steps.push({ side: "down", level, from: now, to: now - loss });
    if ((now - loss) % 2) return stop("pool", level, "odd", now - loss);
    now = (now - loss) / 2;
  }
  if (now <= loss) return stop("bottom", depth, "vanishes", now);
  steps.push({ side: "bottom", level: depth, from: now, to: now - loss });
  now -= loss;
  for (let level = depth - 1; level >= 0; level -= 1) {
    const from = 2 * now;
    if (from <= loss) return stop("up", level, "vanishes", from);
    now = from - loss;
    steps.push({ side: "up", level, from, to: now });
  }
  return { steps, output: now, broken: null };
}

// The sizes nearest to one that does not work, below and above; null where there is none.
export function nearest(size, depth, padding) {
  const works = (pixels) => walk(pixels, depth, padding).output !== null;
  let [below, above] = [size - 1, size + 1];
  while (below > 0 && !works(below)) below -= 1;
  while (!works(above)) above += 1;
  return { below: below > 0 ? below : null, above };
}

const twice = (before, width) => (9 * before + 1) * width + (9 * width + 1) * width;

// Channels and parameters of each stage: two 3x3 convolutions, on the way up a 2x2 up-convolution before them.
export function stages(depth, first) {
  const width = (level) => first * 2 ** level;
  const down = Array.from({ length: depth + 1 }, (_, level) => {
    const before = level ? width(level - 1) : IN_CHANNELS;
    return { side: level === depth ? "bottom" : "down", level, before, width: width(level), upConvolution: 0, parameters: twice(before, width(level)) };
  });
  const up = Array.from({ length: depth }, (_, i) => {
    const [level, w] = [depth - 1 - i, width(depth - 1 - i)];
    const upConvolution = 8 * w * w + w;
    return { side: "up", level, before: 2 * w, width: w, upConvolution, parameters: upConvolution + twice(2 * w, w) };
  });
  return [...down, ...up, { side: "head", level: 0, before: first, width: CLASSES, upConvolution: 0, parameters: (first + 1) * CLASSES }];
}

export function facts({ size, depth, channels, padding, channel_counts }) {
  const path = walk(size, depth, padding);
  const all = stages(depth, channel_counts[channels]).map((stage) => {
    const step = stage.side === "head" ? path.output && { from: path.output, to: path.output } : path.steps.find(({ side, level }) => side === stage.side && level === stage.level);
    return { ...stage, from: step?.from ?? null, to: step?.to ?? null };
  });
  const total = (list) => list.reduce((sum, { parameters }) => sum + parameters, 0);
  const of = (name) => total(all.filter(({ side }) => side === name));
  const skips = path.output && all.filter(({ side }) => side === "up").map(({ level, width, from }) => {
    const { to } = all[level];
    return { level, width, from: to, to: from, crop: (to - from) / 2, kept: width * to * to, used: width * from * from };
  });
  const count = (name) => skips && skips.reduce((sum, skip) => sum + skip[name], 0);
  return {
    ...path, stages: all, skips, kept: count("kept"), used: count("used"),
    near: path.output ? null : nearest(size, depth, padding),
    parameters: total(all), parts: { down: of("down"), bottom: of("bottom"), up: of("up"), head: of("head") },
  };
}

// Where and why the size does not go through, in words.
export function refusal({ side, level, kind, at }) {
  const place = side === "bottom" ? "Bottom" : `Level ${level + 1}, way ${side === "up" ? "up" : "down"}`;
  if (kind === "odd") return `${place}: the map has ${plural(at, "row")} before the 2×2 pooling. ${at} is odd, so it cannot be halved`;
  const loss = "two 3×3 convolutions without padding take 4 rows and 4 columns";
  return `${place}: the map vanishes. It has ${plural(at, "row")}, and ${loss}`;
}

export function draw(state) {
  const now = facts(state);
  return `<figure class="cnn-unet">${picture(state, now)}<figcaption class="cnn-muted">Two 3×3 convolutions in each box: channels and rows (= columns) in → out. The bar is the box's share of all parameters, on the right with the up-convolution before it. ch.: channels, px: pixels.</figcaption></figure>`
    + `<output class="cnn-readout cnn-unet-readout" aria-live="polite">${words(state, now)}</output>`
    + `<div class="cnn-scroll cnn-unet-table" tabindex="0" role="region" aria-label="Table of the stages">${table(state, now)}</div>`;
}

const value = (name, text) => `<b data-value="${name}">${text}</b>`;
const line = (text) => `<span class="cnn-fact">${text}</span>`;
const square = (side) => `${side} × ${side}`;

// A share of the total in percent; what is not nothing is not called 0.
export function percent(part, total) {
  const share = (100 * part) / total;
  return share < 0.05 ? "&lt;\u00a00.1\u00a0%" : `${share.toFixed(1)}\u00a0%`;
}

function words(state, now) {
  const { size, padding, depth, channel_counts, channels } = state;
  const { output, parameters, parts, stages: all } = now;
  const first = channel_counts[channels];
  const bottom = all[depth];
  const headline = output ? `${square(size)} in, ${value("output", output)} × ${output} out` : `${square(size)} in, ${value("output", "no output")}`;
  const share = (name) => value(name, percent(parts[name], parameters));
  return `<span class="cnn-headline">${headline}</span>`
    + (output ? line(edge(size, output, padding)) + line(skipWords(now, padding)) : impossible(state, now))
    + line(`Bottom: ${value("width", number(bottom.width))} channels${bottom.to ? ` of ${value("deepest", square(bottom.to))}` : ""}. `
      + `${depth === 1 ? "1 halving; it" : `${depth} halvings; each`} doubles the channels: ${first} × 2${superscript(depth)}.`)
    + line(`${value("parameters", number(parameters))} parameters for 1 channel in and 2 classes out, at every input size. `
      + `Way down ${share("down")}, bottom ${share("bottom")}, way up ${share("up")}, last 1×1 ${share("head")} (${number(parts.head)}).`);
}

const superscript = (n) => "⁰¹²³⁴⁵"[n];

function edge(size, output, padding) {
  if (padding) return "Padding keeps every size: each pixel of the image gets its 2 scores.";
  return `The convolutions take ${value("lost", size - output)} rows and columns. Only the middle of the image gets scores: ${(size - output) / 2} pixels less on each side.`;
}

function skipWords({ skips, kept, used }, padding) {
  const cut = skips.filter(({ crop }) => crop).map(({ from, to, crop }) => `${from} → ${to} (${crop} a side)`);
  const cropped = padding ? "No crop: the sizes agree" : `${skips.length === 1 ? "Cropped" : "From the bottom up, cropped"} ${cut.join(", ")}`;
  return `${plural(skips.length, "skip")}, joined by concatenation: the channels double. ${cropped}. `
    + `${skips.length === 1 ? "It keeps" : "They keep"} ${value("kept", number(kept))} numbers until the way up reads ${padding ? "them" : `${value("used", number(used))} of them`}: ${value("megabytes", megabytes(kept))} MB at 4 bytes a number.`;
}

const megabytes = (count) => ((4 * count) / 1e6).toFixed(count < 25e4 ? 2 : 1);

function impossible({ limits }, { broken, near }) {
  const beyond = near.above > limits[1] ? " (more than this slider has)" : "";
  const sizes = near.below === null ? `The smallest size that works here is ${value("above", near.above)}${beyond}.`
    : `The nearest sizes that work here: ${value("below", near.below)} below and ${value("above", near.above)} above${beyond}.`;
  return line(`<span class="cnn-wrong">✗ ${refusal(broken)}.</span>`) + line(sizes);
}

const [BOX, TALL, TOP, HEIGHT] = [98, 42, 20, 362]; // a box's width and height, the first box, the picture's height
const [RIGHT, MIDDLE] = [300 - BOX, (300 - BOX) / 2];

function picture(state, now) {
  const { depth } = state;
  const { stages: all, broken, output, parameters } = now;
  const pitch = Math.min(88, (HEIGHT - TOP - TALL - 2) / depth);
  const top = (level) => Math.round(TOP + level * pitch);
  const boxes = all.filter(({ side }) => side !== "head").map((stage) => {
    const x = { down: 1, bottom: MIDDLE, up: RIGHT - 1 }[stage.side];
    const bad = broken && broken.kind === "vanishes" && broken.side === stage.side && broken.level === stage.level;
    return box(x, top(stage.level), stage, bad ? broken : null, stage.parameters / parameters);
  });
  const rows = Array.from({ length: depth }, (_, level) => between(level, top, state, now));
  const ends = `<text x="1" y="13">image ${IN_CHANNELS} × ${square(state.size)}</text>`
    + `<text x="299" y="13" text-anchor="end">${output ? `1×1: ${CLASSES} × ${square(output)}` : "no output"}</text>`;
  return `<svg viewBox="0 0 300 ${HEIGHT}" role="img" aria-label="${label(state, now)}">${ends}${boxes.join("")}${rows.join("")}</svg>`;
}

function label({ size, depth }, { stages: all, broken, output }) {
  const said = all.filter(({ side, to }) => side !== "head" && to).map(({ side, level, width, to }) => `${side === "bottom" ? "bottom" : `${side} ${level + 1}`}: ${width} channels of ${to} by ${to}`);
  return `A U of ${plural(depth, "level")} above a bottom, for an input of ${size} by ${size}. ${said.join("; ")}${said.length ? ". " : ""}${output ? `Output ${CLASSES} channels of ${output} by ${output}.` : `${refusal(broken)}.`}`;
}

function box(x, y, { before, width, from, to }, bad, share) {
  const pixels = bad ? `✗ ${bad.at} → 0 px` : `${to ? `${from} → ${to}` : "–"} px`;
  const kind = to ? "input" : "pad";
  return `<rect class="cnn-cell cnn-${kind}${bad ? " cnn-unet-bad" : ""}" x="${x}" y="${y}" width="${BOX}" height="${TALL}"/>`
    + `<text x="${x + BOX / 2}" y="${y + 13}" text-anchor="middle">${before} → ${width} ch.</text>`
    + `<text x="${x + BOX / 2}" y="${y + 27}" text-anchor="middle"${bad ? ' class="cnn-unet-no"' : ""}>${pixels}</text>`
    + `<rect class="cnn-unet-track" x="${x + 4}" y="${y + 32}" width="${BOX - 8}" height="7"/>`
    + `<rect class="cnn-unet-share" x="${x + 4}" y="${y + 32}" width="${tidy((BOX - 8) * share)}" height="7"/>`;
}


// The arrows of one level: down to the next level, across, and up from it.
function between(level, top, { depth }, { stages: all, skips, broken }) {
  const [y, next, last] = [top(level), top(level + 1), level === depth - 1];
  const [down, up] = [1 + BOX / 2, 299 - BOX / 2];
  const middle = next + TALL / 2;
  const fall = last ? `M${down} ${y + TALL}V${middle}H${MIDDLE - 1}${head(MIDDLE - 1, middle, "right")}` : `M${down} ${y + TALL}V${next - 1}${head(down, next - 1, "down")}`;
  const rise = last ? `M${MIDDLE + BOX} ${middle}H${up}V${y + TALL + 1}${head(up, y + TALL + 1, "up")}` : `M${up} ${next}V${y + TALL + 1}${head(up, y + TALL + 1, "up")}`;
  const across = `M${BOX + 1} ${y + 20}H${RIGHT - 2}${head(RIGHT - 2, y + 20, "right")}`;
  const text = y + TALL + 12;
  const bad = broken && broken.side === "pool" && broken.level === level;
  const skip = skips && skips.find((each) => each.level === level);
  const { width } = all[level];
  const crop = skip ? (skip.crop ? `crop ${skip.from} → ${skip.to}` : "no crop") : "–";
  return `<path class="cnn-unet-arrow" d="${fall}${rise}"/><path class="cnn-unet-arrow cnn-unet-skip" d="${across}"/>`
    + `<text x="${down + 6}" y="${text}"${bad ? ' class="cnn-unet-no"' : ""}>${bad ? `✗ ${broken.at} odd` : "pool 2×2"}</text>`
    + `<text x="${up - 6}" y="${text}" text-anchor="end">up 2×2</text>`
    + `<text x="150" y="${y + 13}" text-anchor="middle">${crop}</text><text x="150" y="${y + 35}" text-anchor="middle">${width} + ${width} ch.</text>`;
}

function head(x, y, way) {
  const [a, b] = { right: [[-5, -4], [-5, 4]], down: [[-4, -5], [4, -5]], up: [[-4, 5], [4, 5]] }[way];
  return `M${x + a[0]} ${y + a[1]}L${x} ${y}L${x + b[0]} ${y + b[1]}`;
}

function table({ depth }, { stages: all, parameters, skips, kept }) {
  const rows = all.map(({ side, level, before, width, from, to, parameters: own }) => {
    const name = { down: `down ${level + 1}`, bottom: "bottom", up: `up ${level + 1}`, head: "last 1×1" }[side];
    const skip = side === "down" && skips ? number(skips[depth - 1 - level].kept) : "–";
    const cells = [`${number(before)} → ${number(width)}`, to ? `${from} → ${to}` : "–", number(own), percent(own, parameters), skip];
    return `<tr><th scope="row">${name}</th>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  });
  const heads = ["stage", "channels", "pixels", "parameters", "share", "kept for the skip"].map((text) => `<th scope="col">${text}</th>`).join("");
  return `<table class="cnn-counts cnn-costs"><thead><tr>${heads}</tr></thead><tbody>${rows.join("")}</tbody>`
    + `<tfoot><tr><th scope="row">total</th><td></td><td></td><td>${number(parameters)}</td><td></td><td>${kept ? number(kept) : "–"}</td></tr></tfoot></table>`;
}

export default {
  render: renderer({ draw, names: ["channel_counts", "limits", "size", "depth", "channels", "padding"] }),
};
