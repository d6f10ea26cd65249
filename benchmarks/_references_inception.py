"""GoogLeNet and Inception v3 as plain programs in torchvision's order; see _references.py."""
from functools import partial

import torch
from torch.nn import functional


def _unit(net, name, x, **options):
    """Return convolution, norm and ReLU, which is a function in torchvision too."""
    x = net.norm(f"{name}.bn", net.conv(f"{name}.conv", x, **options), eps=0.001)
    return functional.relu(x, inplace=True)


def googlenet(net, x):
    """Run GoogLeNet without its auxiliary heads."""
    unit, pool = partial(_unit, net), partial(functional.max_pool2d, ceil_mode=True)
    x = pool(unit("conv1", x, stride=2, padding=3), 3, 2)
    x = pool(unit("conv3", unit("conv2", x), padding=1), 3, 2)
    for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        if name == "4a":
            x = pool(x, 3, 2)
        elif name == "5a":
            x = pool(x, 2, 2)
        module = f"inception{name}.branch"
        first = unit(module + "1", x)
        second = unit(module + "2.1", unit(module + "2.0", x), padding=1)
        third = unit(module + "3.1", unit(module + "3.0", x), padding=1)
        x = torch.cat([first, second, third, unit(module + "4.1", pool(x, 3, 1, 1))], 1)
    return net.scores("fc", x, functional.dropout)


def inception_v3(net, x):
    """Run Inception v3 without its auxiliary head."""
    unit = partial(_unit, net)
    x = unit("Conv2d_2a_3x3", unit("Conv2d_1a_3x3", x, stride=2))
    x = functional.max_pool2d(unit("Conv2d_2b_3x3", x, padding=1), 3, 2)
    x = functional.max_pool2d(unit("Conv2d_4a_3x3", unit("Conv2d_3b_1x1", x)), 3, 2)
    for names, module in (("5b 5c 5d", _a), ("6a", _b), ("6b 6c 6d 6e", _c), ("7a", _d), ("7b 7c", _e)):
        for name in names.split():
            x = torch.cat(module(partial(_branch, net, f"Mixed_{name}.branch"), x), 1)
    x = torch.flatten(functional.dropout(functional.adaptive_avg_pool2d(x, (1, 1)), 0.5, training=False), 1)
    return functional.linear(x, net.state["fc.weight"], net.state["fc.bias"])


def _branch(net, branch, names, x, **last):
    """Run units one behind the other, padded to keep H and W; the options are the last one's instead of padding."""
    *before, end = names.split()
    for name in before:
        x = _same(net, branch + name, x)
    return _unit(net, branch + end, x, **last) if last else _same(net, branch + end, x)


def _same(net, name, x):
    height, width = net.state[f"{name}.conv.weight"].shape[2:]
    return _unit(net, name, x, padding=(height // 2, width // 2))


def _mean(x):
    return functional.avg_pool2d(x, 3, 1, 1)


def _a(run, x):
    return [run("1x1", x), run("5x5_1 5x5_2", x), run("3x3dbl_1 3x3dbl_2 3x3dbl_3", x), run("_pool", _mean(x))]


def _b(run, x):
    return [run("3x3", x, stride=2), run("3x3dbl_1 3x3dbl_2 3x3dbl_3", x, stride=2), functional.max_pool2d(x, 3, 2)]


def _c(run, x):
    double = "7x7dbl_1 7x7dbl_2 7x7dbl_3 7x7dbl_4 7x7dbl_5"
    return [run("1x1", x), run("7x7_1 7x7_2 7x7_3", x), run(double, x), run("_pool", _mean(x))]


def _d(run, x):
    return [run("3x3_1 3x3_2", x, stride=2), run("7x7x3_1 7x7x3_2 7x7x3_3 7x7x3_4", x, stride=2),
            functional.max_pool2d(x, 3, 2)]


def _e(run, x):
    first, single = run("1x1", x), run("3x3_1", x)
    single = torch.cat([run("3x3_2a", single), run("3x3_2b", single)], 1)
    double = run("3x3dbl_1 3x3dbl_2", x)
    double = torch.cat([run("3x3dbl_3a", double), run("3x3dbl_3b", double)], 1)
    return [first, single, double, run("_pool", _mean(x))]
