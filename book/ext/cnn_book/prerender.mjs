// Reads {host, models, roots, views: {id: script file}} from standard input, writes {root id: HTML}: each widget in its default state.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { host, models, roots, views } = JSON.parse(readFileSync(0, "utf8"));
const { markup } = await import(pathToFileURL(host));
for (const [id, file] of Object.entries(views)) {
  const { draw } = await import(pathToFileURL(file));
  models[id].html = draw(models[id]);
}
process.stdout.write(JSON.stringify(Object.fromEntries(roots.map((id) => [id, markup(models, id)]))));
