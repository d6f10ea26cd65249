"""Attention in PyTorch: gates for channels and places of feature maps, and attention between tokens."""
import torch
from torch import nn
from torch.nn import functional

from cnnlib._arguments import flag, whole


class SEBlock(nn.Module):
    """Scale each channel of (N, channels, H, W) by a number between 0 and 1 that comes from the means of all channels.

    The channels stay as many as they were, and nothing is added up over them.

    Args:
        channels: of the input and the output.
        reduction: the two layers meet in channels // reduction numbers, which must be at least 1: with 0 of them the
            gate could not depend on the input.

    Raises:
        ValueError: channels is no whole number of at least 1, or reduction none from 1 to channels.

    Source:
        Hu, Shen & Sun (2018), Squeeze-and-Excitation Networks, eqs. 2 to 4, with biases, which eq. 3 does not have. A
        linear layer for maps of 1x1 is a 1x1 convolution.

    >>> SEBlock(32)(torch.ones(1, 32, 4, 4)).shape
    torch.Size([1, 32, 4, 4])
    """

    def __init__(self, channels, *, reduction=16):
        super().__init__()
        self.fc1, self.fc2 = _squeeze_and_widen("SEBlock", channels, reduction)

    def gate(self, x):
        """Return the factors of the channels, (N, channels, 1, 1), each between 0 and 1."""
        return torch.sigmoid(self.fc2(functional.relu(self.fc1(x.mean((2, 3), keepdim=True)))))

    def forward(self, x):
        """Return x, scaled."""
        return x * self.gate(x)


class ChannelAttention(nn.Module):
    """Scale each channel of (N, channels, H, W), as SEBlock does, by what its mean and its maximum say together.

    Args:
        channels: of the input and the output.
        reduction: as SEBlock takes it.

    Raises:
        ValueError: as SEBlock.

    Source:
        Woo, Park, Lee & Kweon (2018), CBAM: Convolutional Block Attention Module, eq. 2: both go through the same two
        layers and are added before the sigmoid.

    >>> ChannelAttention(32).gate(torch.ones(1, 32, 4, 4)).shape
    torch.Size([1, 32, 1, 1])
    """

    def __init__(self, channels, *, reduction=16):
        super().__init__()
        self.fc1, self.fc2 = _squeeze_and_widen("ChannelAttention", channels, reduction)

    def gate(self, x):
        """Return the factors of the channels, (N, channels, 1, 1), each between 0 and 1."""
        mean, highest = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        return torch.sigmoid(self._shared(mean) + self._shared(highest))

    def _shared(self, x):
        return self.fc2(functional.relu(self.fc1(x)))

    def forward(self, x):
        """Return x, scaled."""
        return x * self.gate(x)


class SpatialAttention(nn.Module):
    """Scale each place of (N, C, H, W) by a number between 0 and 1 that comes from a window around it.

    A place is described by the mean and the maximum over its channels, in this order. The gate is computed from the
    input alone; the middle of the picture has no privilege.

    Args:
        kernel_size: width of the window, odd, in pixels.

    Raises:
        ValueError: kernel_size is no odd number of at least 1.

    Source:
        Woo et al. (2018), eq. 3; the batch norm before the sigmoid stands in the authors' code only, which takes the
        maximum first.

    >>> sum(p.numel() for p in SpatialAttention(7).parameters())
    100
    """

    def __init__(self, kernel_size=7):
        super().__init__()
        if whole("SpatialAttention", "kernel_size", kernel_size, least=1) % 2 == 0:
            raise ValueError(f"SpatialAttention: kernel_size must be odd, so that H and W stay, got {kernel_size}")
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.bn = nn.BatchNorm2d(1)

    def gate(self, x):
        """Return the factors of the places, (N, 1, H, W), each between 0 and 1."""
        described = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return torch.sigmoid(self.bn(self.conv(described)))

    def forward(self, x):
        """Return x, scaled."""
        return x * self.gate(x)


class CBAM(nn.Module):
    """Scale the channels of (N, channels, H, W), then the places of what came out.

    Args:
        channels: of the input and the output.
        reduction: of the channel attention.
        kernel_size: of the spatial attention, odd, in pixels.

    Raises:
        ValueError: as ChannelAttention and SpatialAttention.

    Source:
        Woo et al. (2018), eq. 1; the order is the better one of their Table 3.

    >>> CBAM(64).eval()(torch.ones(1, 64, 4, 4)).shape
    torch.Size([1, 64, 4, 4])
    """

    def __init__(self, channels, *, reduction=16, kernel_size=7):
        super().__init__()
        self.channel = ChannelAttention(channels, reduction=reduction)
        self.spatial = SpatialAttention(kernel_size)

    def forward(self, x):
        """Return x, scaled twice."""
        return self.spatial(self.channel(x))


class MultiHeadAttention(nn.Module):
    """Let each token of (N, L, embed_dim) take a weighted mean of all tokens, num_heads times side by side.

    The readable twin of ``nn.MultiheadAttention(embed_dim, num_heads, batch_first=True)``: the same state_dict, the
    same starting weights from the same seed, the same numbers.

    Args:
        embed_dim: numbers a token, E.
        num_heads: must divide embed_dim; each head works in embed_dim / num_heads numbers of its own.
        bias: whether the four linear maps have biases.

    Raises:
        ValueError: an argument is malformed, or num_heads does not divide embed_dim.

    Source:
        Vaswani et al. (2017), Attention Is All You Need, section 3.2.2.

    >>> attention, x = MultiHeadAttention(8, 2), torch.ones(1, 5, 8)
    >>> attention(x).shape, attention.weights(x).shape
    (torch.Size([1, 5, 8]), torch.Size([1, 2, 5, 5]))
    """

    def __init__(self, embed_dim, num_heads, *, bias=True):
        super().__init__()
        name = "MultiHeadAttention"
        size = whole(name, "embed_dim", embed_dim, least=1)
        self.num_heads = whole(name, "num_heads", num_heads, least=1)
        if size % num_heads:
            raise ValueError(f"{name}: num_heads must divide embed_dim = {size}, got {num_heads}")
        self.in_proj_weight = nn.Parameter(torch.empty(3 * size, size))  # query, key and value, one below the other
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * size)) if flag(name, "bias", bias) else None
        self.out_proj = nn.Linear(size, size, bias=bias)
        if not self.in_proj_weight.is_meta:
            nn.init.xavier_uniform_(self.in_proj_weight)
        if bias:
            nn.init.zeros_(self.out_proj.bias)

    def forward(self, query, key=None, value=None, *, mask=None):
        """Return what each token of query has collected, (N, L, embed_dim).

        Args:
            query: (N, L, embed_dim).
            key: (N, S, embed_dim), another sequence for cross-attention; None: query, which is self-attention.
            value: (N, S, embed_dim); None: key.
            mask: what broadcasts to (N, num_heads, L, S): booleans, True where attention is allowed (the opposite of
                ``nn.MultiheadAttention``), or floats that are added to the scores.
        """
        query, key, value = self._heads(query, key, value)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))

    def weights(self, query, key=None, *, mask=None):
        """Return how much each token takes of each, (N, num_heads, L, S): fractions of 1, a row sums to 1.

        Takes what forward takes, but for value. A token that may see nothing has zeros.
        """
        query, key, _ = self._heads(query, key, None)  # a mean of unit vectors is the list of its weights
        unit = torch.eye(key.shape[2], dtype=key.dtype, device=key.device).expand(*key.shape[:2], -1, -1)
        return functional.scaled_dot_product_attention(query, key, unit, attn_mask=mask)

    def _heads(self, query, key, value):
        """Return the three projections, (N, num_heads, tokens, embed_dim / num_heads)."""
        key = query if key is None else key
        value = key if value is None else value
        weights = self.in_proj_weight.chunk(3)
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        projected = map(functional.linear, (query, key, value), weights, biases)
        return tuple(each.unflatten(2, (self.num_heads, -1)).transpose(1, 2) for each in projected)


def _squeeze_and_widen(name, channels, reduction):
    channels = whole(name, "channels", channels, least=1)
    squeezed = channels // whole(name, "reduction", reduction, least=1)
    if not squeezed:
        raise ValueError(f"{name}: reduction must be at most channels = {channels}, got {reduction}")
    return nn.Conv2d(channels, squeezed, kernel_size=1), nn.Conv2d(squeezed, channels, kernel_size=1)
