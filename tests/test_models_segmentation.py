"""U-Net and V-Net against the figures of their papers and counts in closed form."""
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnlib.models import unet
from cnnlib.models.unet import UNet, output_size
from cnnlib.models.vnet import VNet
from tests.judge import refused

FIGURE_1 = (568, 280, 136, 64, 28, 52, 100, 196, 388)  # the second map of each level, down and up again
FIGURE_2 = {"encoder": [(16, 128), (32, 64), (64, 32), (128, 16), (256, 8)],
            "decoder": [(256, 16), (128, 32), (64, 64), (32, 128)]}  # channels and the side that starts at 128


def shapes_of(model, modules, x):
    """Return the output shapes of modules during one pass."""
    seen = []
    hooks = [module.register_forward_hook(lambda m, i, out: seen.append(tuple(out.shape))) for module in modules]
    out = model(x)
    for hook in hooks:
        hook.remove()
    return seen, tuple(out.shape)


def test_unet_has_the_shapes_of_figure_1():
    with torch.device("meta"):
        model, x = UNet(), torch.zeros(1, 1, 572, 572)
    seen, out = shapes_of(model, [*model.down, *model.merge], x)
    assert tuple(shape[2] for shape in seen) == FIGURE_1 and out == (1, 2, 388, 388)
    assert [shape[1] for shape in seen] == [64, 128, 256, 512, 1024, 512, 256, 128, 64]
    assert sum(p.numel() for p in model.parameters()) == 31_030_658
    convolutions = [m for m in model.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.ConvTranspose2d))]
    assert len(convolutions) == 23  # as the paper says


@pytest.mark.parametrize("channels, classes, count", [
    (1, 2, 31_030_658), (1, 1, 31_030_593), (3, 1, 31_031_745), (3, 2, 31_031_810)])
def test_unet_counts(channels, classes, count):
    with torch.device("meta"):
        for row in unet.ROWS.values():
            model = UNet(row, in_channels=channels, num_classes=classes)
            assert sum(p.numel() for p in model.parameters()) == count


def test_padded_unet_keeps_the_size_and_its_skips_come_from_before_the_pool():
    with torch.device("meta"):
        model, x = UNet(unet.ROWS["unet_padded"], in_channels=3, num_classes=5), torch.zeros(2, 3, 256, 256)
    seen, out = shapes_of(model, model.down, x)
    assert [shape[1:] for shape in seen] == [
        (64, 256, 256), (128, 128, 128), (256, 64, 64), (512, 32, 32), (1024, 16, 16)]
    assert out == (2, 5, 256, 256)


@given(st.integers(1, 700), st.integers(1, 4), st.sampled_from([0, 1]))
def test_sizes_are_as_the_network_has_them(size, levels, padding):
    row = unet.ROWS["unet_padded" if padding else "unet"]
    with torch.device("meta"):
        model = UNet(row, widths=(1,) * (levels + 1))
        expected = output_size(size, levels=levels, padding=padding)
        if expected is None:
            with pytest.raises(ValueError, match="must have rows and columns that can be halved"):
                model(torch.zeros(1, 1, size, size))
        else:
            assert model(torch.zeros(1, 1, size, size)).shape == (1, 2, expected, expected)


def test_unet_names_sizes_that_fit():
    with torch.device("meta"):
        refused(lambda: UNet()(torch.zeros(1, 1, 570, 572)),
                "UNet: x must have rows and columns that can be halved 4 times, such as 556 or 572, got (570, 572)")


def test_skips_carry_what_is_fine():
    torch.manual_seed(0)
    x = torch.randn(1, 1, 32, 32)
    for skips in (True, False):
        model = UNet(unet.ROWS["unet_padded"], widths=(4, 8), skips=skips)
        with torch.no_grad():
            model.up[0].weight.zero_()  # the way up carries nothing any more
            model.up[0].bias.zero_()
            assert bool(model(x).std() > 1e-6 and model(x)[0, 0, 5:-5, 5:-5].std() > 1e-6) == skips


def test_vnet_has_the_shapes_of_figure_2():
    with torch.device("meta"):
        model, x = VNet(), torch.zeros(1, 1, 128, 128, 64)
    for name, expected in FIGURE_2.items():
        seen, out = shapes_of(model, getattr(model, name), x)
        assert [(shape[1], shape[2]) for shape in seen] == expected
        assert all(shape[2] == shape[3] == 2 * shape[4] for shape in seen)
    assert out == (1, 2, 128, 128, 64)


def test_vnet_count_in_closed_form():
    def conv(inputs, outputs, kernel):
        return inputs * outputs * kernel**3 + outputs + outputs  # weights, biases, and PReLU's slopes
    stages = conv(1, 16, 5) + 2 * conv(32, 32, 5) + 3 * (conv(64, 64, 5) + conv(128, 128, 5) + conv(256, 256, 5))
    back = conv(32, 32, 5) + 2 * conv(64, 64, 5) + 3 * (conv(128, 128, 5) + conv(256, 256, 5))
    down = sum(conv(width, 2 * width, 2) for width in (16, 32, 64, 128))
    up = sum(conv(inputs, outputs, 2) for inputs, outputs in ((256, 128), (256, 64), (128, 32), (64, 16)))
    head = 32 * 2 + 2
    with torch.device("meta"):
        assert sum(p.numel() for p in VNet().parameters()) == stages + back + down + up + head == 65_175_314


def test_a_stage_adds_what_came_in():
    torch.manual_seed(0)
    stage = VNet(widths=(4, 8), depths=(2, 1)).encoder[0]
    with torch.no_grad():
        for parameter in stage.convs.parameters():
            parameter.zero_()
    x = torch.rand(1, 1, 4, 4, 4)
    torch.testing.assert_close(stage(x), x.expand(1, 4, 4, 4, 4))  # positive numbers pass the PReLU


def test_vnet_refuses_what_cannot_be_halved():
    model = VNet(widths=(2, 4, 8), depths=(1, 1, 1))
    refused(lambda: model(torch.zeros(1, 1, 8, 6, 8)), "VNet: x must have sides that are multiples of 4, got (8, 6, 8)")
    refused(lambda: VNet(in_channels=3), "VNet: in_channels must be 1 or widths[0] = 16, got 3")


def test_vnet_whose_last_two_widths_are_equal():
    assert VNet(widths=(4, 8, 8), depths=(1, 1, 1))(torch.zeros(1, 1, 8, 8, 8)).shape == (1, 2, 8, 8, 8)
