// Squares of one kind become one path: a picture then has few elements, however many squares, and changes fast.
// each: [kind, left, top, side, further attributes]; kinds are drawn in the order of their names, "window" on top.
function squares(each) {
  const paths = {};
  each.forEach(([kind, left, top, side, more = ""]) => {
    const key = `cnn-${kind}"${more}`;
    paths[key] = (paths[key] ?? "") + outline(left, top, side, side);
  });
  return Object.keys(paths).sort().map((key) => `<path class="cnn-cell ${key} d="${paths[key]}"/>`).join("");
}

// The numbers of a line become one text in which each character has its place, a point half of another's room.
// each: [middle, baseline, text, font size, further attributes].
function digits(each) {
  const rows = {};
  each.forEach(([middle, baseline, text, size, more = ""]) => {
    const row = (rows[`y="${tidy(baseline)}" font-size="${tidy(size)}"${more}`] ??= { at: [], words: [] });
    const wide = [...text].map((character) => size * (character === "." ? 0.29 : 0.58));
    let left = middle - wide.reduce((sum, each) => sum + each, 0) / 2;
    if (row.at.length) row.at.push(row.at.at(-1)); // the blank between two numbers
    wide.forEach((width) => {
      row.at.push(tidy(left + width / 2));
      left += width;
    });
    row.words.push(text);
  });
  return Object.entries(rows).map(([key, { at, words }]) => `<text x="${at.join(" ")}" ${key} text-anchor="middle">${words.join(" ")}</text>`).join("");
}

const outline = (x, y, width, height) => `M${tidy(x)} ${tidy(y)}h${tidy(width)}v${tidy(height)}h${tidy(-width)}z`;
