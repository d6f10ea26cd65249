"""Answers to the assignment of chapter 5."""
import numpy as np
import torch
from torch import nn


def count_by_torch(image, widths, num_classes):
    layers, before = [], image[0]
    for width in widths:
        layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)]
        before = width
    side = [n // 2 ** len(widths) for n in image[1:]]
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * side[0] * side[1], num_classes))
    kept = sum(b.numel() for name, b in net.named_buffers() if "running" in name)
    return [sum(p.numel() for p in net.parameters()), kept]


def count_by_sums(image, widths, num_classes):
    c, h, w = image
    chain = np.array([c, *widths])
    for _ in widths:
        h, w = h // 2, w // 2
    learned = 9 * (chain[:-1] * chain[1:]).sum() + 2 * sum(widths) + chain[-1] * h * w * num_classes + num_classes
    return np.array([learned, 2 * sum(widths)])


def count_in_a_loop(image, widths, num_classes):
    c, h, w = image
    learned = stored = 0
    for o in widths:
        learned += o * (c * 3 * 3) + o + o
        stored += o + o
        c, h, w = o, int(h / 2), int(w / 2)
    return learned + num_classes * (c * h * w) + num_classes, stored


def count(conv=lambda c, o, c0: c * o * 9, norm=lambda o: 2 * o, keep=lambda o, h, w: 2 * o,
          side=lambda n: n // 2, head=lambda c, h, w, k: (c * h * w + 1) * k, both=False):
    def answer(image, widths, k):
        c, h, w = image
        total, kept = 0, 0
        for o in widths:
            total = total + conv(c, o, image[0]) + norm(o)
            kept = kept + keep(o, h, w)
            c, h, w = o, side(h), side(w)
        total += head(c, h, w, k)
        return (total + kept if both else total), kept
    return answer


def loss_by_pixels(scores, labels):
    n, _, h, w = scores.shape
    losses = []
    for i in range(n):
        for r in range(h):
            for c in range(w):
                z = scores[i, :, r, c]
                m = z.max()
                losses.append(m + np.log(np.exp(z - m).sum()) - z[labels[i, r, c]])
    return sum(losses) / len(losses)


def loss_by_rows(scores, labels):
    z = np.moveaxis(scores, 1, -1).reshape(-1, scores.shape[1])
    z = z - z.max(1, keepdims=True)
    logs = z - np.log(np.exp(z).sum(1, keepdims=True))
    return -logs[np.arange(len(z)), labels.ravel()].mean()


def loss_by_logaddexp(scores, labels):
    one_hot = np.moveaxis(np.eye(scores.shape[1])[labels], -1, 1)
    price = np.logaddexp.reduce(scores, axis=1) - (scores * one_hot).sum(axis=1)
    return np.float64(price.mean())


def soft(z, axis=1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def loss(chances=soft, price=lambda p: -np.log(p), total=lambda losses, z: losses.mean()):
    def answer(scores, labels):
        with np.errstate(all="ignore"):
            one_hot = np.moveaxis(np.eye(scores.shape[1], dtype=bool)[labels], -1, 1)
            p = np.where(one_hot, chances(scores), 0).sum(axis=1)
            return total(price(p), scores)
    return answer


def log_sum_unshifted(scores, labels):
    with np.errstate(all="ignore"):
        sums = np.log(np.exp(scores).sum(1))
        i, r, c = np.indices(labels.shape)
        return (sums - scores[i, labels, r, c]).mean()


def log_of_mean(scores, labels):
    p = np.take_along_axis(soft(scores), labels[:, None], 1).mean()
    return -np.log(p) if p > 0 else -np.log(1e-300)


def net_by_loops(weights, x):
    h, w = x.shape[2:]
    k, scores = weights["conv.weight"], []
    for image in x:
        padded = np.zeros((image.shape[0], h + 2, w + 2))
        padded[:, 1:-1, 1:-1] = image
        row = []
        for o in range(len(k)):
            scale = weights["norm.weight"][o] / np.sqrt(weights["norm.running_var"][o] + 1e-5)
            m = np.array([[(padded[:, i:i + 3, j:j + 3] * k[o]).sum() for j in range(w)] for i in range(h)])
            m = (m - weights["norm.running_mean"][o]) * scale + weights["norm.bias"][o]
            m[m < 0] = 0
            row += [m[i:i + 2, j:j + 2].max() for i in range(0, h - 1, 2) for j in range(0, w - 1, 2)]
        scores.append(weights["dense.weight"] @ np.array(row) + weights["dense.bias"])
    return scores


def net_folded(weights, x):
    g = weights["norm.weight"] * (weights["norm.running_var"] + 1e-5) ** -0.5
    k, b = weights["conv.weight"] * g[:, None, None, None], weights["norm.bias"] - weights["norm.running_mean"] * g
    (h, w), x = x.shape[2:], np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    y = b[:, None, None] + sum(np.einsum("nchw,oc->nohw", x[:, :, i:i + h, j:j + w], k[:, :, i, j])
                               for i in range(3) for j in range(3))
    h, w = y.shape[2] // 2 * 2, y.shape[3] // 2 * 2
    y = np.maximum(y[:, :, :h, :w], 0).reshape(*y.shape[:2], h // 2, 2, w // 2, 2).max(axis=(3, 5))
    return y.reshape(len(x), -1) @ weights["dense.weight"].T + weights["dense.bias"]


def net_by_windows(weights, x):
    t = {name: torch.as_tensor(value) for name, value in weights.items()}
    x = torch.zeros(x.shape[0], x.shape[1], x.shape[2] + 2, x.shape[3] + 2, dtype=torch.float64).index_put_(
        tuple(torch.meshgrid(torch.arange(x.shape[0]), torch.arange(x.shape[1]), torch.arange(1, x.shape[2] + 1),
                             torch.arange(1, x.shape[3] + 1), indexing="ij")), torch.as_tensor(x))
    y = torch.einsum("nchwij,ocij->nohw", x.unfold(2, 3, 1).unfold(3, 3, 1), t["conv.weight"])
    wide = [t[f"norm.{n}"][:, None, None] for n in ("running_mean", "running_var", "weight", "bias")]
    y = ((y - wide[0]) / (wide[1] + 1e-5).sqrt() * wide[2] + wide[3]).clamp(min=0)
    y = y.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4).max(dim=4).values
    return y.flatten(1) @ t["dense.weight"].T + t["dense.bias"]


def net_in_float32(weights, x):
    return net_folded({name: value.astype(np.float32) for name, value in weights.items()}, x.astype(np.float32))


def net(conv=lambda x: np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), turn=False, norm="stored", eps=1e-5, order="nrp",
        pool=np.max, flat=(0, 1, 2, 3), bias=True, end=None, affine=True, root=True):
    """Return a network with one thing changed, written with windows and einsum."""
    def answer(weights, x):
        k = weights["conv.weight"]
        k = np.flip(k, (2, 3)) if turn else k
        y = np.einsum("nchwij,ocij->nohw", np.lib.stride_tricks.sliding_window_view(conv(x), (3, 3), axis=(2, 3)), k)
        for letter in order:
            if letter == "r":
                y = y * (y > 0)
            elif letter == "p":
                y = pool(np.lib.stride_tricks.sliding_window_view(y, (2, 2), axis=(2, 3))[:, :, ::2, ::2], axis=(4, 5))
            else:
                mean, var = weights["norm.running_mean"], weights["norm.running_var"]
                if norm == "batch":
                    mean, var = y.mean((0, 2, 3)), y.var((0, 2, 3))
                below = np.sqrt(var + eps) if root else var + eps
                y = (y - mean[:, None, None]) / below[:, None, None]
                if affine:
                    y = y * weights["norm.weight"][:, None, None] + weights["norm.bias"][:, None, None]
        z = y.transpose(flat).reshape(len(y), -1) @ weights["dense.weight"].T
        z = z + weights["dense.bias"] if bias else z
        return end(z) if end else z
    return answer


RIGHT = {
    "learned_and_stored": (count_by_torch, count_by_sums, count_in_a_loop),
    "map_loss": (loss_by_pixels, loss_by_rows, loss_by_logaddexp),
    "network_scores": (net_by_loops, net_folded, net_by_windows, net_in_float32),
}

WRONG = {
    "learned_and_stored": {
        "convolution-bias": count(conv=lambda c, o, c0: c * o * 9 + o),
        "channels-not-passed": count(conv=lambda c, o, c0: c0 * o * 9),
        "kernel-once": count(conv=lambda c, o, c0: c * o * 3),
        "one-slice-a-filter": count(conv=lambda c, o, c0: o * 9),
        "norm-not-learned": count(norm=lambda o: 0),
        "norm-learns-one": count(norm=lambda o: o),
        "stored-as-learned": count(both=True),
        "one-statistic": count(keep=lambda o, h, w: o),
        "statistics-at-each-place": count(keep=lambda o, h, w: 2 * o * h * w),
        "not-pooled": count(side=lambda n: n),
        "rounded-up": count(side=lambda n: n - n // 2),
        "one-number-a-map": count(head=lambda c, h, w, k: c * k + k),
        "head-bias-missing": count(head=lambda c, h, w, k: c * h * w * k),
    },
    "map_loss": {
        "softmax-along-a-row": loss(lambda z: soft(z, -1)),
        "softmax-over-places": loss(lambda z: soft(z, (2, 3))),
        "softmax-over-images": loss(lambda z: soft(z, 0)),
        "softmax-forgotten": loss(lambda z: z, lambda p: -p),
        "softmax-twice": loss(lambda z: soft(soft(z))),
        "sum-for-mean": lambda z, t: loss_by_pixels(z, t) * np.prod(t.shape),
        "mean-over-images-only": lambda z, t: loss_by_rows(z, t) * t.size / len(t),
        "mean-over-classes-too": lambda z, t: loss_by_rows(z, t) / z.shape[1],
        "sign-turned": lambda z, t: -loss_by_rows(z, t),
        "logarithm-forgotten": loss(price=lambda p: 1 - p),
        "log-of-the-mean": log_of_mean,
        "chance-rounded-to-0": loss(),
        "log-clipped": loss(price=lambda p: -np.log(p + 1e-12)),
        "powers-overflow": log_sum_unshifted,
        "softmax-overflows": loss(lambda z: np.exp(z) / np.exp(z).sum(1, keepdims=True)),
    },
    "network_scores": {
        "batch-statistics": net(norm="batch"),
        "relu-before-norm": net(order="rnp"),
        "pool-before-norm": net(order="pnr"),
        "relu-forgotten": net(order="np"),
        "norm-forgotten": net(order="rp"),
        "scale-and-shift-forgotten": net(affine=False),
        "variance-for-deviation": net(root=False),
        "eps-forgotten": net(eps=0),
        "flipped-kernel": net(turn=True),
        "edge-repeated": net(conv=lambda x: np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")),
        "mean-for-max": net(pool=np.mean),
        "channels-last": net(flat=(0, 2, 3, 1)),
        "dense-bias-forgotten": net(bias=False),
        "softmax-at-the-end": net(end=lambda z: soft(z)),
    },
}
