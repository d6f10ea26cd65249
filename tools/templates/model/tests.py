"""TemplateNet: its counts, its shapes, and what its blocks compute."""
import pytest
import torch
from torch.nn import functional

from cnnlib.models import create_model, list_models, summarize
from cnnlib.models.template_net import ROWS, Fire

# Replace: the sides of the map behind each pooling, from the paper's table, and tests of what the family is.
HALVED = {"template_net": [55, 27, 13], "template_net_first": [54, 27, 13]}


@pytest.mark.parametrize("name", ROWS)
def test_counts_are_the_published_ones(name):
    [row] = [row for row in list_models() if row.name == name]
    model = create_model(name)
    assert row.parameters == row.published_parameters == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", ROWS)
def test_the_summary_shows_where_the_map_is_halved(name):
    rows = summarize(create_model(name), (1, 3, 224, 224)).rows
    assert [row.output_shape[-1] for row in rows if row.kind == "MaxPool2d"] == HALVED[name]
    assert rows[-1].output_shape == (1, 1000, 1, 1)


def test_scores_are_the_means_of_the_last_maps():
    model = create_model("template_net", num_classes=5).eval()
    x = torch.rand(2, 3, 64, 64)
    maps = model.classifier[:-1](model.features(x))
    torch.testing.assert_close(model(x), maps.mean((2, 3)))
    assert not torch.allclose(model(x), maps.sum((2, 3)))


def test_a_fire_module_puts_two_convolutions_behind_each_other():
    torch.manual_seed(0)
    fire, x = Fire(6, 2), torch.rand(1, 6, 5, 5)
    few = functional.relu(fire.squeeze(x))
    first, second = functional.relu(fire.expand1x1(few)), functional.relu(fire.expand3x3(few))
    torch.testing.assert_close(fire(x), torch.cat([first, second], 1))
    assert not torch.allclose(fire(x), torch.cat([second, first], 1))


def test_the_squeeze_saves_parameters():
    fire = sum(p.numel() for p in Fire(128, 16).parameters())
    plain = sum(p.numel() for p in torch.nn.Conv2d(128, 128, kernel_size=3).parameters())
    assert (fire, plain) == (12_432, 147_584)
