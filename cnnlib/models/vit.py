"""Vision Transformer: a picture cut into patches, each of them a token that may look at all others in every layer."""
import math
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from cnnlib._arguments import number, whole
from cnnlib.models._row import Row
from cnnlib.models.attention import MultiHeadAttention


@dataclass(frozen=True, kw_only=True)
class ViTRow(Row):
    """A line of the paper's Table 1.

    Attributes:
        patch_size: height and width of a patch, in pixels.
        num_layers: encoder layers.
        num_heads: heads in each of them.
        hidden_dim: numbers a token.
    """

    patch_size: int
    num_layers: int = 12
    num_heads: int = 12
    hidden_dim: int = 768
    family: str = "Vision Transformer"
    year: int = 2020
    paper: str = "Dosovitskiy et al. (2021), An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale"
    idea: str = "patches as tokens, attention instead of convolution"


ROWS = {
    "vit_b_16": ViTRow(patch_size=16, published_parameters=86_567_656, top1=0.81072),
    "vit_b_32": ViTRow(patch_size=32, published_parameters=88_224_232, top1=0.75912),
    "vit_l_16": ViTRow(patch_size=16, num_layers=24, num_heads=16, hidden_dim=1024, published_parameters=304_326_632,
                       top1=0.79662),
}
LayerNorm = partial(nn.LayerNorm, eps=1e-6)


class EncoderBlock(nn.Module):
    """Map tokens (N, L, hidden_dim) to tokens: x + attention(norm(x)), then that + mlp(norm(that)).

    The norms stand before attention and MLP, so that nothing stands on the identity path (pre-norm); the Transformer of
    2017 and BERT have them after each sum.

    Args:
        hidden_dim: numbers a token.
        num_heads: must divide hidden_dim.
        mlp_dim: numbers a token between the two linear layers.
        dropout: fraction of the numbers that training sets to 0.

    Source:
        Dosovitskiy et al. (2021), eqs. 2 and 3; keys as torchvision's.

    >>> EncoderBlock(64, num_heads=4, mlp_dim=256)(torch.zeros(1, 5, 64)).shape
    torch.Size([1, 5, 64])
    """

    def __init__(self, hidden_dim, *, num_heads, mlp_dim, dropout=0.0):
        super().__init__()
        self.ln_1 = LayerNorm(hidden_dim)
        self.self_attention = MultiHeadAttention(hidden_dim, num_heads)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = LayerNorm(hidden_dim)
        self.mlp = nn.Sequential(  # keys 0 and 3 hold weights
            nn.Linear(hidden_dim, mlp_dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(mlp_dim, hidden_dim),
            nn.Dropout(dropout))

    def forward(self, x):
        """Return the tokens of the next layer."""
        x = x + self.dropout(self.self_attention(self.ln_1(x)))
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Add its place to each token of (N, tokens, hidden_dim), let the layers work, and normalize what comes out.

    Args:
        tokens: patches and class token.
        num_layers: EncoderBlocks.
        hidden_dim: numbers a token.
        dropout: as EncoderBlock takes it, here for the sum of token and place.
        **options: num_heads and mlp_dim, as EncoderBlock takes them.

    Source:
        Dosovitskiy et al. (2021), eqs. 1 to 4; keys as torchvision's.

    >>> Encoder(5, num_layers=1, hidden_dim=8, num_heads=2, mlp_dim=16)(torch.zeros(1, 5, 8)).shape
    torch.Size([1, 5, 8])
    """

    def __init__(self, tokens, *, num_layers, hidden_dim, dropout=0.0, **options):
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.zeros(1, tokens, hidden_dim))
        if not self.pos_embedding.is_meta:
            nn.init.normal_(self.pos_embedding, std=0.02)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(OrderedDict(
            (f"encoder_layer_{layer}", EncoderBlock(hidden_dim, dropout=dropout, **options))
            for layer in range(num_layers)))
        self.ln = LayerNorm(hidden_dim)

    def forward(self, x):
        """Return the last layer's tokens."""
        return self.ln(self.layers(self.dropout(x + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """Map images (N, in_channels, image_size, image_size) to scores (N, num_classes).

    A patch becomes a token by one linear map, a convolution whose stride is its window. The class token comes first,
    then the patches, row by row; what the encoder has made of the class token goes to the last layer. An option of None
    is the row's.

    Args:
        row: the published sizes.
        num_classes: number of scores.
        in_channels: channels of the images.
        image_size: height and width of the images, in pixels; there is a learned place for each patch, so no other size
            fits afterwards.
        patch_size: must divide image_size; small images need small patches, such as 4 for 32 pixels.
        num_layers: encoder layers.
        num_heads: must divide hidden_dim.
        hidden_dim: numbers a token.
        mlp_dim: numbers a token inside the MLP; None: 4 · hidden_dim, as in all rows.
        dropout: fraction of the numbers that training sets to 0, below 1.

    Raises:
        ValueError: an option is malformed, patch_size does not divide image_size, or num_heads not hidden_dim.

    Source:
        Dosovitskiy et al. (2021), section 3.1; keys and starting weights as torchvision's: the last layer starts at 0.

    >>> tiny = {"image_size": 32, "patch_size": 4, "num_layers": 6, "num_heads": 3, "hidden_dim": 192}
    >>> sum(p.numel() for p in VisionTransformer(ROWS["vit_b_16"], num_classes=10, **tiny).parameters())
    2693578
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3, image_size=None, patch_size=None, num_layers=None,
                 num_heads=None, hidden_dim=None, mlp_dim=None, dropout=0.0):
        super().__init__()
        size = _chosen("image_size", image_size, row.input_size)
        patch = _divisor("patch_size", _chosen("patch_size", patch_size, row.patch_size), "image_size", size)
        width = _chosen("hidden_dim", hidden_dim, row.hidden_dim)
        heads = _divisor("num_heads", _chosen("num_heads", num_heads, row.num_heads), "hidden_dim", width)
        self.image_size, self.grid = size, (size // patch, size // patch)
        layers, inner = _chosen("num_layers", num_layers, row.num_layers), _chosen("mlp_dim", mlp_dim, 4 * width)
        drop = number("create_model", "dropout", dropout)
        if not 0 <= drop < 1:
            raise ValueError(f"create_model: dropout must be at least 0 and below 1, got {dropout}")
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.conv_proj = nn.Conv2d(in_channels, width, kernel_size=patch, stride=patch)
        self.encoder = Encoder((size // patch) ** 2 + 1, num_layers=layers, hidden_dim=width, num_heads=heads,
                               mlp_dim=inner, dropout=drop)
        self.heads = nn.Sequential(OrderedDict(head=nn.Linear(width, num_classes)))
        if not self.class_token.is_meta:
            self._start()

    def _start(self):
        """Give the layers torchvision's starting weights."""
        for block in self.encoder.layers:
            for linear in (block.mlp[0], block.mlp[3]):
                nn.init.xavier_uniform_(linear.weight)
                nn.init.normal_(linear.bias, std=1e-6)
        nn.init.trunc_normal_(self.conv_proj.weight, std=math.sqrt(1 / self.conv_proj.weight[0].numel()))
        nn.init.zeros_(self.conv_proj.bias)
        nn.init.zeros_(self.heads.head.weight)
        nn.init.zeros_(self.heads.head.bias)

    def tokens(self, x):
        """Return class token and patches before the encoder, (N, 1 + patches, hidden_dim).

        Raises:
            ValueError: x does not have the height and width that the model is made for.
        """
        if tuple(x.shape[2:]) != (self.image_size, self.image_size):
            rule = f"x must have {self.image_size}x{self.image_size} pixels"
            raise ValueError(f"VisionTransformer: {rule}, got {'x'.join(map(str, x.shape[2:]))}")
        patches = self.conv_proj(x).flatten(2).transpose(1, 2)
        return torch.cat([self.class_token.expand(len(x), -1, -1), patches], 1)

    def forward(self, x):
        """Return the scores before softmax."""
        return self.heads(self.encoder(self.tokens(x))[:, 0])


def _chosen(name, value, published):
    """Return a checked option, or the row's own number."""
    return published if value is None else whole("create_model", name, value, least=1)


def _divisor(name, value, of, total):
    if total % value:
        raise ValueError(f"create_model: {name} must divide {of} = {total}, got {value}")
    return value


build = VisionTransformer
