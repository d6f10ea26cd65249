"""How much of a pretrained network to freeze: what learns, at which rate, and what came of it when it was measured."""
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ipywidgets
import traitlets

from cnnlib._arguments import choice, stepped, within
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

DATA = Path(__file__).parent / "data" / "transfer.json"
FACTORS = (0.1, 1.0, 0.1)  # low, high, step


@dataclass(frozen=True, kw_only=True)
class TransferRow:
    """One measured combination.

    Attributes:
        pictures: training pictures of each of the 12 classes.
        start: "pretrained" or "from scratch".
        frozen: how many of stem, layer1, layer2, layer3, layer4 were frozen; 0 from scratch.
        lr: learning rate of SGD with momentum 0.9, before it fell along a cosine.
        trainable: number of parameters that learned.
        accuracies: on the judged leaves, a fraction of 1, one for each seed.
    """

    pictures: int
    start: str
    frozen: int
    lr: float
    trainable: int
    accuracies: tuple[float, ...]

    @property
    def mean(self):
        """Mean accuracy of the seeds, a fraction of 1."""
        return sum(self.accuracies) / len(self.accuracies)

    @property
    def smallest(self):
        """Accuracy of the worst seed, a fraction of 1."""
        return min(self.accuracies)

    @property
    def largest(self):
        """Accuracy of the best seed, a fraction of 1."""
        return max(self.accuracies)


class FreezeView(View):
    """The stages of ``small_resnet`` with locks, and measured accuracies as bars."""

    _esm = esm("freeze_explorer.mjs")
    data = traitlets.Dict().tag(sync=True)  # what tools.transfer writes
    frozen = traitlets.Int().tag(sync=True)  # how many stages, from the stem on
    count = traitlets.Int().tag(sync=True)  # place in data["counts"]
    rate = traitlets.Int().tag(sync=True)  # place in data["rates"]
    factor = traitlets.Float().tag(sync=True)


class FreezeExplorer(Explorer):
    """Freeze a pretrained network from the stem on; see what learns, how fast, and how well that went.

    Args:
        frozen: how many of stem, layer1, layer2, layer3, layer4 stay as they are, 0 to 5.
        pictures: training pictures a class: 5, 20 or 100.
        lr: learning rate of the last layer: 0.001, 0.01 or 0.1.
        factor: each stage's rate over that of the stage after it, 0.1 to 1.0 in tenths; below 1.0 nothing was measured.

    Raises:
        ValueError: a setting is not one of its choices.

    Source:
        measured by ``tools.transfer``: 12 classes of ``LeafPictures`` that the network has never seen. Rates that fall
        from stage to stage: Howard & Ruder (2018), Universal Language Model Fine-tuning, section 3.2.

    >>> FreezeExplorer(frozen=5).summary()["trainable"]
    1548
    """

    def __init__(self, frozen=3, *, pictures=5, lr=0.01, factor=1.0):
        data = _data()
        most = len(data["stages"]) - 1
        frozen = within("FreezeExplorer", "frozen", frozen, 0, most)
        count = choice("FreezeExplorer", "pictures", pictures, data["counts"])
        rate = choice("FreezeExplorer", "lr", lr, data["rates"])
        factor = round(stepped("FreezeExplorer", "factor", factor, *FACTORS), 1)
        view = FreezeView(data=data, frozen=frozen, count=count, rate=rate, factor=factor)
        super().__init__(view, {
            "frozen": ipywidgets.IntSlider(value=frozen, min=0, max=most, description="frozen stages"),
            "count": ipywidgets.ToggleButtons(
                options=[str(each) for each in data["counts"]], index=view.count, description="pictures a class"),
            "rate": ipywidgets.Dropdown(
                options=[f"{each:g}" for each in data["rates"]], index=view.rate, description="learning rate"),
            "factor": ipywidgets.FloatSlider(
                value=view.factor, min=FACTORS[0], max=FACTORS[1], step=FACTORS[2], readout_format=".1f",
                description="factor per stage"),
        })

    def summary(self):
        """Return parameters that learn, all parameters, and the mean accuracies, fractions of 1."""
        data, view = self.view.data, self.view
        sizes = [size for *_, size in data["stages"]]
        measured = data["right"][view.count]
        mean = [sum(right[view.rate]) / len(right[view.rate]) / data["judged"]
                for right in (measured[view.frozen], measured[-1])]
        return {"trainable": sum(sizes[view.frozen:]), "total": sum(sizes),
                "accuracy": mean[0], "from_scratch": mean[1]}


def transfer_table():
    """Return everything that was measured, one TransferRow for each combination, few pictures first.

    The accuracies are those of ``small_resnet`` on 12 kinds of leaves that it has never seen: each seed has training
    pictures, a first head and an order of its own, and every run the same number of steps.

    >>> rows = transfer_table()
    >>> len(rows), rows[0].pictures, rows[0].start, rows[0].trainable, len(rows[0].accuracies)
    (63, 5, 'pretrained', 309084, 5)
    """
    data = _data()
    sizes = [size for *_, size in data["stages"]]
    rows = []
    for pictures, starts in zip(data["counts"], data["right"], strict=True):
        for start, rates in enumerate(starts):
            scratch = start == len(sizes)
            frozen = 0 if scratch else start
            rows += [TransferRow(
                pictures=pictures, start="from scratch" if scratch else "pretrained", frozen=frozen, lr=lr,
                trainable=sum(sizes[frozen:]), accuracies=tuple(right / data["judged"] for right in seeds))
                for lr, seeds in zip(data["rates"], rates, strict=True)]
    return rows


@cache
def _data():
    return json.loads(DATA.read_text(encoding="utf-8"))
