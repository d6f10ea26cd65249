"""Write what search.mjs searches in place of Sphinx's own index: names, headings and words, each with its section."""
import ast
import re
import unicodedata
from collections import Counter
from html import escape
from pathlib import Path

from cnn_book import ROOT
from cnn_book.anchors import GLOSSARY
from cnn_book.outline import INDEX, base36, fill, page_names, parts_of, publish
from tools.outline import course_map

TERM, FUNCTION, FORMULA, WIDGET, HEADING = range(5)
FORMULAS = "book/formula_sheet"  # there, every heading names a formula; in a chapter, one with a formula set apart
NAMES = re.compile(r'<div id="cnn-names">.*?</div>', re.S)
TORCH = re.compile(r"\b(?:torch\.nn\.functional|torch\.nn|torch|nn|F)(?:\.[A-Za-z]\w*)+")
PLAIN = re.compile("Misconception|Exercise|Summary|Check yourself")
SHEET = "book/pytorch_sheet"  # where it explains a name, that is the place
NAMES_ONLY = (GLOSSARY, "book/topics")  # pages whose texts stand for other places
STOP = 0.4  # a word in more than this share of all sections says nothing
OF_SPHINX = ("searchindex.js", "_static/searchtools.js", "_static/language_data.js", "_static/doctools.js",
             "_static/sphinx_highlight.js")


def turn_off(app):
    """Keep Sphinx from writing an index of its own."""
    app.builder.search = False


def add_page(app):
    """Return the page of results, which Sphinx adds only with its own search."""
    return [("search", {}, "search.html")] if app.builder.name == "html" else []


def finish(app):
    """Write the index, tell every page where it is, and list all names on the page of results."""
    site = Path(app.outdir)
    pages = {name: parts_of((site / f"{name}.html").read_text(encoding="utf-8")) for name in page_names(app)}
    index = build(pages, public_names(), course_map() if (ROOT / "book" / "course_map.yml").exists() else {})
    for old in OF_SPHINX:
        (site / old).unlink(missing_ok=True)
    publish(app, INDEX, "search.json", index)
    fill(site / "search.html", NAMES, f'<div id="cnn-names">{plain_list(index)}</div>')


def build(pages, public, topics):
    """Return the index.

    Args:
        pages: the parts of each page by its name, in order.
        public: cnnlib's public names, with their modules.
        topics: the rows of the course map by id.
    """
    index = {"pages": [[f"{name}.html", parts[0].title] for name, parts in pages.items()], "parts": [], "entries": []}
    every = [(number, name, part) for number, (name, parts) in enumerate(pages.items()) for part in parts]
    index["parts"] = [[number, part.id, part.title] for number, _, part in every]
    places = {(name, _key(part.title)): i for i, (_, name, part) in enumerate(every)}
    others = {}  # what the course map calls a section
    taught = {}  # where it says that a name is taught
    for row in topics.values():
        page = f"notebooks/{row['notebook']}" if "notebook" in row else row.get("page")
        place = places.get((page, _key(row.get("heading", ""))))
        if place is not None:
            others.setdefault(place, []).append(row["title"])
            for name in row.get("cnnlib", ()):
                taught.setdefault(f"cnnlib.{name}", place)
    parts = [part for _, _, part in every]
    for i, (_, name, part) in enumerate(every):
        if name == GLOSSARY:
            index["entries"] += [[TERM, word, i, anchor, *more] for word, anchor, more in _terms(part)]
        formula = part.level > 1 and (name == FORMULAS or (part.formulas > 0 and not PLAIN.match(part.title)))
        index["entries"].append([FORMULA if formula else HEADING, part.title, i, "", *others.get(i, [])])
    index["entries"] += _functions(every, public, taught) + _widgets(parts, public)
    index["entries"].sort(key=lambda entry: entry[0])
    return index | _words(every)


def public_names(root=ROOT):
    """Return what each module of cnnlib names in __all__, or defines where it has none, read without importing it."""
    names = []
    for path in sorted((root / "cnnlib").iterdir()):
        file = path / "__init__.py" if path.is_dir() else path
        if path.stem.startswith("_") or file.suffix != ".py" or not file.exists():
            continue
        tree = ast.parse(file.read_text(encoding="utf-8")).body
        listed = next((node.value for node in tree if isinstance(node, ast.Assign)
                       and getattr(node.targets[0], "id", "") == "__all__"), None)
        defined = [node.name for node in tree if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        found = [each.value for each in ast.walk(listed) if isinstance(each, ast.Constant)] if listed else defined
        names += [f"cnnlib.{path.stem}.{name}" for name in found if not name.startswith("_")]
    return names


def plain_list(index):
    """Return every term, function and widget as a list of links."""
    items = []
    for kind, name, place, anchor, *_ in index["entries"]:
        if kind in (TERM, FUNCTION, WIDGET):
            page, own, _ = index["parts"][place]
            address = f'{index["pages"][page][0]}#{anchor or own}'
            items.append((name.lower(), f'<li><a href="{address}">{escape(name)}</a></li>'))
    return f"<ul>{''.join(item for _, item in sorted(items))}</ul>"


def tokens(text):
    """Return the words of a text as search.mjs reads them."""
    plain = unicodedata.normalize("NFKD", text)
    plain = re.sub("[\u0300-\u036f]", "", plain).lower().replace("×", "x")
    return re.findall("[a-z0-9]+|[\u4e00-\u9fff]+", plain)


def _terms(part):
    """Return (word, anchor, other names); what stands in brackets is a name too, and so is what stands before."""
    for anchor, text in part.terms:
        word, _, chinese = (each.strip() for each in text.partition(" · "))
        bracket = re.fullmatch(r"(.+?) \((.+)\)", word)
        yield word, anchor, [*(bracket.groups() if bracket else ()), *filter(None, [chinese])]


def _functions(every, public, taught):
    uses = {}
    for i, (_, _, part) in enumerate(every):
        code = "\n".join(part.code)
        used = Counter(re.findall(r"\b[A-Za-z]\w*\b", code))
        for name in public:
            if (times := used[name.rsplit(".", 1)[1]]) and not name.startswith("cnnlib.widgets."):
                uses.setdefault(name, Counter())[i] += times
        for name in TORCH.findall(code):
            short = re.sub(r"^(torch\.)?nn\.functional\.", "F.", name)
            short = re.sub(r"^torch\.nn\.", "nn.", short)
            if short not in ("nn.functional", "torch.nn"):
                uses.setdefault(short, Counter())[i] += 1
    entries = []
    for name, counts in sorted(uses.items()):
        full = name.replace("F.", "torch.nn.functional.") if name.startswith("F.") else f"torch.{name}"
        other = [full] if name.startswith(("F.", "nn.")) else []
        asked = tokens(name.rsplit(".", 1)[1])

        def fits(i, counts=counts, asked=asked):
            _, page, part = every[i]
            return page == SHEET, set(asked) <= set(tokens(part.title)), counts[i], -i

        entries.append([FUNCTION, name, taught.get(name, max(counts, key=fits)), "", *other])
    return entries


def _widgets(parts, public):
    entries = []
    for name in (name.rsplit(".", 1)[1] for name in public if name.startswith("cnnlib.widgets.")):
        shown = [i for i, part in enumerate(parts) if part.widgets and f"{name}(" in "\n".join(part.code)]
        if shown and name != "Quiz":
            entries.append([WIDGET, spoken(name), shown[0], "", name])
    return entries


def spoken(name):
    """Return a class's name as words: ConvolutionExplorer is the convolution explorer."""
    words = re.sub(r"(?<=[a-zU])(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).replace("U Net", "U-Net").split()
    return " ".join([words[0], *(word if word.isupper() else word.lower() for word in words[1:])])


def _words(every):
    counts = {}
    for i, (_, page, part) in enumerate(every):
        if page in NAMES_ONLY:
            continue
        for word, times in Counter(tokens("".join(part.text))).items():
            if len(word) > 1 and (not word.isdigit() or len(word) <= 4):
                counts.setdefault(word, {})[i] = 0 if times == 1 else 1 if times < 4 else 2
        for word in tokens(part.title):
            counts.setdefault(word, {})[i] = 2
    stops = sorted(word for word, at in counts.items() if len(at) > STOP * len(every) and len(every) > 10)
    words = sorted(set(counts) - set(stops))
    return {"words": " ".join(words), "at": ",".join(_packed(counts[word]) for word in words), "stops": stops}


def _packed(at):
    codes = [part * 3 + weight for part, weight in sorted(at.items())]
    return " ".join(base36(code - before) for before, code in zip([0, *codes], codes, strict=False))


def _key(title):
    return " ".join(tokens(title))
