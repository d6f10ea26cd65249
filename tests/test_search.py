"""What search.mjs finds, judged by a plain scan in Python, and what the build gives it to search."""
import gzip
import json
import random
import re
import string
import sys
from types import SimpleNamespace

import pytest

from tools.node import call_view, run_module
from tools.project import ROOT

sys.path.insert(0, str(ROOT / "book" / "ext"))

from cnn_book import anchors, outline, search

SCRIPT = SimpleNamespace(_esm=(ROOT / "book" / "static" / "search.mjs").read_text(encoding="utf-8"))
TEXT = 5


def distance(a, b):
    """Return the number of letters to add, drop, replace or swap with the next one (optimal string alignment)."""
    table = [[i + j if 0 in (i, j) else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


def near(token, words):
    """Return whether a word begins with the token, or is one slip away."""
    return any(word.startswith(token) for word in words), len(token) >= 4 and any(
        abs(len(word) - len(token)) < 2 and distance(token, word) <= 1 for word in words)


def rank(entry, asked):
    """Return how well a name fits, 0 being best."""
    names = [search.tokens(name) for name in (entry[1], entry[1].split(".")[-1], *entry[4:])]
    words, query = {word for name in names for word in name}, " ".join(asked)
    names = [" ".join(name) for name in names]
    fits = [near(token, words) for token in asked]
    rules = [query in names, any(name.startswith(query) for name in names), all(begins for begins, _ in fits),
             len(query) > 1 and any(query in name for name in names), all(any(fit) for fit in fits)]
    return next((i for i, holds in enumerate(rules) if holds), None)


def scan(texts, index, query, most=5):
    """Return what find must return; texts has the words of each part with their weights from 1 to 3."""
    asked, groups = search.tokens(query), {}
    if not asked:
        return []
    pages, parts = index["pages"], index["parts"]

    def put(kind, best, name, part, anchor):
        page, own, title = parts[part]
        group = groups.setdefault(kind, (best, kind, []))
        where = f"{pages[page][1]} › {title}" if kind in (0, 1, 3) and title != pages[page][1] else pages[page][1]
        group[2].append((part, {"name": name, "where": where, "address": f"{pages[page][0]}#{anchor or own}"}))

    ranked = [(rank(entry, asked), entry[0], len(" ".join(search.tokens(entry[1]))), i)
              for i, entry in enumerate(index["entries"])]
    for best, kind, _, i in sorted(each for each in ranked if each[0] is not None):
        put(kind, best, index["entries"][i][1], *index["entries"][i][2:4])
    shown = {part for kind in (2, 4) if kind in groups for part, _ in groups[kind][2][:most]}
    everywhere, scores, best = set().union(*texts), [0] * len(parts), 3
    for token in (token for token in asked if token not in index["stops"]):
        words = [word for word in everywhere if word.startswith(token)]
        if not words and len(token) >= 4:
            best, words = 4, [word for word in everywhere if abs(len(word) - len(token)) < 2
                              and distance(word, token) <= 1]
        for part, text in enumerate(texts):
            score = max((text[word] * (len(parts) // sum(word in each for each in texts)).bit_length()
                         * (1 + (word == token)) for word in words if word in text), default=None)
            scores[part] = None if score is None or scores[part] is None else scores[part] + score
    for part in sorted((i for i, score in enumerate(scores) if score), key=lambda i: (-scores[i], i)):
        if part not in shown:
            put(TEXT, best, parts[part][2], part, "")
    return [{"kind": kind, "hits": [hit for _, hit in hits[:most]]} for _, kind, hits in sorted(
        groups.values(), key=lambda group: group[:2])]


WORDS = ["convolution", "padding", "stride", "kernel", "image", "gradient", "layer", "output", "size", "map", "max",
         "pad", "layers", "imagery", "and"]
CHINESE = ["卷积", "填充", "步幅", "卷积核"]


def pages_of(rng):
    """Return pages of random parts."""
    pages = {}
    for number in range(10):
        parts = []
        for i in range(rng.randint(1, 5)):
            title = " ".join(rng.sample(WORDS[:-1], rng.randint(1, 2))) + rng.choice(["", " 3×3", "?"])
            text = " ".join(["and", *rng.choices(rng.sample(WORDS, 3), k=rng.randint(0, 12))])
            parts.append(outline.Part(f"p{number}-{i}", 2 if i else 1, title, [text]))
        pages[f"notebooks/{number}"] = parts
    pages["notebooks/0"][0].code = ["conv_output_size(7, 3)\nnn.Conv2d(1, 2, 3)\ntorch.nn.functional.max_pool2d(x, 2)"]
    pages["book/glossary"] = [outline.Part("glossary", 1, "Glossary", terms=[
        [f"term-{word}", f"{word} {rng.choice(['(of maps)', ''])} · {rng.choice(CHINESE)}"] for word in WORDS[:6]])]
    return pages


def weights(part):
    """Return the words of a part with their weights."""
    words = search.tokens("".join(part.text))
    found = {word: 1 + (words.count(word) > 1) + (words.count(word) > 3) for word in words}
    return found | dict.fromkeys(search.tokens(part.title), 3)


def typed(rng):
    """Return what a reader may type: names, parts of them, slips."""
    query = " ".join(rng.sample([*WORDS, *CHINESE, "conv_output_size", "nn.Conv2d", "F.max_pool2d", "3×3", "of maps"],
                                rng.randint(1, 2)))
    if rng.random() < 0.4:
        query = query[:rng.randint(1, len(query))]
    if rng.random() < 0.4:
        place = rng.randrange(len(query))
        query = query[:place] + rng.choice(["", rng.choice(string.ascii_lowercase)]) + query[place + rng.randint(0, 1):]
    return query


@pytest.mark.parametrize("seed", range(5))
def test_finds_what_a_plain_scan_finds(seed):
    rng = random.Random(seed)
    pages = pages_of(rng)
    index = search.build(pages, ["cnnlib.shapes.conv_output_size"], {})
    queries = [typed(rng) for _ in range(200)] + ["", " ", "?", "and", "max and"]
    answer = (f"const index = unpack({json.dumps(index)});"
              f"process.stdout.write(JSON.stringify({json.dumps(queries)}.map((query) => find(index, query))));")
    found = json.loads(run_module(f"{SCRIPT._esm}\n{answer}"))
    texts = [{} if name == "book/glossary" else weights(part) for name, parts in pages.items() for part in parts]
    texts = [{word: weight for word, weight in text.items() if word not in index["stops"] and (len(word) > 1)}
             for text in texts]
    for query, groups in zip(queries, found, strict=True):
        assert groups == scan(texts, index, query), query
    assert "and" in index["stops"] and len(index["stops"]) < 5 and sum(map(bool, found)) > 100


def test_words_are_the_same_in_both_languages():
    texts = ["Grad-CAM", "1×1 卷积（核）", "nn.Conv2d(3)", "Über naïve Łódź", "conv_output_size", "½ ﬁlter", "✓",
             "a1b2"]
    assert call_view(SCRIPT, "tokens", [[text] for text in texts]) == [search.tokens(text) for text in texts]
    assert search.tokens(texts[1]) == ["1x1", "卷积", "核"]


def test_one_slip_is_one_letter():
    rng = random.Random(0)
    pairs = [("".join(rng.choices("abc", k=rng.randint(1, 6))), "".join(rng.choices("abc", k=rng.randint(1, 6))))
             for _ in range(2_000)]
    assert call_view(SCRIPT, "oneSlip", pairs) == [distance(a, b) <= 1 for a, b in pairs]


def test_results_are_text_not_code():
    hits = [{"kind": 0, "hits": [{"name": "<b>&", "where": '"', "address": "a.html#b"}]}]
    [listed] = call_view(SCRIPT, "draw", [[hits, "../", True]])
    assert "&lt;b&gt;&amp;" in listed and 'href="../a.html#b"' in listed and "<b><b>" not in listed
    assert call_view(SCRIPT, "count", [[[]], [hits]]) == ["Nothing found", "1 result"]


def test_index_leads_to_where_the_course_map_says():
    title, part = outline.Part("t", 1, "Title"), outline.Part("where", 2, "Where it is, 3×3", code=["size(size(1))"])
    used = outline.Part("used", 2, "Used", code=["size(1)\nsize(2)\nF.pad(x)\nnn.functional.pad(x)\nView()"], widgets=1)
    topics = {"C01-01": {"title": "Another name", "notebook": "a", "heading": "Where it is, 3×3", "cnnlib": ["m.size"]},
              "C01-02": {"title": "Planned", "planned": "book/b"}}
    index = search.build({"notebooks/a": [title, part, used]}, ["cnnlib.m.size", "cnnlib.widgets.View"], topics)
    assert [search.FUNCTION, "cnnlib.m.size", 1, ""] in index["entries"]
    assert [search.FUNCTION, "F.pad", 2, "", "torch.nn.functional.pad"] in index["entries"]
    assert [search.WIDGET, "View", 2, "", "View"] in index["entries"]
    assert [search.HEADING, "Where it is, 3×3", 1, "", "Another name"] in index["entries"]
    assert index["pages"] == [["notebooks/a.html", "Title"]] and index["parts"][1] == [0, "where", "Where it is, 3×3"]
    assert search.plain_list(index).count('<li><a href="notebooks/a.html#used">') == 2


def test_public_names_are_read_without_importing(tmp_path):
    package = tmp_path / "cnnlib"
    (package / "a").mkdir(parents=True)
    (package / "a" / "__init__.py").write_text("raise SystemExit\n__all__ = ['f', 'G']\n")
    (package / "b.py").write_text("def h():\n    pass\n\n\ndef _i():\n    pass\n")
    (package / "_c.py").write_text("def j():\n    pass\n")
    assert search.public_names(tmp_path) == ["cnnlib.a.f", "cnnlib.a.G", "cnnlib.b.h"]
    assert {"cnnlib.shapes.conv_output_size", "cnnlib.boxes.nms"} <= set(search.public_names())


@pytest.mark.parametrize(("name", "words"), [
    ("ConvolutionExplorer", "Convolution explorer"), ("IoUExplorer", "IoU explorer"), ("SEGate", "SE gate"),
    ("NMSExplorer", "NMS explorer"), ("UNetShapes", "U-Net shapes"), ("View", "View")])
def test_a_widget_has_a_name_to_say(name, words):
    assert search.spoken(name) == words


def test_words_of_the_glossary_have_anchors():
    anchors.use_readable()
    context = {"body": "<dl><dt><strong>1×1 <em>x</em></strong> · 卷</dt><dd></dd></dl><dl><dt>other</dt></dl>"}
    anchors.name_terms(None, "book/glossary", "page.html", context, None)
    assert re.findall(r"<dt[^>]*>", context["body"]) == ['<dt id="term-1x1-x">', "<dt>"]
    before = dict(context)
    anchors.name_terms(None, "book/other", "page.html", context, None)
    assert context == before


def test_the_script_is_small():
    assert len(gzip.compress(SCRIPT._esm.encode())) <= 6 * 1024
