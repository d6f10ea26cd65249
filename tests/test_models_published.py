"""Accuracies and multiplications that torchvision publishes with its weights, beside the rows of ours."""
import json
import re
from pathlib import Path

import pytest
import torch

from cnnlib.models import create_model, list_models, summarize
from cnnlib.shapes import conv_output_size

PUBLISHED = json.loads((Path(__file__).parent / "oracles" / "published.json").read_text(encoding="utf-8"))
MEASURED_AT = {"efficientnet_b2": 288}  # elsewhere at the size that the network is made for
ROWS = {row.name: row for row in list_models()}


def test_every_accuracy_of_torchvision_has_its_figures():
    theirs = {name for name, row in ROWS.items() if row.top1 and row.top1_source.startswith("torchvision")}
    assert theirs == set(PUBLISHED)


def test_other_accuracies_are_those_of_the_papers():
    assert {name: row.top1 for name, row in ROWS.items() if row.top1 and name not in PUBLISHED} == {
        "alexnet_original": 0.593,  # Krizhevsky et al. (2012), Table 2: 40.7 % errors
        "inception_v4": 0.8, "inception_resnet_v1": 0.787, "inception_resnet_v2": 0.801,  # the v4 paper, Table 2
        "xception": 0.79,  # Chollet (2017), Table 1
        "mobilenet_v1": 0.706,  # Howard et al. (2017), Table 8
        "se_resnet50": 0.7671,  # Hu et al. (2018), Table 2
        "cbam_resnet50": 0.7734,  # Woo et al. (2018), Table 4
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_figures_are_the_published_ones(name):
    percent, billions = PUBLISHED[name]
    size = MEASURED_AT.get(name, ROWS[name].input_size)
    with torch.device("meta"):
        summary = summarize(create_model(name), (1, 3, size, size))
    assert ROWS[name].top1 == pytest.approx(percent / 100, abs=1e-9)
    assert summary.macs / 1e9 == pytest.approx(billions, abs=0.00501)  # two decimals are given


def meta(name):
    """Return a model without numbers."""
    with torch.device("meta"):
        return create_model(name)


def count(layers):
    """Return the trainable parameters of layers."""
    return sum(p.numel() for layer in layers for p in layer.parameters() if p.requires_grad)


def without_heads(name):
    """Return how many parameters a model has without its auxiliary heads."""
    return f"{count(part for key, part in meta(name).named_children() if not key.lower().startswith('aux')):,} without"


def lenet_sum():
    """Return the sum of the layers of LeNet-5 as the paper counts them; each map of C3 is a convolution of its own."""
    return " + ".join(f"{count([part]):,}" for part in meta("lenet5_original").children() if count([part]))


def widths(module):
    """Return the output channels of a module of Inception v2."""
    one, _, three, _, double, pool = ROWS["inception_v2"].modules[module]
    return one + three + double + pool


FIGURES = {
    "lenet5_original": lenet_sum,
    "alexnet_original": lambda: f"224 pixels, which give {conv_output_size(224, 11, stride=4)} windows; its "
                                f"{conv_output_size(227, 11, stride=4)} need 227, or padding 2",
    "googlenet": lambda: without_heads("googlenet"),
    "inception_v3": lambda: without_heads("inception_v3"),
    "inception_v2": lambda: f"the ports have {count([meta('inception_v2')]) / 1e6:.1f}; the paper's table gives "
                            f"modules 4c and 4d 576 channels, but their paths add up to {widths('4c')};",
    "inception_resnet_v2": lambda: "{}, {} and {} blocks".format(*ROWS["inception_resnet_v2"].blocks),
    "densenet264": lambda: f"its layers are 2·{(layers := sum(ROWS['densenet264'].depths))} + 5 = {2 * layers + 5}",
    "efficientnet_b2": lambda: f"{summarize(meta('efficientnet_b2'), (1, 3, 288, 288)).macs / 1e9:.2f} billion MACs",
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_in_the_notes_are_what_the_model_gives(name):
    assert FIGURES[name]() in ROWS[name].note


def test_a_paper_came_out_in_the_year_of_the_row_or_is_printed_the_year_after():
    for row in ROWS.values():
        [printed] = map(int, re.findall(r"\((\d{4})\)", row.paper))
        assert printed - row.year in (0, 1), row.name
    assert widths("4c") == widths("4d") == 608
