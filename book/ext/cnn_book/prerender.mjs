// Reads {host, models, roots, views: {id: script file}} from standard input, writes {root id: HTML}: each widget in its default state.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";

const { host, models, roots, views } = JSON.parse(readFileSync(0, "utf8"));
const { markup } = await import(pathToFileURL(host));
for (const [id, file] of Object.entries(views)) {
  try {
    const { draw } = await import(pathToFileURL(file));
    models[id].html = draw(models[id]);
  } catch (error) {
    process.stderr.write(`the widget ${basename(file).split(".")[0]} could not be drawn: ${error}`.replaceAll(/\s+/g, " "));
    process.exit(1);
  }
}
process.stdout.write(JSON.stringify(Object.fromEntries(roots.map((id) => [id, markup(models, id)]))));
