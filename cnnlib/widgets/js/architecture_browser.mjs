// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
// The numbers come from tools/architectures.py: tables that many layers share, and columns of places in them.
const MEASURES = ["parameters", "macs", "outputs"];
const WORDS = ["parameters", "MACs", "output numbers"];

// The layers of a network at one input size, each with its own numbers. side: 0 for a vector, null in training only.
export function layers({ data, model, size }) {
  const { names, layers: shared, sides, fields, blocks } = data.models[model];
  const owner = blocks.flatMap(([path, count]) => Array(count).fill(path));
  return shared.map((place, i) => {
    const [kind, kernel, stride, groups, inputs, channels, parameters, macs, norm] = data.layers[place];
    const side = data.sides[sides[i]][size];
    const positions = side === null ? 0 : Math.max(side, 1) ** 2;
    const name = data.names[names[i]];
    const field = fields[i].by_size?.[size] ?? fields[i];
    return {
      path: name ? `${owner[i]}.${name}` : owner[i], name: name || owner[i], kind, kernel, stride, groups, inputs, channels, side, norm,
      field: Array.isArray(field) ? field : field && [field, field],
      parameters, macs: macs * positions, outputs: channels * positions,
    };
  });
}

// The parts that the picture lists, stages or blocks, each with its layers and its share of the network's sum.
export function parts(state) {
  const { data, model, size } = state;
  const { blocks, stages } = data.models[model];
  const measure = MEASURES[state.measure];
  const rows = layers(state);
  const all = sum(rows, measure);
  const ruled = rows.map((row) => ({ ...row, value: row[measure], share: row[measure] / all }));
  const cut = (list, from) => {
    let at = 0;
    return list.map(([name, count, channels, place]) => {
      const inside = from.slice(at, at += count).flatMap((each) => each.layers ?? each);
      const value = sum(inside, "value");
      return { name, channels, side: data.sides[place][size], value, share: value / all, layers: inside };
    });
  };
  const blocked = cut(blocks, ruled);
  return state.level ? blocked : cut(stages, blocked);
}

// The whole network; idle: parameters of what runs in training only.
export function totals(state) {
  const rows = layers(state);
  const running = rows.filter(({ side }) => side !== null);
  return {
    input: state.data.models[state.model].sizes[state.size],
    ...Object.fromEntries(MEASURES.map((measure) => [measure, sum(rows, measure)])),
    weighted: running.filter(({ kind }) => kind.endsWith("conv") || kind === "linear").length,
    idle: sum(rows, "parameters") - sum(running, "parameters"),
  };
}

const sum = (rows, measure) => rows.reduce((all, row) => all + row[measure], 0);

// A model starts at its own input size.
export function derive({ data, model, size, sized_for }) {
  const { sizes, input_size } = data.models[model];
  const last_size = sizes.length - 1;
  if (sized_for !== model) return { sized_for: model, last_size, size: sizes.indexOf(input_size) };
  return { last_size, size: Math.min(size, last_size) };
}

export function draw(given) {
  const state = { ...given, size: Math.min(given.size, given.data.models[given.model].sizes.length - 1) };
  const facts = state.data.models[state.model];
  const listed = parts(state);
  const most = Math.max(...listed.flatMap((part) => (state.level ? part.layers.map(({ value }) => value) : [part.value])));
  const rows = listed.map((part) => (state.level ? block(part, most) : row(part, `${plural(part.layers.length, "layer")}${part.side === null ? ", training only" : ""}`, most)));
  const label = `${state.level ? "Layers" : "Stages"} of ${escapeHtml(facts.name)} with their ${WORDS[state.measure]}`;
  return `<output class="cnn-readout cnn-arch-readout" aria-live="polite">${readout(facts, totals(state))}</output>`
    + `<figure class="cnn-arch-maps">${maps(state, facts)}<figcaption class="cnn-muted">The input (dashed) and the output of each stage. Height: side in pixels, width: channels, both to scale.</figcaption></figure>`
    + `<p class="cnn-arch-head cnn-muted">Bars: ${WORDS[state.measure]}. Output: channels × height × width.</p>`
    + `<div class="cnn-scroll cnn-arch" tabindex="0" role="region" aria-label="${label}"><ul>${rows.join("")}</ul></div>`;
}

function readout(facts, all) {
  const { name, paper, idea, published, top1, top1_source, input_size, family, year } = facts;
  const value = (key, text = number(all[key])) => `<b data-value="${key}">${text}</b>`;
  const line = (text) => `<span class="cnn-fact">${text}</span>`;
  const same = published === all.parameters ? "as published" : `${number(published)} published`;
  const idle = all.idle ? `, ${value("idle")} of them in auxiliary heads that run in training only` : "";
  const accuracy = top1 === null ? "no published top-1 on ImageNet" : `published top-1 on ImageNet: <b data-value="top1">${percentage(top1)}</b> (${escapeHtml(top1_source)})`;
  return `<span class="cnn-headline">${escapeHtml(name)} at ${value("input", `${all.input} × ${all.input}`)}</span>`
    + line(`${value("parameters")} parameters (${same})${idle}; ${value("macs")} MACs; ${value("outputs")} output numbers; ${value("weighted")} layers with weights.`)
    + line(`${escapeHtml(family)}, ${year}: ${escapeHtml(idea)}. Its own input size is ${input_size}; ${accuracy}.`)
    + line(`<span class="cnn-muted">${escapeHtml(paper)}.</span>`);
}

// A part on its own line: name, what it is, shape, bar, number and share.
function row(part, described, most, kind = "") {
  const { name, value, share } = part;
  const width = value ? Math.max((100 * value) / most, 0.5) : 0;
  return `<li class="cnn-arch-row${kind}"><span class="cnn-arch-name">${escapeHtml(name)} <span class="cnn-muted">${described}</span></span>`
    + `<span class="cnn-arch-shape">${shape(part)}</span><span class="cnn-arch-track" aria-hidden="true"><i style="width:${tidy(width)}%"></i></span>`
    + `<span class="cnn-arch-value">${number(value)}</span><span class="cnn-arch-share">${percentage(share)}</span></li>`;
}

function block(part, most) {
  const { layers: rows, value, share } = part;
  if (rows.length === 1) return row({ ...rows[0], name: rows[0].path }, described(rows[0]), most);
  return `<li class="cnn-arch-block"><p><b>${escapeHtml(part.name)}</b> <span class="cnn-arch-shape">${shape(part)}</span> `
    + `<span class="cnn-muted">together ${number(value)} (${percentage(share)})</span></p><ul>${rows.map((each) => row(each, described(each), most)).join("")}</ul></li>`;
}

const shape = ({ channels, side }) => (side === null ? "no output" : side ? `${channels} × ${side} × ${side}` : `${number(channels)}`);

// What a layer is, in words: "norm, 3×3 conv, stride 2, 64 → 128, sees 19 × 19".
export function described({ kind, kernel, stride, groups, inputs, channels, side, norm, field }) {
  const adaptive = kind === "adaptive average pool";
  const words = [
    norm === 2 ? "norm +" : "",
    adaptive && side === 1 ? "global average pool" : `${kernel ? `${kernel.includes("×") ? kernel : `${kernel}×${kernel}`} ` : ""}${kind}`,
    norm === 1 ? "+ norm" : "",
  ].filter(Boolean).join(" ");
  return [
    words,
    stride === "1" ? "" : `stride ${stride}`,
    kind === "grouped conv" ? `${groups} groups` : "",
    kind.endsWith("conv") || kind === "linear" ? `${number(inputs)} → ${number(channels)}` : "",
    sees(side, field),
  ].filter(Boolean).join(", ");
}

function sees(side, field) {
  if (side === null) return "training only";
  return field ? `sees ${field[0]} × ${field[1]}` : "sees the whole picture";
}

const WIDTH = 300;
const HEIGHT = 96;

// The input and the output of each stage as a box; what is no map (a vector, an auxiliary head) is left out.
function maps(state, { name, in_channels }) {
  const input = state.data.models[state.model].sizes[state.size];
  const boxes = [{ name: "input", channels: in_channels, side: input }, ...parts({ ...state, level: 0 }).filter(({ side }) => side)];
  const slot = WIDTH / boxes.length;
  const deep = Math.max(...boxes.map(({ channels }) => channels));
  const drawn = boxes.map(({ channels, side }, i) => {
    const [width, height] = [Math.max(((slot - 4) * channels) / deep, 1.5), Math.max((HEIGHT * side) / input, 1.5)];
    const middle = (i + 0.5) * slot;
    const repeated = i > 0 && boxes[i - 1].side === side;
    return `<rect class="cnn-bar${i ? "" : " cnn-arch-input"}" x="${tidy(middle - width / 2)}" y="${tidy(HEIGHT + 2 - height)}" width="${tidy(width)}" height="${tidy(height)}"/>`
      + (repeated ? "" : `<text x="${tidy(middle)}" y="${HEIGHT + 16}" text-anchor="middle">${side}</text>`);
  });
  const said = boxes.map(({ channels, side }) => `${channels} by ${side} by ${side}`).join(", ");
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT + 20}" role="img" aria-label="Maps of ${escapeHtml(name)}, channels by height by width: ${said}.">${drawn.join("")}</svg>`;
}

export default {
  render: renderer({ draw, derive, names: ["data", "model", "size", "last_size", "sized_for", "level", "measure"] }),
};
