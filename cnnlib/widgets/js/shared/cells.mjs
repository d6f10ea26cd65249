// Squares of one kind become one path: a picture then has few elements, however many squares, and changes fast.
// each: [kind, left, top, side, further attributes]; kinds are drawn in the order of their names, "window" on top.
function squares(each) {
  const paths = {};
  each.forEach(([kind, left, top, side, more = ""]) => {
    const key = `cnn-${kind}"${more}`;
    paths[key] = `${paths[key] ?? ""}M${places(left)} ${places(top)}h${places(side)}v${places(side)}h${places(-side)}z`;
  });
  return Object.keys(paths).sort().map((key) => `<path class="cnn-cell ${key} d="${paths[key]}"/>`).join("");
}

const places = (value) => Math.round(value * 100) / 100;
