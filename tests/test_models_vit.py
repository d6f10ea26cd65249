"""The Vision Transformer against torchvision's listing and PyTorch's own encoder layer, and where it looks."""
import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from cnnlib.models import summarize
from cnnlib.models.attention import MultiHeadAttention
from cnnlib.models.rollout import attention_rollout, attention_weights, rollout
from cnnlib.models.vit import ROWS, EncoderBlock, build
from tests.fingerprint import fingerprint
from tests.judge import refused

TINY = {"num_classes": 10, "image_size": 32, "patch_size": 8, "num_layers": 3, "num_heads": 2, "hidden_dim": 24}
SHAPE = (1, 3, 224, 224)
LOGITS = (1.67999532, 1.18226099, -1.45349388, 0.457987014, 0.436567716, -0.867659995, 0.852036581, -0.0234463225)
SAID = torch.tensor([*LOGITS, -0.0165813132, 1.28505357], dtype=torch.float64)  # torchvision's vit_b_16; mean, spread


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def meta(name="vit_b_16", **options):
    with torch.device("meta"):
        return build(ROWS[name], **options)


def tiny(**options):
    """Return a small network whose scores are not all 0."""
    model = build(ROWS["vit_b_16"], **{**TINY, **options}).eval()
    nn.init.normal_(model.heads.head.weight)
    return model


def listing(width, layers, patch, tokens):
    """Yield key and shape of every tensor as torchvision lists them."""
    def both(name, rows, *columns):
        yield f"{name}.weight", (rows, *columns)
        yield f"{name}.bias", (rows,)
    yield "class_token", (1, 1, width)
    yield from both("conv_proj", width, 3, patch, patch)
    yield "encoder.pos_embedding", (1, tokens, width)
    for number in range(layers):
        layer = f"encoder.layers.encoder_layer_{number}"
        yield from both(f"{layer}.ln_1", width)
        yield f"{layer}.self_attention.in_proj_weight", (3 * width, width)
        yield f"{layer}.self_attention.in_proj_bias", (3 * width,)
        yield from both(f"{layer}.self_attention.out_proj", width, width)
        yield from both(f"{layer}.ln_2", width)
        yield from both(f"{layer}.mlp.0", 4 * width, width)
        yield from both(f"{layer}.mlp.3", width, 4 * width)
    yield from both("encoder.ln", width)
    yield from both("heads.head", 1000, width)


@pytest.mark.parametrize("name, sizes, parameters", [
    ("vit_b_16", (768, 12, 16, 197), 86_567_656), ("vit_b_32", (768, 12, 32, 50), 88_224_232),
    ("vit_l_16", (1024, 24, 16, 197), 304_326_632)])
def test_keys_shapes_order_and_parameters(name, sizes, parameters):
    model = meta(name)
    assert [(key, tuple(value.shape)) for key, value in model.state_dict().items()] == list(listing(*sizes))
    assert sum(p.numel() for p in model.parameters()) == parameters == ROWS[name].published_parameters


def distance(model):
    """Return how far the outputs are from torchvision's, in parts of their spread."""
    return float((fingerprint(model, SHAPE) - SAID).abs().max() / SAID[-1])


def test_outputs_are_torchvisions():
    assert distance(meta()) < 1e-7


def test_another_epsilon_is_noticed():
    model = meta()
    for layer in model.modules():
        if isinstance(layer, nn.LayerNorm):
            layer.eps = 1e-5  # PyTorch's own
    assert distance(model) > 1e-6


def test_products_add_up():
    macs = summarize(meta(), SHAPE).macs
    assert macs == 11_271_124_992 + 5_577_375_744 + 715_327_488  # layers, projections, query · key and weights · value
    with FlopCounterMode(display=False) as counter:
        meta()(torch.zeros(SHAPE, device="meta"))
    assert 2 * macs == counter.get_total_flops()
    rows = {row.layer: row for row in summarize(meta(), SHAPE)}
    assert rows["conv_proj"].receptive_field == (16, 16) and rows["encoder.ln"].receptive_field is None
    layer = "encoder.layers.encoder_layer_3.self_attention"
    assert rows[layer].macs == 3 * 197 * 768 * 768 + 2 * 197 * 197 * 768
    assert rows[layer].output_shape == (1, 197, 768)


# tokens

def test_196_patches_and_the_class_token_in_front():
    model = meta()
    assert model.tokens(torch.zeros(2, 3, 224, 224, device="meta")).shape == (2, 196 + 1, 768)
    model, x = tiny(), torch.randn(2, 3, 32, 32)
    nn.init.normal_(model.class_token)
    tokens = model.tokens(x)
    assert torch.equal(tokens[:, 0], model.class_token[0].expand(2, -1)) and tokens.shape == (2, 17, 24)
    patch = x[:, :, 8:16, 24:32].flatten(1)  # second row, fourth column
    torch.testing.assert_close(tokens[:, 1 + 4 + 3], functional.linear(
        patch, model.conv_proj.weight.flatten(1), model.conv_proj.bias))


def test_a_token_is_projected_and_768_is_a_coincidence():
    assert 16 * 16 * 3 == 768 and meta("vit_b_32").conv_proj.weight[0].numel() == 32 * 32 * 3 == 3072
    assert meta("vit_b_32").conv_proj.out_channels == 768
    assert sum(p.numel() for p in meta().conv_proj.parameters()) == 590_592


def test_the_class_token_must_stand_where_its_place_is():
    model, x = tiny(), torch.randn(2, 3, 32, 32)
    nn.init.normal_(model.class_token)
    tokens = model.tokens(x)
    torch.testing.assert_close(model.heads(model.encoder(tokens)[:, 0]), model(x))
    last = torch.cat([tokens[:, 1:], tokens[:, :1]], 1)
    assert not torch.allclose(model.heads(model.encoder(last)[:, -1]), model(x), atol=1e-2)
    assert not torch.allclose(model.heads(model.encoder(tokens)[:, -1]), model(x), atol=1e-2)


def test_only_the_places_tell_one_order_of_patches_from_another():
    model, x = tiny(), torch.randn(1, 3, 32, 32)
    swapped = x.clone()
    swapped[..., :8, :8], swapped[..., 8:16, 24:] = x[..., 8:16, 24:], x[..., :8, :8]
    assert not torch.allclose(model(x), model(swapped), atol=1e-4)
    nn.init.zeros_(model.encoder.pos_embedding)
    torch.testing.assert_close(model(x), model(swapped), rtol=1e-4, atol=1e-5)


# encoder

def judge(block, *, norm_first):
    """Return PyTorch's encoder layer with a block's weights."""
    layer = nn.TransformerEncoderLayer(24, 2, 96, dropout=0.0, activation="gelu", layer_norm_eps=1e-6,
                                       batch_first=True, norm_first=norm_first)
    names = {"ln_1": "norm1", "ln_2": "norm2", "self_attention": "self_attn", "mlp.0": "linear1", "mlp.3": "linear2"}
    state = {}
    for key, value in block.state_dict().items():
        name = next(name for name in names if key.startswith(f"{name}."))
        state[key.replace(name, names[name], 1)] = value
    layer.load_state_dict(state, strict=True)
    return layer


def test_a_block_is_pytorchs_with_the_norms_first():
    block, x = EncoderBlock(24, num_heads=2, mlp_dim=96), torch.randn(2, 5, 24)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.3)
    torch.testing.assert_close(block(x), judge(block, norm_first=True)(x), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(block(x), judge(block, norm_first=False)(x), atol=0.1)  # BERT's order


def test_a_block_that_adds_nothing_hands_its_tokens_on():
    block, x = EncoderBlock(24, num_heads=2, mlp_dim=96), torch.randn(2, 5, 24)
    for layer in (block.self_attention.out_proj, block.mlp[3]):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    assert torch.equal(block(x), x)
    assert not torch.allclose(judge(block, norm_first=False)(x), x, atol=0.1)


def test_starting_weights():
    model = build(ROWS["vit_b_16"], image_size=64, num_layers=2)
    assert not model(torch.randn(1, 3, 64, 64)).any()  # the last layer starts at 0
    assert abs(model.conv_proj.weight.std() - 768 ** -0.5) < 1e-4 and not model.conv_proj.bias.any()
    assert model.conv_proj.weight.abs().max() < 1  # cut at ±2, which is far away
    assert abs(model.encoder.pos_embedding.std() - 0.02) < 1e-3 and not model.class_token.any()
    block = model.encoder.layers[1]
    for weight, inputs, outputs in ((block.mlp[0].weight, 768, 3072), (block.self_attention.in_proj_weight, 768, 2304)):
        assert abs(weight.abs().max() - (6 / (inputs + outputs)) ** 0.5) < 1e-4
    assert 0 < block.mlp[3].bias.abs().max() < 1e-4
    assert {layer.eps for layer in model.modules() if isinstance(layer, nn.LayerNorm)} == {1e-6}


def test_dropout_is_for_training_only():
    model, x = tiny(dropout=0.5), torch.randn(2, 3, 32, 32)
    assert torch.equal(model(x), model(x))
    model.train()
    assert not torch.equal(model(x), model(x))
    assert {layer.p for layer in model.modules() if isinstance(layer, nn.Dropout)} == {0.5}
    assert list(model.state_dict()) == list(tiny().state_dict())


@pytest.mark.parametrize("options, tokens", [
    ({}, 17), ({"patch_size": 4}, 65), ({"image_size": 24, "in_channels": 1}, 10), ({"num_layers": 1}, 17),
    ({"mlp_dim": 7}, 17), ({"patch_size": 32}, 2)])
def test_sizes_for_small_images(options, tokens):
    model, size = tiny(**options), options.get("image_size", 32)
    assert model.encoder.pos_embedding.shape == (1, tokens, 24)
    assert model(torch.zeros(2, options.get("in_channels", 3), size, size)).shape == (2, 10)
    assert model.encoder.layers[0].mlp[0].out_features == options.get("mlp_dim", 96)
    assert len(model.encoder.layers) == options.get("num_layers", 3)


@pytest.mark.parametrize("options, message", [
    ({"patch_size": 5}, "patch_size must divide image_size = 32, got 5"),
    ({"patch_size": 64}, "patch_size must divide image_size = 32, got 64"),
    ({"num_heads": 5}, "num_heads must divide hidden_dim = 24, got 5"),
    ({"num_heads": None}, None),
    ({"num_heads": 0}, "num_heads must be a whole number of at least 1, got 0"),
    ({"num_layers": 0}, "num_layers must be a whole number of at least 1, got 0"),
    ({"hidden_dim": 24.0}, "hidden_dim must be a whole number of at least 1, got 24.0"),
    ({"image_size": (32, 32)}, "image_size must be a whole number of at least 1, got (32, 32)"),
    ({"mlp_dim": "4x"}, "mlp_dim must be a whole number of at least 1, got '4x'"),
    ({"dropout": 1}, "dropout must be at least 0 and below 1, got 1"),
    ({"dropout": "half"}, "dropout must be a finite number, got 'half'"),
])
def test_bad_options_are_refused(options, message):
    if message is None:
        assert tiny(**options).encoder.layers[0].self_attention.num_heads == 12  # the row's
    else:
        refused(lambda: tiny(**options), f"create_model: {message}")


def test_images_of_another_size_are_refused():
    refused(tiny(), "VisionTransformer: x must have 32x32 pixels, got 32x40", torch.zeros(1, 3, 32, 40))


# where it looks

def test_attention_weights_are_what_pytorchs_layers_report():
    model, x, found = tiny(), torch.randn(2, 3, 32, 32), []
    tokens = model.tokens(x) + model.encoder.pos_embedding
    for block in model.encoder.layers:
        layer = nn.MultiheadAttention(24, 2, batch_first=True)
        layer.load_state_dict(block.self_attention.state_dict())
        normed = block.ln_1(tokens)
        found.append(layer(normed, normed, normed, average_attn_weights=False)[1])
        tokens = block(tokens)
    weights = attention_weights(model, x)
    assert len(weights) == 3
    for ours, right in zip(weights, found, strict=True):
        torch.testing.assert_close(ours, right)
        torch.testing.assert_close(ours.sum(-1), torch.ones(2, 2, 17))
        assert not ours.requires_grad


def test_looking_changes_nothing():
    model, x = tiny(dropout=0.5), torch.randn(1, 3, 32, 32)
    right = model(x)
    model.train()
    model.encoder.ln.eval()
    modes = [layer.training for layer in model.modules()]
    first, second = attention_weights(model, x), attention_weights(model, x)
    assert all(map(torch.equal, first, second))  # without dropout
    assert [layer.training for layer in model.modules()] == modes
    assert not any(layer._forward_pre_hooks for layer in model.modules())
    assert torch.equal(model.eval()(x), right)
    with pytest.raises(ValueError):
        attention_weights(model, x[..., :8])
    assert not any(layer._forward_pre_hooks for layer in model.modules())


class Translator(nn.Module):
    """A network that attends to another sequence, with a mask."""

    def __init__(self):
        super().__init__()
        self.attention = MultiHeadAttention(8, 2)
        self.other = nn.Parameter(torch.randn(1, 5, 8))

    def forward(self, x):
        return self.attention(x, key=self.other, mask=torch.arange(5) < torch.tensor([[2]]))


def test_cross_attention_and_masks_are_seen_too():
    model, x = Translator(), torch.randn(1, 3, 8)
    [weights] = attention_weights(model, x)
    assert weights.shape == (1, 2, 3, 5) and not weights[..., 2:].any()
    torch.testing.assert_close(weights, model.attention.weights(x, model.other, mask=torch.arange(5)[None] < 2))


def test_rollout_adds_up_all_paths():
    weights = [torch.rand(2, 3, 4, 4).softmax(-1) for _ in range(3)]
    edges = [(each.mean(1) + torch.eye(4)) / 2 for each in weights]
    right = torch.zeros(2, 4, 4)
    for top, upper, lower, start in itertools.product(range(4), repeat=4):  # from the last layer to the input
        right[:, top, start] += edges[2][:, top, upper] * edges[1][:, upper, lower] * edges[0][:, lower, start]
    shares = rollout(weights)
    torch.testing.assert_close(shares, right)
    torch.testing.assert_close(shares.sum(-1), torch.ones(2, 4))
    assert not torch.allclose(rollout(weights[::-1]), right, atol=1e-3)  # the layers in the wrong order
    bare = weights[2].mean(1) @ weights[1].mean(1) @ weights[0].mean(1)  # the identity path forgotten
    assert not torch.allclose(bare, right, atol=1e-3)


def test_a_layer_that_looks_at_itself_changes_nothing():
    own = torch.eye(3).expand(1, 2, 3, 3)
    for weights in ([own], [own, own]):
        torch.testing.assert_close(rollout(weights)[0], torch.eye(3))


def test_rollout_is_a_map_of_the_patches():
    model, x = tiny(), torch.randn(2, 3, 32, 32)
    shares = rollout(attention_weights(model, x))
    grid = attention_rollout(model, x)
    assert grid.shape == (2, *model.grid) == (2, 4, 4) and (grid > 0).all()
    torch.testing.assert_close(grid.sum((1, 2)), 1 - shares[:, 0, 0])
    assert torch.equal(grid[:, 1, 3], shares[:, 0, 1 + 4 + 3])


SQUARE = "rollout: weights must be (N, num_heads, L, L) in each layer, got"


@pytest.mark.parametrize("call, message", [
    (lambda: attention_weights(nn.Linear(2, 2), torch.zeros(1, 2)),
     "attention_weights: model must hold a MultiHeadAttention, got Linear"),
    (lambda: attention_weights("vit", torch.zeros(1, 2)),
     "attention_weights: model must hold a MultiHeadAttention, got str"),
    (lambda: attention_rollout(Translator(), torch.zeros(1, 3, 8)),
     "attention_rollout: model must be a VisionTransformer, got Translator"),
    (lambda: rollout([]), f"{SQUARE} []"),
    (lambda: rollout(5), f"{SQUARE} [5]"),
    (lambda: rollout(["weights"]), f"{SQUARE} ['weights']"),
    (lambda: rollout([torch.zeros(1, 2, 2)]), f"{SQUARE} [(1, 2, 2)]"),
    (lambda: rollout([torch.zeros(1, 2, 3, 4)]), f"{SQUARE} [(1, 2, 3, 4)]"),
    (lambda: rollout([torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 4)]), f"{SQUARE} [(1, 2, 3, 3), (1, 2, 3, 4)]"),
    (lambda: rollout([torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 4, 4)]), f"{SQUARE} [(1, 2, 3, 3), (1, 2, 4, 4)]"),
])
def test_what_cannot_be_looked_at(call, message):
    refused(call, message)
