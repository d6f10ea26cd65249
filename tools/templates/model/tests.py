"""TemplateNet: its counts, its shapes, and the numbers of torchvision's network."""
import pytest
import torch
import torchvision

from cnnlib.models import create_model, list_models, summarize
from cnnlib.models.template_net import ROWS, Fire

TORCHVISION = {
    "template_net": torchvision.models.squeezenet1_1,
    "template_net_first": torchvision.models.squeezenet1_0,
}


@pytest.mark.parametrize("name", ROWS)
def test_counts_are_the_published_ones(name):
    [row] = [row for row in list_models() if row.name == name]
    assert row.parameters == row.published_parameters == sum(p.numel() for p in create_model(name).parameters())


@pytest.mark.parametrize("name", ROWS)
def test_outputs_are_torchvisions(name):
    torch.manual_seed(0)
    ours, theirs = create_model(name).eval(), TORCHVISION[name](weights=None).eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    x = torch.randn(2, 3, 97, 97)
    torch.testing.assert_close(ours(x), theirs(x))
    with torch.no_grad():
        ours.features[3].squeeze.weight += 0.1
    assert not torch.allclose(ours(x), theirs(x))


@pytest.mark.parametrize(("name", "halved"), [
    ("template_net", [55, 27, 13]),
    ("template_net_first", [54, 27, 13]),
])
def test_the_summary_shows_where_the_map_is_halved(name, halved):
    summary = summarize(create_model(name), (1, 3, 224, 224))
    assert [row.output_shape[-1] for row in summary if row.kind == "MaxPool2d"] == halved
    assert summary.rows[-1].output_shape[1] == 1000


def test_the_squeeze_saves_parameters():
    fire = sum(p.numel() for p in Fire(128, 16).parameters())
    plain = sum(p.numel() for p in torch.nn.Conv2d(128, 128, kernel_size=3).parameters())
    assert fire == 12_432 and plain == 147_584
