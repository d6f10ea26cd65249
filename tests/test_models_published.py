"""Accuracies and multiplications that torchvision publishes with its weights, beside the rows of ours."""
import json
from pathlib import Path

import pytest
import torch

from cnnlib.models import create_model, list_models, summarize

PUBLISHED = json.loads((Path(__file__).parent / "oracles" / "published.json").read_text(encoding="utf-8"))
MEASURED_AT = {"efficientnet_b2": 288}  # elsewhere at the size that the network is made for
ROWS = {row.name: row for row in list_models()}


def test_every_accuracy_of_torchvision_has_its_figures():
    theirs = {name for name, row in ROWS.items() if row.top1 and row.top1_source.startswith("torchvision")}
    assert theirs == set(PUBLISHED)


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_figures_are_the_published_ones(name):
    percent, billions = PUBLISHED[name]
    size = MEASURED_AT.get(name, ROWS[name].input_size)
    with torch.device("meta"):
        summary = summarize(create_model(name), (1, 3, size, size))
    assert ROWS[name].top1 == pytest.approx(percent / 100, abs=1e-9)
    assert summary.macs / 1e9 == pytest.approx(billions, abs=0.00501)  # two decimals are given
