"""Write the page's widgets as HTML in their default state, with what the host script needs to move them.

The stock widget manager is not used: it weighs more than the page. The state that the notebook stored is cut to what
the host reads, each view's script and each large trait becomes a file named by its hash, and Node draws the default.
"""
import hashlib
import json
import re
import subprocess
from html import escape
from pathlib import Path

from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.errors import ExtensionError

from cnn_book import ROOT
from tools.node import node_binary

HERE = Path(__file__).parent
HOST = ROOT / "book" / "static" / "host.mjs"
STYLE = ROOT / "cnnlib" / "widgets" / "js" / "widgets.css"
VIEW_SCRIPT = re.compile(r'<script type="application/vnd\.jupyter\.widget-view\+json">(.*?)</script>', re.S)
LARGE = 2000  # a trait longer than this, as JSON, becomes a file

BOUNDED = ("value", "min", "max", "step", "description", "readout")
CHOICE = ("index", "_options_labels", "description")
KEPT = {
    "IntSlider": BOUNDED, "FloatSlider": BOUNDED, "BoundedIntText": BOUNDED, "BoundedFloatText": BOUNDED,
    "IntText": ("value", "description"), "FloatText": ("value", "description"), "Checkbox": ("value", "description"),
    "Dropdown": CHOICE, "ToggleButtons": CHOICE, "Play": ("value", "min", "max", "step", "interval"),
    "VBox": ("children", "_dom_classes"), "HBox": ("children", "_dom_classes"), "Label": ("value",),
}
PLAIN = {"readout": (True,), "_dom_classes": ([], ())}  # values that need not be said
# A browser that fills in forms lays out every section with a form, a text field or a selector as soon as the page is
# there, however far away; until the widget is mounted, near the screen, plain elements of their size stand there.
SELECT = re.compile(r"<(select).*?</select>", re.S)
LATER = re.compile(r"(?<=\s)(novalidate\b|for=)")  # attributes that only forms and labels of fields have
FORM = re.compile(r"<form\b(.*?)</form>", re.S)
FIELD = re.compile(r'<input type="(text|radio)"[^>]*>|<(button) type="submit">(.*?)</button>', re.S)
NOT_TRAITS = {"layout", "tabbable", "tooltip"}


def replace_widgets(app, pagename, templatename, context, doctree):
    """Put the page's widgets into its body; leave pages without widgets alone."""
    stored = NbMetadataCollector.get_js_files(app.env, pagename).get("ipywidgets_state")
    if not stored or "body" not in context:
        return
    state = json.loads(stored[1]["body"])["state"]
    roots = [json.loads(text)["model_id"] for text in VIEW_SCRIPT.findall(context["body"])]
    folder = Path(app.outdir) / "_static" / "widgets"
    page = compact(state, roots, folder, pagename)
    html = (without_fields(each) for each in prerender(page, folder, pagename))
    body = VIEW_SCRIPT.sub(lambda _: f'<div class="cnn-widget">{next(html)}</div>', context["body"])
    data = json.dumps({"models": page["models"], "links": page["links"]}, separators=(",", ":")).replace("</", "<\\/")
    pathto = context["pathto"]
    base, host = pathto("_static/widgets", 1), f'{pathto("_static/host.mjs", 1)}?v={_hash(HOST.read_bytes())}'
    context["body"] = (f'{body}<script id="cnn-widgets" type="application/json" data-base="{base}/">{data}</script>'
                       f'<script type="module" fetchpriority="low" src="{host}"></script>')
    style = write_hashed(folder, "widgets.css", STYLE.read_text(encoding="utf-8"))
    context["metatags"] += f'\n<link rel="stylesheet" href="{pathto(f"_static/widgets/{style}", 1)}">'


def compact(state, roots, folder, pagename):
    """Return models, links and roots under short names, with large things moved to files.

    Args:
        state: the notebook's stored widget state, by model id.
        roots: the ids that the page displays, in order.
        folder: where files named by their hash are written.
        pagename: for the error.

    Raises:
        ExtensionError: a displayed widget is of a type that the host does not know.
    """
    order = []
    for root in roots:
        _walk(root, state, order, pagename)
    names = {model: f"w{i}" for i, model in enumerate(order)}
    models = {names[model]: _model(state[model], names, folder) for model in order}
    links = []
    for model in state.values():
        if model["model_name"] == "LinkModel":
            (a, x), (b, y) = model["state"]["source"], model["state"]["target"]
            a, b = _reference(a), _reference(b)
            if a in names and b in names:
                links.append([names[a], x, names[b], y])
    links.sort()  # the cache keeps a notebook's models in the order of their ids, which are random
    return {"models": models, "links": links, "roots": [names[root] for root in roots]}


def prerender(page, folder, pagename):
    """Return the HTML of each root in its default state, drawn by Node.

    Raises:
        ExtensionError: a view's script throws; the message is one line with the page and the view.
    """
    views = {name: str(folder / model["esm"]) for name, model in page["models"].items() if model["kind"] == "View"}
    models = json.loads(json.dumps(page["models"]))
    for model in models.values():
        for trait, name in model.get("files", {}).items():
            model[trait] = json.loads((folder / name).read_text(encoding="utf-8"))
    question = {"host": str(HOST), "models": models, "roots": page["roots"], "views": views}
    command = [node_binary(), HERE / "prerender.mjs"]
    done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True)
    if done.returncode:
        reason = " ".join(done.stderr.split())[:600]
        raise ExtensionError(f"{pagename}: {reason or 'Node could not draw its widgets'}")
    html = json.loads(done.stdout)
    return [html[root] for root in page["roots"]]


def without_fields(html):
    """Return the HTML with a plain element for each form and field; the host puts them back (fillIn)."""
    html = SELECT.sub(_blank, html)
    return FORM.sub(lambda form: f"<div data-form{FIELD.sub(_blank, _later(form[1]))}</div>", html)


def _later(text):
    return LATER.sub(r"data-\1", text)


def _blank(field):
    kind, *text = filter(None, field.groups())
    return f'<span class="cnn-blank cnn-blank-{kind}" data-html="{escape(field[0])}">{"".join(text)}</span>'


def write_hashed(folder, name, content):
    """Write a text, or bytes, under a name that holds its hash, and return that name."""
    data = content.encode() if isinstance(content, str) else content
    stem, suffix = name.rsplit(".", 1)
    hashed = f"{stem}.{_hash(data)}.{suffix}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashed).write_bytes(data)
    return hashed


def _walk(model, state, order, pagename):
    kind = _kind(state[model])
    if kind != "View" and kind not in KEPT:
        known = ", ".join(sorted(KEPT))
        raise ExtensionError(f"{pagename}: the website cannot show the widget {kind}, only anywidget views and {known}")
    if model in order:
        raise ExtensionError(f"{pagename}: a {kind} is displayed twice, display a widget once")
    order.append(model)
    for child in state[model]["state"].get("children", []):
        _walk(_reference(child), state, order, pagename)


def _model(model, names, folder):
    kind, state = _kind(model), model["state"]
    if kind == "View":
        return _view(state, folder)
    named = {name: state[name] for name in KEPT[kind] if state.get(name) not in (None, *PLAIN.get(name, ()))}
    kept = {"kind": kind, **named}
    if "children" in kept:
        kept["children"] = [names[_reference(child)] for child in kept["children"]]
    return kept


def _view(state, folder):
    name = state["_anywidget_id"].split("-")[0].rsplit(".", 1)[-1]
    kept = {"kind": "View", "esm": write_hashed(folder, f"{name}.mjs", state["_esm"])}
    files = {}
    for trait, value in state.items():
        if trait.startswith("_") or trait in NOT_TRAITS:
            continue
        text = json.dumps(value, separators=(",", ":"))
        if len(text) > LARGE:
            files[trait] = write_hashed(folder, f"{trait}.json", text)
        else:
            kept[trait] = value
    return {**kept, "files": files} if files else kept


def _kind(model):
    kind = model["model_name"].removesuffix("Model")
    return "View" if kind == "Any" else kind


def _reference(text):
    return text.removeprefix("IPY_MODEL_")


def _hash(data):
    return hashlib.sha256(data).hexdigest()[:12]
