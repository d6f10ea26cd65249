"""Answers to the assignment of chapter 9: saliency and a climb; the covering stands in its own module."""
import numpy as np
import torch
import torch.nn.functional as F

from tests.assignment_answers import covering_ch09


def saliency_loops(picture, filters, biases, weights, target):
    channels, height, width = picture.shape
    found = [[0.0] * width for _ in range(height)]
    for i in range(height):
        for j in range(width):
            slopes = [0.0] * channels
            for k, row in enumerate(filters):
                if sum(row[c] * picture[c, i, j] for c in range(channels)) + biases[k] > 0:
                    slopes = [slope + weights[target, k] * w for slope, w in zip(slopes, row, strict=True)]
            found[i][j] = max(abs(slope) for slope in slopes) / (height * width)
    return found


def saliency_by_matrices(picture, filters, biases, weights, target):
    pixels = picture.reshape(len(picture), -1)
    closed = filters @ pixels + biases[:, None] <= 0
    back = np.repeat(weights[target][:, None], pixels.shape[1], axis=1) / pixels.shape[1]
    back[closed] = 0
    return abs(filters.T @ back).max(axis=0).reshape(picture.shape[1:])


def saliency_by_differences(picture, filters, biases, weights, target):
    """Move each number a little: within a linear piece the difference is the slope."""
    def score(x):
        return weights[target] @ np.maximum(np.tensordot(filters, x, 1) + biases[:, None, None], 0).mean(axis=(1, 2))
    slopes = np.zeros(picture.shape)
    for place in np.ndindex(picture.shape):
        more, less = picture.copy(), picture.copy()
        more[place] += 1e-3
        less[place] -= 1e-3
        slopes[place] = (score(more) - score(less)) / 2e-3
    return np.abs(slopes).max(axis=0).astype(np.float32)


def backward(*, gate=lambda z, a: (z > 0) * 1.0, bias=True, row=lambda w, t, a: w[t], divide=True,
             finish=lambda g, x: np.abs(g).max(0), into=lambda f, back: np.tensordot(f.T, back, 1)):
    """Return a way back by hand with one line changed."""
    def answer(picture, filters, biases, weights, target):
        z = np.tensordot(filters, picture, 1)
        if bias:
            z = z + biases.reshape(-1, 1, 1)
        a = np.where(z > 0, z, 0)
        back = row(weights, target, a)[:, None, None] * gate(z, a)
        return finish(into(filters, back / a[0].size if divide else back), picture)
    return answer


def softmax_row(weights, target, a):
    p = torch.tensor(weights @ a.mean((1, 2))).softmax(0).numpy()
    return p[target] * (weights[target] - (p[:, None] * weights).sum(0))


def climb_by_backward(filters, biases, start, channel, steps, lr, decay):
    x = start.clone().requires_grad_()
    for _ in range(steps):
        F.relu(F.conv2d(x.unsqueeze(0), filters, biases))[0, channel].mean().backward()
        with torch.no_grad():
            x += lr * x.grad
            x *= 1 - decay
        x.grad = None
    return x


def climb_by_optimizer(filters, biases, start, channel, steps, lr, decay):
    layer = torch.nn.Conv2d(filters.shape[1], filters.shape[0], filters.shape[2:])
    with torch.no_grad():
        layer.weight.copy_(filters)
        layer.bias.copy_(biases)
    picture = torch.nn.Parameter(start[None].clone())
    optimizer = torch.optim.SGD([picture], lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        (-layer(picture).clamp(min=0)[:, channel].mean()).backward()
        optimizer.step()
        picture.data.mul_(1 - decay)
    return picture[0].detach().numpy().tolist()


def climb_by_hand(filters, biases, start, channel, steps, lr, decay):
    """Spread each open place's share over its window, in NumPy."""
    weight, bias, x = filters.numpy()[channel], float(biases[channel]), start.numpy().astype(float)
    kh, kw = weight.shape[1:]
    for _ in range(steps):
        slope, places = np.zeros_like(x), list(np.ndindex(x.shape[1] - kh + 1, x.shape[2] - kw + 1))
        for i, j in places:
            if (x[:, i:i + kh, j:j + kw] * weight).sum() + bias > 0:
                slope[:, i:i + kh, j:j + kw] += weight / len(places)
        x = (x + lr * slope) * (1 - decay)
    return x


def climb(goal=lambda maps, c: maps.relu()[c].mean(), step=lambda x, g, lr, d: (x + lr * g) * (1 - d), *,
          count=lambda steps: range(steps), filters_as=lambda f: f, wipe=True, first=False, unit=False):
    """Return a climb with one line changed."""
    def answer(filters, biases, start, channel, steps, lr, decay):
        x, kept = start.clone().requires_grad_(), None
        for _ in count(steps):
            goal(F.conv2d(x[None], filters_as(filters), biases)[0], channel).backward()
            g = x.grad.clone()
            if wipe:
                x.grad.zero_()
            kept = g if kept is None else kept
            g = kept if first else g
            if unit and g.norm() > 0:
                g = g / g.norm()
            x.data = step(x.data, g, lr, decay)
        return x.detach()
    return answer


RIGHT = {
    "pixel_saliency": (saliency_loops, saliency_by_matrices, saliency_by_differences),
    "climb": (climb_by_backward, climb_by_optimizer, climb_by_hand),
    "covered_scores": covering_ch09.RIGHT,
}

WRONG = {
    "pixel_saliency": {
        "relu-forgotten": backward(gate=lambda z, a: np.ones(z.shape)),
        "biases-forgotten": backward(bias=False),
        "value-for-slope": backward(gate=lambda z, a: a),
        "positive-weights-alone": backward(row=lambda w, t, a: np.where(w[t] > 0, w[t], 0)),
        "average-forgotten": backward(divide=False),
        "picture-times-slope": backward(finish=lambda g, x: np.abs(g * x).max(0)),
        "signs-kept": backward(finish=lambda g, x: g.max(0)),
        "size-too-early": backward(into=lambda f, back: np.tensordot(abs(f).T, abs(back), 1)),
        "channels-added": backward(finish=lambda g, x: np.abs(g).sum(0)),
        "channels-averaged": backward(finish=lambda g, x: np.abs(g).mean(0)),
        "all-classes": backward(row=lambda w, t, a: w.sum(0)),
        "classes-from-one": backward(row=lambda w, t, a: w[t - 1]),
        "chance-for-score": backward(row=softmax_row),
    },
    "climb": {
        "downhill": climb(step=lambda x, g, lr, d: (x - lr * g) * (1 - d)),
        "decay-ignored": climb(step=lambda x, g, lr, d: x + lr * g),
        "decay-before-the-step": climb(step=lambda x, g, lr, d: x - d * x + lr * g),
        "decay-times-the-rate": climb(step=lambda x, g, lr, d: x + lr * g - lr * d * x),
        "decay-kept": climb(step=lambda x, g, lr, d: d * (x + lr * g)),
        "relu-forgotten": climb(lambda maps, c: maps[c].mean()),
        "sum-for-mean": climb(lambda maps, c: maps.relu()[c].sum()),
        "max-for-mean": climb(lambda maps, c: maps.relu()[c].max()),
        "all-channels": climb(lambda maps, c: maps.relu().mean()),
        "gradients-add-up": climb(wipe=False),
        "gradient-of-the-start": climb(first=True),
        "steps-of-one-length": climb(unit=True),
        "flipped-filters": climb(filters_as=lambda f: torch.rot90(f, 2, dims=(2, 3))),
        "one-step-missing": climb(count=lambda steps: range(1, steps)),
        "one-step-too-many": climb(count=lambda steps: range(steps + 1)),
    },
    "covered_scores": covering_ch09.WRONG,
}
