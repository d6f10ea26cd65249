"""Answers to the assignment of chapter 3."""
import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn


def work_by_counting(input_shape, out_channels, kernel_size, *, stride=1, padding=0):
    n, c, h, w = input_shape
    kh, kw = kernel_size
    tops = len(range(0, h + 2 * padding - kh + 1, stride))
    lefts = len(range(0, w + 2 * padding - kw + 1, stride))
    windows = n * tops * lefts
    return [windows * out_channels * c * kh * kw, windows * out_channels * c, windows * c * kh * kw]


def work_by_formula(input_shape, out_channels, kernel_size, stride=1, padding=0):
    shape, kernel = np.array(input_shape), np.array(kernel_size)
    outputs = shape[0] * np.prod((shape[2:] + 2 * padding - kernel + stride) // stride)
    steps = outputs * shape[1] * out_channels
    return np.array([steps * kernel.prod(), steps, outputs * shape[1] * kernel.prod()], dtype=float)


def work_by_loops(input_shape, out_channels, kernel_size, *, stride=1, padding=0):
    (n, c, h, w), (kh, kw) = input_shape, kernel_size
    steps = columns = 0
    for _ in range(0, h + 2 * padding - kh + 1, stride):
        for _ in range(0, w + 2 * padding - kw + 1, stride):
            columns += n * c * kh * kw
            steps += n * out_channels * c
    return columns * out_channels, steps, columns


def work(places, answer=lambda m, s, col, *_: (m, s, col), area=lambda k: k[0] * k[1]):
    """Return a count with other places on an axis or other numbers in the end."""
    def counted(shape, filters, kernel, *, stride=1, padding=0):
        n, c, h, w = shape
        outputs = places(h, kernel[0], stride, padding) * places(w, kernel[1], stride, padding)
        steps = n * c * filters * outputs
        return answer(steps * area(kernel), steps, n * c * area(kernel) * outputs, n, c, filters, outputs)
    return counted


def windows_on(n, k, s, p):
    return 1 + (n + 2 * p - k) // s


def layer_by_loops(x, weight, bias, *, stride=1, dilation=1):
    filters, channels, kh, kw = weight.shape
    maps = []
    for o in range(filters):
        rows = []
        for top in range(0, x.shape[1] - dilation * (kh - 1), stride):
            row = []
            for left in range(0, x.shape[2] - dilation * (kw - 1), stride):
                total = bias[o]
                for c, a, b in np.ndindex(channels, kh, kw):
                    total += x[c, top + a * dilation, left + b * dilation] * weight[o, c, a, b]
                row.append(float(total))
            rows.append(row)
        maps.append(rows)
    return maps


def layer_by_view(x, weight, bias, stride=1, dilation=1):
    kh, kw = weight.shape[2:]
    size = ((kh - 1) * dilation + 1, (kw - 1) * dilation + 1)
    windows = sliding_window_view(x, size, axis=(1, 2))[:, ::stride, ::stride, ::dilation, ::dilation]
    return np.einsum("chwab,ocab->ohw", windows, weight) + bias.reshape(-1, 1, 1)


def layer_by_wide_kernel(x, weight, bias, *, stride=1, dilation=1):
    filters, channels, kh, kw = weight.shape
    wide = np.zeros((filters, channels, (kh - 1) * dilation + 1, (kw - 1) * dilation + 1), dtype=np.float32)
    wide[:, :, ::dilation, ::dilation] = weight
    height, width = x.shape[1] - wide.shape[2] + 1, x.shape[2] - wide.shape[3] + 1
    columns = np.stack([x[:, i:i + height, j:j + width].reshape(channels, -1)
                        for i, j in np.ndindex(wide.shape[2:])], axis=1)
    product = wide.reshape(filters, -1) @ columns.reshape(-1, height * width)
    return product.reshape(filters, height, width)[:, ::stride, ::stride] + bias[:, None, None]


def layer(taps=lambda d: (d, d), steps=lambda s: (s, s), total="chwab,ocab->ohw", bias=lambda b, c: b[:, None, None]):
    """Return a layer with other steps inside or outside the window, another sum or another bias."""
    def answer(x, weight, b, *, stride=1, dilation=1):
        (down, across), (rows, cols) = taps(dilation), steps(stride)
        size = ((weight.shape[2] - 1) * down + 1, (weight.shape[3] - 1) * across + 1)
        windows = sliding_window_view(x, size, axis=(1, 2))[:, ::rows, ::cols, ::down, ::across]
        return np.einsum(total, windows, weight) + bias(b, len(x))
    return answer


def cut_to_size(x, weight, bias, *, stride=1, dilation=1):
    wanted = np.array(layer_by_view(x, weight, bias, stride, dilation)).shape
    return layer_by_view(x, weight, bias, stride)[:, :wanted[1], :wanted[2]]


def steps_of_dilation(x, weight, bias, *, stride=1, dilation=1):
    return layer_by_view(x, weight, bias, stride=stride * dilation)


def learned_by_autograd(image, target, kernel_size, *, steps, step_size):
    kernel = torch.zeros(kernel_size, dtype=torch.float64, requires_grad=True)
    for _ in range(steps):
        loss = ((F.conv2d(image[None, None], kernel[None, None])[0, 0] - target) ** 2).sum()
        loss.backward()
        with torch.no_grad():
            kernel -= step_size * kernel.grad
        kernel.grad = None
    return kernel


def learned_by_layer(image, target, kernel_size, steps, step_size):
    net = nn.Conv2d(1, 1, kernel_size, bias=False)
    nn.init.zeros_(net.weight)
    optimizer = torch.optim.SGD(net.parameters(), lr=step_size)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.MSELoss(reduction="sum")(net(image.float()[None])[0], target.float()).backward()
        optimizer.step()
    return net.weight.detach()[0, 0].numpy()


def learned_by_hand(image, target, kernel_size, *, steps, step_size):
    image, target = image.numpy(), target.numpy()
    kernel = np.zeros(kernel_size)
    for _ in range(steps):
        error = np.einsum("hwab,ab->hw", sliding_window_view(image, kernel_size), kernel) - target
        kernel -= step_size * 2 * np.einsum("hw,hwab->ab", error, sliding_window_view(image, kernel_size))
    return kernel.tolist()


def learn(loss=lambda e: (e ** 2).sum(), *, start=torch.zeros, sign=-1, more=0, clear=True, bias=False, turn=False,
          give=lambda kernel, gradient: kernel):
    def answer(image, target, kernel_size, *, steps, step_size):
        kernel = start(kernel_size, dtype=torch.float64).requires_grad_()
        offset = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        gradient = torch.zeros(kernel_size)
        for _ in range(steps + more):
            seen = kernel.flip(0, 1) if turn else kernel
            found = F.conv2d(image[None, None], seen[None, None], offset if bias else None)[0, 0]
            loss(found - target).backward()
            gradient = kernel.grad.clone()
            for parameter in (kernel, offset) if bias else (kernel,):
                parameter.data += sign * step_size * parameter.grad
                if clear:
                    parameter.grad.zero_()
        return give(kernel.detach(), gradient)
    return answer


def solved(image, target, kernel_size, *, steps, step_size):
    columns = F.unfold(image[None, None], kernel_size)[0]
    return torch.linalg.solve(columns @ columns.T, columns @ target.reshape(-1)).reshape(kernel_size)


RIGHT = {
    "work_and_memory": (work_by_counting, work_by_formula, work_by_loops),
    "spread_layer": (layer_by_loops, layer_by_view, layer_by_wide_kernel),
    "learned_kernel": (learned_by_autograd, learned_by_layer, learned_by_hand),
}

WRONG = {
    "work_and_memory": {
        "ceil-for-floor": work(lambda n, k, s, p: 1 - (k - n - 2 * p) // s),
        "padding-once": work(lambda n, k, s, p: (n + p - k) // s + 1),
        "padding-ignored": work(lambda n, k, s, p: (n - k) // s + 1),
        "stride-ignored": work(lambda n, k, s, p: n + 2 * p - k + 1),
        "first-window-forgotten": work(lambda n, k, s, p: (n + 2 * p - k) // s),
        "window-at-each-pixel": work(lambda n, k, s, p: n),
        "step-for-each-product": work(windows_on, lambda m, s, col, *_: (m, m, col)),
        "step-for-each-output": work(windows_on, lambda m, s, col, n, c, o, out: (m, n * o * out, col)),
        "columns-for-each-filter": work(windows_on, lambda m, s, col, *_: (m, s, m)),
        "columns-of-one-channel": work(windows_on, lambda m, s, col, n, c, o, out: (m, s, col / c)),
        "columns-counted-once": work(windows_on, lambda m, s, col, n, c, o, out: (m, s, n * out)),
        "one-picture": lambda shape, *a, **o: work_by_counting((1, *shape[1:]), *a, **o),
        "kernel-side-only": work(windows_on, area=lambda k: k[0]),
        "two-per-product": work(windows_on, lambda m, s, col, *_: (m + m, s, col)),
    },
    "spread_layer": {
        "flipped-kernel": lambda x, w, b, **o: layer_by_view(x, np.flip(w, (2, 3)), b, **o),
        "dilation-ignored": layer(taps=lambda d: (1, 1)),
        "dilation-as-gap": layer(taps=lambda d: (d + 1, d + 1)),
        "dilation-in-size-only": cut_to_size,
        "dilation-on-rows-only": layer(taps=lambda d: (d, 1)),
        "dilation-as-stride": steps_of_dilation,
        "stride-ignored": layer(steps=lambda s: (1, 1)),
        "stride-on-rows-only": layer(steps=lambda s: (s, 1)),
        "channels-averaged": lambda x, w, b, **o: layer_by_view(x / len(x), w, b, **o),
        "channels-kept": layer(total="chwab,ocab->ochw", bias=lambda b, c: b[:, None, None, None]),
        "first-channel-only": lambda x, w, b, **o: layer_by_view(x[:1], w[:, :1], b, **o),
        "filters-summed": lambda *a, **o: layer_by_view(*a, **o).sum(0),
        "bias-per-channel": layer(bias=lambda b, c: c * b[:, None, None]),
        "bias-forgotten": layer(bias=lambda b, c: 0),
        "one-bias-for-all": layer(bias=lambda b, c: b[0]),
    },
    "learned_kernel": {
        "gradients-added-up": learn(clear=False),
        "mean-for-sum": learn(lambda e: (e ** 2).mean()),
        "half-steps": learn(lambda e: (e ** 2).sum() / 2),
        "uphill": learn(sign=1),
        "one-step-short": learn(more=-1),
        "one-step-more": learn(more=1),
        "started-at-one": learn(start=torch.ones),
        "absolute-error": learn(lambda e: e.abs().sum()),
        "root-of-the-sum": learn(lambda e: (e ** 2).sum().sqrt()),
        "bias-learned": learn(bias=True),
        "kernel-turned": learn(turn=True),
        "gradient-returned": learn(give=lambda kernel, gradient: gradient),
        "best-at-once": solved,
    },
}
