"""The table of all networks: complete, from list_models(), sorted by a script of its own."""
import json
import re
import sys

import pytest

from cnnlib.models import list_models
from tools.node import run_module
from tools.outline import course_map
from tools.project import ROOT

sys.path.insert(0, str(ROOT / "book" / "ext"))

from cnn_book import models

SCRIPT = (ROOT / "book" / "static" / "sort.mjs").read_text(encoding="utf-8")


class Model:
    name, year, input_size, parameters, macs, source, note = "vgg16", 2014, 224, 138357544, 15470264320, "a port", "n"
    idea, paper = "only 3x3, stacked", "Simonyan & Zisserman (2015), Very Deep (and Large) Networks"


TOPIC = {"notebook": "07_classic_architectures", "heading": "A table and a loop"}


def test_row_holds_what_is_known_of_a_network():
    *_, row = models.table([Model], {"C07-10": TOPIC}).splitlines()
    assert row == ("| `vgg16` | 2014 | 224 | 138,357,544 | 15,470 | Only 3x3, stacked. *Simonyan & Zisserman (2015).* "
                   "[Chapter 7](<../notebooks/07_classic_architectures.ipynb#a-table-and-a-loop>) |")
    assert models.notes([Model]) == "- `vgg16`: n. Published count: a port."


def test_every_network_has_a_row():
    rows = list_models()
    lines = models.table(rows, course_map()).splitlines()[2:]
    assert [re.match(r"\| `(\w+)`", line)[1] for line in lines] == [row.name for row in rows]


def test_every_network_has_a_section_that_shows_its_family():
    topics = course_map()
    for row in list_models():
        text = (ROOT / "notebooks" / f"{topics[models.topic(row.name)]['notebook']}.ipynb").read_text(encoding="utf-8")
        family = {"SENet": "squeeze", "CBAM": "CBAM", "Vision Transformer": "vit"}.get(row.family, row.family)
        assert family.lower() in text.lower(), row.name


def test_longest_beginning_wins_and_unknown_names_are_refused():
    assert models.topic("inception_resnet_v2") == "C07-31" != models.topic("inception_v3")
    with pytest.raises(KeyError, match="unet"):
        models.topic("unet")


@pytest.mark.parametrize(("count", "text"), [(416_520, "0.42"), (222_486_528, "222"), (15_470_264_320, "15,470")])
def test_millions(count, text):
    assert models.millions(count) == text


def test_only_the_table_page_has_the_script():
    class App:
        files = []

        def add_js_file(self, name, **options):
            self.files.append((name, options))
    for page in ("book/index", models.PAGE, "book/glossary"):
        models.add_script(App(), page, "page.html", {}, None)
    assert App.files == [("sort.mjs", {"type": "module", "fetchpriority": "low"})]


def test_script_sorts_as_python_does_and_keeps_ties():
    rows = [[row.name, str(row.year), str(row.input_size), f"{row.parameters:,}", models.millions(row.macs)]
            for row in list_models()]
    question = f"console.log(JSON.stringify(ORDERS.map(([, column, sign]) => order({json.dumps(rows)}, column, sign))))"
    orders = json.loads(run_module(f"{SCRIPT}\n{question}"))
    keys = [lambda row: 0, lambda row: row.year, lambda row: row.parameters,
            lambda row: float(models.millions(row.macs).replace(",", "")), lambda row: row.input_size]
    models_by_key = [sorted(range(len(rows)), key=lambda place: sign * key(list_models()[place]))
                     for key in keys for sign in (1, -1)]
    assert orders == models_by_key[1:]
