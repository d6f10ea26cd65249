import gzip
import json
import math
import sys
from collections import Counter

import ipywidgets
import pytest
import torch
from torch import nn

from cnnlib.models import create_model, list_models, summarize
from cnnlib.widgets.architecture_browser import DATA, LEVELS, MEASURES, ArchitectureBrowser, ArchitectureView
from tools import architectures
from tools.node import call_view, run_module
from tools.project import ROOT

sys.path.insert(0, str(ROOT / "book" / "ext"))

from cnn_book import widgets

TEXT = DATA.read_text(encoding="utf-8")
FILE = json.loads(TEXT)
NAMES = [model["name"] for model in FILE["models"]]
ROWS = {row.name: row for row in list_models() if not row.name.startswith("vit_")}  # maps, no tokens
REBUILT = ["lenet5_original", "alexnet", "vgg11", "nin_cifar10", "resnet18", "mobilenet_v2"]
ROW_BY_ROW = ["lenet5_original", "vgg16_bn", "googlenet", "resnet18", "densenet121", "mobilenet_v2"]
DRAWN = (nn.Conv2d, nn.Linear, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
EVERY = """const every = (test) => data.models.map(({ sizes }, m) => sizes.map((_, s) => (
    [0, 1, 2].map((measure) => [0, 1].map((level) => test(m, s, measure, level))))));"""


def in_node(expression):
    """Return the value of an expression: ``data`` is the file, ``view(model, size, level, measure)`` a state."""
    view = "const view = (model, size, level, measure) => ({ data, model, size, level, measure });"
    answer = f"process.stdout.write(JSON.stringify({expression}));"
    return json.loads(run_module("\n".join([ArchitectureView._esm, f"const data = {TEXT};", view, EVERY, answer])))


def two_sizes(name):
    """Return places of two input sizes: the model's own, and the one half way up, or the first."""
    sizes = FILE["models"][NAMES.index(name)]["sizes"]
    own = sizes.index(ROWS[name].input_size)
    return [own, len(sizes) // 2 if len(sizes) // 2 != own else 0]


PLACES = [(name, size) for name in NAMES for size in two_sizes(name)]
TOTALS = dict(zip(PLACES, in_node(
    f"{json.dumps([[NAMES.index(name), size] for name, size in PLACES])}.map(([m, s]) => totals(view(m, s, 0, 0)))"),
    strict=True))


PATHS = dict(zip(NAMES, in_node(
    "data.models.map((_, m) => layers(view(m, 0, 0, 0)).map(({ path }) => path))"), strict=True))


def built(name):
    """Return a model on the meta device."""
    with torch.device("meta"):
        return create_model(name)


def summarized(name, model, size):
    """Return what cnnlib.models says of it at one of the browser's sizes."""
    side = FILE["models"][NAMES.index(name)]["sizes"][size]
    return summarize(model, (1, ROWS[name].in_channels, side, side))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_totals_and_the_order_of_layers_are_those_of_summarize(name):
    model = built(name)
    drawn = {path for path, module in model.named_modules() if isinstance(module, DRAWN)}
    for size in two_sizes(name):
        summary, shown = summarized(name, model, size), TOTALS[name, size]
        assert (shown["parameters"], shown["macs"]) == (summary.parameters, summary.macs)
        running = [row for row in summary if row.output_shape is not None]
        assert shown["weighted"] == sum(row.kind in ("Conv2d", "Linear") for row in running)
        assert shown["idle"] == sum(row.parameters for row in summary if row.output_shape is None)
        assert list(filter(drawn.__contains__, PATHS[name])) == [row.layer for row in summary if row.layer in drawn]


@pytest.mark.parametrize("name", ROW_BY_ROW)
def test_every_layer_is_that_of_summarize(name):
    model = built(name)
    modules = dict(model.named_modules())
    for size in two_sizes(name):
        rows = {row.layer: row for row in summarized(name, model, size)}
        shown = in_node(f"layers(view({NAMES.index(name)}, {size}, 1, 0))")
        for row in (row for row in shown if row["path"] in rows):
            right, module = rows[row["path"]], modules[row["path"]]
            assert row["parameters"] == right.parameters + folded(row, module), row
            assert row["macs"] == right.macs, row
            assert row["field"] == (list(right.receptive_field) if right.receptive_field else 0), row
            assert row["side"] == side_of(right.output_shape), row
            assert row["outputs"] == math.prod(right.output_shape or (0,)), row


def folded(row, module):
    """Return the parameters of the batch norm in a row: a weight and a bias for each of its channels."""
    if not row["norm"]:
        return 0
    return 2 * (module.in_channels if row["norm"] == 2 else module.out_channels)


def side_of(shape):
    """Return the side of a map, 0 for a vector, None for what did not run."""
    return None if shape is None else shape[2] if len(shape) == 4 else 0


def test_a_norm_stands_with_its_own_convolution():
    names = ("vgg16", "vgg16_bn", "densenet121")
    rows = {name: in_node(f"layers(view({NAMES.index(name)}, 6, 1, 0))") for name in names}
    marks = {name: [row["norm"] for row in shown] for name, shown in rows.items()}
    assert set(marks["vgg16"]) == {0} and Counter(marks["vgg16_bn"]) == {1: 13, 0: 9}
    dense = [row for row in rows["densenet121"] if "denselayer1." in row["path"]][:2]
    assert [(row["path"].rpartition(".")[2], row["norm"], row["parameters"]) for row in dense] == [
        ("conv1", 2, 64 * 128 + 2 * 64), ("conv2", 2, 9 * 128 * 32 + 2 * 128)]
    alone = [row["parameters"] for row in rows["densenet121"] if row["kind"] == "norm"]
    assert alone == [2 * 1024]  # the last one stands before no convolution


def test_a_global_pooling_in_forward_is_drawn():
    for name in ("densenet121", "mobilenet_v1", "mobilenet_v2", "resnet18"):
        *_, last, linear = in_node(f"layers(view({NAMES.index(name)}, 6, 1, 0))")
        assert (last["kind"], last["side"], last["channels"]) == ("adaptive average pool", 1, linear["inputs"])


def test_layers_for_training_only_are_marked():
    [stage] = [part for part in in_node(f"parts(view({NAMES.index('googlenet')}, 6, 0, 0))") if part["side"] is None]
    assert (stage["name"], stage["value"]) == ("aux1 to aux2", 6_379_984)  # 13.0 million with them, 6.6 million without
    stages, layers = in_node(f"[0, 1].map((level) => draw(view({NAMES.index('googlenet')}, 6, level, 0)))")
    assert stages.count("training only") == 2 and layers.count("training only") == 7  # and once above
    assert '<b data-value="idle">6,379,984</b>' in stages


def test_shares_add_up_in_every_state_and_stages_are_few():
    bad = in_node("""every((m, s, measure, level) => {
        const listed = parts(view(m, s, level, measure));
        const add = (rows, name) => rows.reduce((sum, row) => sum + row[name], 0);
        const whole = totals(view(m, s, level, measure))[["parameters", "macs", "outputs"][measure]];
        const right = add(listed, "value") === whole && Math.abs(add(listed, "share") - 1) < 1e-9
            && listed.every((part) => part.value === add(part.layers, "value")) && (level || listed.length <= 12);
        return right ? [] : [[m, s, measure, level]];
    }).flat(4)""")
    assert bad == []


def test_every_state_draws():
    drawn = in_node("""every((m, s, measure, level) => {
        const html = draw(view(m, s, level, measure));
        const side = data.models[m].sizes[s];
        const bad = /NaN|undefined|null|Infinity/.test(html) || !html.includes(`${side} × ${side}</b>`);
        return [bad, html.split('class="cnn-arch-row').length - 1];
    })""")
    states = [state for model in drawn for size in model for measure in size for state in measure]
    assert not any(bad for bad, _ in states)
    for model, sizes in zip(FILE["models"], drawn, strict=True):
        counts = {tuple(rows for _, rows in measure) for size in sizes for measure in size}
        assert counts == {(len(model["stages"]), len(model["layers"]))}
    assert len(states) == 6 * sum(len(model["sizes"]) for model in FILE["models"])


def test_words_of_a_layer():
    conv = {"kind": "conv", "kernel": "3", "stride": "2", "groups": 1, "inputs": 64, "channels": 128, "side": 28,
            "norm": 2, "field": [19, 19]}
    grouped = {"kind": "grouped conv", "groups": 32, "kernel": "1×7", "field": [7, 19]}
    rows = [conv, {**conv, **grouped, "norm": 1, "stride": "1"},
            {**conv, "kind": "linear", "kernel": "", "stride": "1", "norm": 0, "side": 0, "field": 0, "inputs": 25088},
            {**conv, "kind": "adaptive average pool", "kernel": "", "stride": "1", "norm": 0, "side": 1, "field": 0},
            {**conv, "kind": "adaptive average pool", "kernel": "", "stride": "1", "norm": 0, "side": 6},
            {**conv, "stride": "1", "side": 1},
            {**conv, "kind": "max pool", "norm": 0}, {**conv, "norm": 0, "side": None, "field": 0}]
    assert call_view(ArchitectureView, "described", [[row] for row in rows]) == [
        "norm + 3×3 conv, stride 2, 64 → 128, sees 19 × 19",
        "1×7 grouped conv + norm, 32 groups, 64 → 128, sees 7 × 19",
        "linear, 25,088 → 128, sees the whole picture",
        "global average pool, sees the whole picture",
        "adaptive average pool, sees 19 × 19",
        "norm + 3×3 conv, 64 → 128, sees 19 × 19",
        "3×3 max pool, stride 2, sees 19 × 19",
        "3×3 conv, stride 2, 64 → 128, training only"]


def test_what_a_model_takes_is_listed_and_nothing_else():
    sizes = {model["name"]: model["sizes"] for model in FILE["models"]}
    assert sizes["lenet5"] == sizes["lenet5_original"] == [28, 32]
    assert all(ROWS[name].input_size in known for name, known in sizes.items())
    for name, refused, taken in (("alexnet", 32, 64), ("inception_v3", 64, 96)):
        assert refused not in sizes[name] and sizes[name][0] == taken
        with pytest.raises(ValueError, match="must take the input_shape"):
            summarize(built(name), (1, 3, refused, refused))


def test_the_file_is_what_the_tool_writes():
    rows = [row for row in list_models() if row.name in REBUILT]
    again = unfolded(json.loads(architectures.text(rows)))
    assert again == {name: model for name, model in unfolded(FILE).items() if name in REBUILT}
    assert list(again) == sorted(REBUILT, key=NAMES.index) and list(ROWS) == NAMES


def unfolded(document):
    """Return the models by name, with what they share put in."""
    def sides(parts):
        return [[*part[:3], document["sides"][part[3]]] for part in parts]
    return {model["name"]: {
        **model, "names": [document["names"][place] for place in model["names"]],
        "layers": [document["layers"][place] for place in model["layers"]],
        "sides": [document["sides"][place] for place in model["sides"]],
        "blocks": sides(model["blocks"]), "stages": sides(model["stages"])} for model in document["models"]}


def test_facts_are_those_of_the_table():
    for model in FILE["models"]:
        row = ROWS[model["name"]]
        assert model["published"] == row.published_parameters
        assert all(model[fact] == getattr(row, fact) for fact in architectures.FACTS)


def test_check_says_when_the_file_is_old(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(architectures, "PATH", tmp_path / "data" / "a.json")
    monkeypatch.setattr(architectures, "list_models", lambda: [ROWS["lenet5"]])
    assert architectures.main(["--check"]) == 1 and not architectures.PATH.exists()
    assert architectures.main([]) == 0 and architectures.main(["--check"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "a.json: would change" and said[1].startswith("a.json: written") and "up to date" in said[2]
    assert architectures.main(["--now"]) == "architectures: takes only --check or --add, got --now"


def test_new_models_can_be_added_to_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(architectures, "PATH", tmp_path / "a.json")
    rows = [ROWS[name] for name in ("lenet5", "alexnet", "nin_cifar10")]
    architectures.PATH.write_text(architectures.text(rows[:1]), encoding="utf-8")
    monkeypatch.setattr(architectures, "list_models", lambda: rows)
    assert architectures.main(["--add"]) == 0 and architectures.main(["--check"]) == 0
    assert architectures.PATH.read_text(encoding="utf-8") == architectures.text(rows) != architectures.text(rows[::-1])


def test_all_models_together_are_small():
    assert len(gzip.compress(TEXT.encode(), mtime=0)) <= 40 * 1024 and len(TEXT) <= 250 * 1024
    assert len(gzip.compress(ArchitectureView._esm.encode())) <= 30 * 1024


def test_on_the_website_the_data_is_a_file_of_its_own(tmp_path):
    browser = ArchitectureBrowser()
    page = widgets.compact(ipywidgets.Widget.get_manager_state()["state"], [browser.model_id], tmp_path, "page")
    [html] = widgets.prerender(page, tmp_path, "page")
    [data] = [name for model in page["models"].values() for name in model.get("files", {}).values()]
    assert json.loads((tmp_path / data).read_text(encoding="utf-8")) == FILE
    assert len(json.dumps(page)) < 3_000 and len(html) < 10_000
    assert '<b data-value="parameters">138,357,544</b>' in html and '<b data-value="macs">15,470,264,320</b>' in html


def test_a_model_starts_at_its_own_size_and_a_size_stays_within_its_sizes():
    lenet, vgg = NAMES.index("lenet5"), NAMES.index("vgg16")
    own = FILE["models"][vgg]["sizes"].index(224)
    states = [(vgg, 1, lenet), (lenet, 9, vgg), (vgg, 9, vgg), (lenet, 9, lenet)]
    derived = in_node(f"{json.dumps(states)}.map(([m, s, f]) => derive({{ ...view(m, s, 0, 0), sized_for: f }}))")
    assert derived == [
        {"sized_for": vgg, "last_size": 21, "size": own}, {"sized_for": lenet, "last_size": 1, "size": 1},
        {"last_size": 21, "size": 9}, {"last_size": 1, "size": 1}]
    beyond, last = in_node(f"[9, 1].map((size) => draw(view({lenet}, size, 0, 0)))")
    assert beyond == last


def test_controls_are_linked_to_the_view():
    browser = ArchitectureBrowser("resnet50", input_size=256, level="layers", measure="MACs")
    view, controls = browser.view, browser.controls
    assert controls["model"].options == tuple(NAMES)
    assert controls["model"].index == view.model == NAMES.index("resnet50")
    assert controls["size"].value == view.size and controls["size"].max == view.last_size == 21
    assert (controls["level"].index, controls["measure"].index) == (1, 1)
    assert browser.summary() == {
        "input_size": 256, "parameters": 25_557_032, "weight_layers": 54,
        "macs": summarize(built("resnet50"), (1, 3, 256, 256)).macs}
    assert (LEVELS, MEASURES) == (("stages", "layers"), ("parameters", "MACs", "output numbers"))


@pytest.mark.parametrize(("arguments", "message"), [
    ({"model": "vgg15"}, "model must be one of vgg19, vgg16, vgg13, vgg11, got 'vgg15'"),
    ({"model": "ResNet-50"}, "model must be one of resnet50, se_resnet50, resnet152, resnet101, got 'ResNet-50'"),
    ({"model": "transformer"}, "model must be a name of cnnlib.models.list_models(), got 'transformer'"),
    ({"model": 16}, "model must be a name of cnnlib.models.list_models(), got 16"),
    ({"model": "lenet5", "input_size": 224}, "input_size of lenet5 must be one of 28, 32, got 224"),
    ({"model": "lenet5", "input_size": "32"}, "input_size of lenet5 must be one of 28, 32, got '32'"),
    ({"model": "lenet5", "input_size": True}, "input_size of lenet5 must be one of 28, 32, got True"),
    ({"level": "blocks"}, "level must be one of stages, layers, got 'blocks'"),
    ({"measure": "FLOPs"}, "measure must be one of parameters, MACs, output numbers, got 'FLOPs'"),
])
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError) as caught:
        ArchitectureBrowser(**arguments)
    assert str(caught.value) == f"ArchitectureBrowser: {message}"
