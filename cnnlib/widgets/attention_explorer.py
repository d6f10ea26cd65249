"""One query patch, and how much attention it pays to each of 36: heads, layers, masks and the division by √d."""
import functools

import ipywidgets
import numpy as np
import traitlets

from cnnlib._arguments import all_within, choice, flag
from cnnlib.data import make_shapes
from cnnlib.scratch.attention import scaled_dot_product_attention
from cnnlib.scratch.attention_masks import causal_mask, global_mask, local_mask, strided_mask
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

GRID, PATCH = 6, 4  # patches on each side, and pixels on each side of a patch
TOKENS = GRID * GRID
SEED = 3101  # of a picture with two discs and a square that do not touch
HEADS = (  # what each head of each layer was made for
    ("looks for patches like itself", "looks at patches near itself"),
    ("looks for patches whose surroundings are like its own", "looks at the patch to the left"),
)
VALUES = ("brightness", "right − left", "bottom − top", "contrast")
MASKS = {"none": "none (full attention)", "local": "local window", "strided": "strided",
         "global": "window + global patches", "causal": "causal"}
LIMITS = {"row": (0, 5, 1), "column": (0, 5, 1), "head": (1, 2, 1), "layer": (1, 2, 1), "window": (1, 11, 2),
          "stride": (1, 6, 1), "global_patches": (0, 6, 1)}  # low, high, step
DESCRIPTIONS = {"row": "query row", "column": "query column", "mask": "mask", "window": "window (patches)",
                "stride": "stride (patches)", "global_patches": "global patches", "scaled": "divide by √d"}


class AttentionView(View):
    """The picture, one row of attention weights, and what the mask saves; head, layer and mask are places."""

    _esm = esm("attention_explorer.mjs")
    pixels = traitlets.List().tag(sync=True)  # (24, 24), fractions of 1
    query_vectors, key_vectors = (traitlets.List().tag(sync=True) for _ in range(2))  # (layer, head, 36, 8)
    value_vectors = traitlets.List().tag(sync=True)  # (layer, head, 36, 4)
    purposes, value_names, mask_kinds = (traitlets.List().tag(sync=True) for _ in range(3))
    row, column, head, layer = (traitlets.Int().tag(sync=True) for _ in range(4))
    mask, window, stride, global_patches = (traitlets.Int().tag(sync=True) for _ in range(4))
    scaled = traitlets.Bool().tag(sync=True)


class AttentionExplorer(Explorer):
    """Pick a patch and see where it looks, with which head, under which mask.

    The projections are made by hand so that each head has a purpose that can be seen; nothing is trained.

    Args:
        row: of the query patch, 0 to 5.
        column: of the query patch, 0 to 5.
        head: 1 or 2.
        layer: 1 or 2; the second sees what the heads of the first have mixed.
        mask: "none", "local" (a window of patches), "strided" (every stride-th patch in both directions), "global" (the
            window, and the first patches see all and are seen by all) or "causal" (patches before it, row by row).
        window: width of the window in patches, 1 to 11, odd.
        stride: step of the strided mask in patches, 1 to 6.
        global_patches: how many patches are global, 0 to 6, from the first row.
        scaled: whether the scores are divided by √d before the softmax.

    Raises:
        ValueError: a setting is not one of its choices.

    Source:
        Vaswani et al. (2017), Attention Is All You Need, eq. 1; Beltagy et al. (2020), Longformer, section 3.1, and
        Child et al. (2019), Sparse Transformers, section 4, for the masks.

    >>> AttentionExplorer(mask="local", window=3).summary()["scores"]
    256
    """

    def __init__(self, row=3, column=4, *, head=1, layer=1, mask="none", window=3, stride=2, global_patches=1,
                 scaled=True):
        numbers = all_within("AttentionExplorer", LIMITS, (row, column, head, layer, window, stride, global_patches))
        mask, scaled = choice("AttentionExplorer", "mask", mask, MASKS), flag("AttentionExplorer", "scaled", scaled)
        queries, keys, values = (array.tolist() for array in projected())
        view = AttentionView(
            pixels=np.round(picture(), 2).tolist(), query_vectors=queries, key_vectors=keys,
            value_vectors=values, purposes=[list(pair) for pair in HEADS], value_names=list(VALUES),
            mask_kinds=list(MASKS), mask=mask, scaled=scaled,
            **{**numbers, "head": head - 1, "layer": layer - 1})
        super().__init__(view, _controls(view))

    def weights(self):
        """Return the attention weights of all patches, (36, 36), from ``cnnlib.scratch``: each row sums to 1."""
        view = self.view
        query, key, value = (array[view.layer, view.head] for array in projected())
        query = query if view.scaled else query * query.shape[1] ** 0.5
        return scaled_dot_product_attention(query, key, value, mask=self.allowed(), return_weights=True)[1]

    def allowed(self):
        """Return who may look at whom, booleans (36, 36)."""
        view, kind = self.view, list(MASKS)[self.view.mask]
        size = (GRID, GRID)
        if kind == "none":
            return global_mask(size)
        if kind == "causal":
            return causal_mask(TOKENS)
        if kind == "strided":
            return strided_mask(size, stride=view.stride)
        near = local_mask(size, window=view.window)
        return near | global_mask(size, tokens=range(view.global_patches)) if kind == "global" else near

    def summary(self):
        """Return the query's largest weight and its patch, the entropy in bits, and how many scores are computed."""
        row = self.weights()[self.view.row * GRID + self.view.column]
        some = row[row > 0]
        patch = int(row.argmax())
        return {"largest": round(float(row[patch]), 3), "patch": divmod(patch, GRID),
                "entropy": round(float(-(some * np.log2(some)).sum()) + 0.0, 3), "scores": int(self.allowed().sum())}


@functools.cache
def picture():
    """Return the picture, (24, 24), fractions of 1: two discs and a square."""
    shapes = make_shapes(3, size=GRID * PATCH, seed=SEED, kinds=("disc", "square"), texture=False, noise=0.0)
    return shapes.images.max(axis=(0, 1))


@functools.cache
def projected():
    """Return queries and keys, (layers, heads, 36, 8), and values, (layers, heads, 36, 4), rounded to thousandths.

    >>> [array.shape for array in projected()]
    [(2, 2, 36, 8), (2, 2, 36, 8), (2, 2, 36, 4)]
    """
    content, place = contents(), places()
    first = [(_joined(1.5 * _even(content), 0.6 * place),) * 2, (_joined(0 * content, 3.5 * place),) * 2]
    mixed = content.copy()
    for query, key in first:
        mixed += scaled_dot_product_attention(query, key, content)
    left = _joined(0 * content, 4.0 * places(column_shift=-1))
    second = [(_joined(1.5 * _even(mixed), 0 * place),) * 2, (left, _joined(0 * content, 4.0 * place))]
    queries, keys = (np.array([[pair[i] for pair in layer] for layer in (first, second)]) for i in (0, 1))
    values = np.array([[content] * 2, [mixed / 3] * 2])
    return tuple(np.round(array, 3) + 0.0 for array in (queries, keys, values))


def contents():
    """Return four numbers of each patch, (36, 4): brightness, right minus left, bottom minus top, contrast."""
    patches = picture().reshape(GRID, PATCH, GRID, PATCH).swapaxes(1, 2).reshape(TOKENS, PATCH, PATCH)
    half = PATCH // 2
    return np.stack([patches.mean((1, 2)), patches[:, :, half:].mean((1, 2)) - patches[:, :, :half].mean((1, 2)),
                     patches[:, half:].mean((1, 2)) - patches[:, :half].mean((1, 2)), patches.std((1, 2))], axis=1)


def places(*, column_shift=0):
    """Return four numbers of each patch's place, (36, 4): two places are the more alike, the nearer they are.

    Args:
        column_shift: how many columns to the right of the patch the place lies.
    """
    row, column = np.indices((GRID, GRID)).reshape(2, -1) * np.pi / (GRID - 1)
    column = column + column_shift * np.pi / (GRID - 1)
    return np.stack([np.cos(row), np.sin(row), np.cos(column), np.sin(column)], axis=1)


def _even(tokens):
    """Return tokens whose four numbers each have mean 0 and standard deviation 1."""
    return (tokens - tokens.mean(0)) / tokens.std(0)


def _joined(content, place):
    return np.concatenate([content, place], axis=1)


def _controls(view):
    def slider(name):
        low, high, step = LIMITS[name]
        return ipywidgets.IntSlider(value=getattr(view, name), min=low, max=high, step=step,
                                    description=DESCRIPTIONS[name])

    def buttons(name):
        return ipywidgets.ToggleButtons(options=["1", "2"], index=getattr(view, name), description=name)

    return {
        "row": slider("row"), "column": slider("column"), "layer": buttons("layer"), "head": buttons("head"),
        "mask": ipywidgets.Dropdown(options=list(MASKS.values()), index=view.mask, description="mask"),
        "window": slider("window"), "stride": slider("stride"), "global_patches": slider("global_patches"),
        "scaled": ipywidgets.Checkbox(value=view.scaled, description=DESCRIPTIONS["scaled"]),
    }
