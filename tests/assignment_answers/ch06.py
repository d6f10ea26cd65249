"""Answers to the assignment of chapter 6."""
import numpy as np


def correlate(image, kernel):
    h, w = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    return np.array([[float(np.sum(image[i:i + kernel.shape[0], j:j + kernel.shape[1]] * kernel))
                      for j in range(w)] for i in range(h)])


def change_by_loops(image, kernel, target, place, step):
    y, slope = correlate(image, kernel), 0.0
    for i in range(len(target)):
        for j in range(len(target[0])):
            slope += (y[i][j] - target[i][j]) * image[i + place[0]][j + place[1]]
    return slope * step


def change_by_differences(image, kernel, target, place, step):
    def value(move):
        moved = kernel.copy()
        moved[place] += move
        return 0.5 * np.square(correlate(image, moved) - target).sum()
    return step * (value(0.5) - value(-0.5))


def change_by_matrix(image, kernel, target, place, step):
    kh, kw = kernel.shape
    columns = np.lib.stride_tricks.sliding_window_view(image.astype(np.float32), kernel.shape).reshape(-1, kh * kw)
    gradient = columns.T @ (columns @ kernel.ravel() - target.ravel())
    return gradient.reshape(kh, kw)[place] * step


def change(g=lambda y, t: y - t, reduce=np.sum, start=lambda at, k: at, scale=lambda s: s, forward=correlate):
    """Return a prediction with one thing changed."""
    def answer(image, kernel, target, place, step):
        sent = g(forward(image, kernel), target)
        row, col = start(place, kernel.shape)
        return scale(step) * reduce(sent * image[row:row + len(sent), col:col + sent.shape[1]])
    return answer


def energy(image, kernel, target):
    return np.sum((correlate(image, kernel) - target) ** 2) / 2


def real_change(image, kernel, target, place, step):
    after = kernel.copy()
    after[place] = after[place] + step
    return energy(image, after, target) - energy(image, kernel, target)


def bias_change(image, kernel, target, place, step):
    return step * (correlate(image, kernel) - target).sum()


def first_window(image, kernel, target, place, step):
    return (correlate(image, kernel)[0, 0] - target[0, 0]) * image[place] * step


def signal_by_loops(grad_output, weight, length, *, stride=1, padding=0, dilation=1):
    n, c_out, outputs = grad_output.shape
    result = np.zeros((n, weight.shape[1], length), dtype=np.float32)
    for b in range(n):
        for o in range(c_out):
            for i in range(outputs):
                for k in range(weight.shape[2]):
                    place = i * stride - padding + k * dilation
                    if 0 <= place < length:
                        result[b, :, place] += grad_output[b, o, i] * weight[o, :, k]
    return result


def signal_by_matrix(grad_output, weight, length, stride=1, padding=0, dilation=1):
    """Write the layer as a matrix and use its transpose."""
    c_out, c_in, kernel = weight.shape
    outputs = grad_output.shape[2]
    matrix = np.zeros((c_out, outputs, c_in, length + 2 * padding))
    for i in range(outputs):
        for k in range(kernel):
            matrix[:, i, :, i * stride + k * dilation] += weight[:, :, k]
    matrix = matrix[..., padding:padding + length].reshape(c_out * outputs, -1)
    return (grad_output.reshape(len(grad_output), -1) @ matrix).reshape(-1, c_in, length)


def signal_by_full_correlation(grad_output, weight, length, *, stride=1, padding=0, dilation=1):
    """Put zeros between and around, and slide the turned filters."""
    (n, c_out, outputs), kernel = grad_output.shape, weight.shape[2]
    reach = dilation * (kernel - 1)
    wide = np.zeros((n, c_out, length + 2 * padding + reach))
    wide[:, :, reach:reach + outputs * stride:stride] = grad_output
    slices = [wide[:, :, k * dilation:k * dilation + length + 2 * padding] for k in range(kernel)]
    full = sum(np.einsum("nol,oc->ncl", part, weight[:, :, kernel - 1 - k]) for k, part in enumerate(slices))
    return full[:, :, padding:padding + length]


def signal(at=lambda i, k, s, p, d: i * s + k * d - p, pay=lambda g, w: np.einsum("no,oc->nc", g, w), add=True,
           taps=lambda w: w, short=False, share=lambda g, w: 1):
    """Return a loop over outputs and weights with one thing changed."""
    def answer(grad_output, weight, length, *, stride=1, padding=0, dilation=1):
        w, outputs = taps(weight), grad_output.shape[2]
        places = {}
        for i in range(outputs):
            for k in range(w.shape[2]):
                place, payment = at(i, k, stride, padding, dilation), pay(grad_output[:, :, i], w[:, :, k])
                places[place] = places[place] + payment if add and place in places else payment
        end = length
        if short:
            end = min(length, (outputs - 1) * stride + dilation * (w.shape[2] - 1) + 1 - 2 * padding)
        nothing = np.zeros((len(grad_output), weight.shape[1]))
        return np.stack([places.get(j, nothing) for j in range(end)], axis=-1) / share(grad_output, weight)
    return answer


def softmax(z, axis=1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def tied_by_images(x, labels, weight):
    total = np.zeros(weight.shape)
    for image, label in zip(x, labels, strict=True):
        z = weight @ image
        h = np.where(z > 0, z, 0)
        scores = h @ weight
        g = np.exp(scores - scores.max())
        g /= g.sum()
        g[label] -= 1
        back = (weight @ g) * (z > 0)
        total += np.outer(back, image) + np.outer(h, g)
    return (total / len(x)).tolist()


def tied_in_float32(x, labels, weight):
    x, weight = x.astype(np.float32), weight.astype(np.float32)
    h = (x @ weight.T).clip(min=0)
    g = softmax(h @ weight)
    g[np.arange(len(x)), labels] -= 1
    g /= len(x)
    on = (h > 0).astype(np.float32)
    return np.einsum("nd,hd,nh,ne->he", g, weight, on, x) + h.T @ g


def tied_by_nudges(x, labels, weight):
    def loss(w):
        z = np.maximum(x @ w.T, 0) @ w
        z = z - z.max(1, keepdims=True)
        return np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(len(x)), labels])
    gradient, h = np.zeros_like(weight), 1e-5
    for index in np.ndindex(weight.shape):
        move = np.zeros_like(weight)
        move[index] = h
        gradient[index] = (loss(weight + move) - loss(weight - move)) / (2 * h)
    return gradient


def tied(first=True, second=True, off=True, bend=True, axis=1, start=None, finish=lambda grad, x: grad / len(x)):
    """Return both ways of the weights with one thing changed."""
    def answer(x, labels, weight):
        z = np.dot(x, weight.T)
        h = z * (z > 0) if bend else z
        scores = np.dot(h, weight)
        y = np.zeros_like(scores)
        y[range(len(x)), labels] = 1
        g = softmax(scores, axis) - y if start is None else start(scores, y)
        back = g @ weight.T
        if off == "gradient":
            back = back * (back > 0)
        elif off and bend:
            back = back * (z > 0)
        return finish(first * (back.T @ x) + second * (h.T @ g), x)
    return answer


RIGHT = {
    "predicted_change": (change_by_loops, change_by_differences, change_by_matrix),
    "signal_gradient": (signal_by_loops, signal_by_matrix, signal_by_full_correlation),
    "tied_gradient": (tied_by_images, tied_in_float32, tied_by_nudges),
}

WRONG = {
    "predicted_change": {
        "exact-change": real_change,
        "loss-after-the-nudge": lambda x, w, t, at, s: energy(x, w, t) + change_by_loops(x, w, t, at, s),
        "slope-only": change(scale=lambda s: 1),
        "target-minus-output": change(g=lambda y, t: t - y),
        "half-forgotten": change(g=lambda y, t: 2 * (y - t)),
        "mean-of-outputs": change(reduce=np.mean),
        "target-forgotten": change(g=lambda y, t: y),
        "one-window": first_window,
        "pixels-forgotten": bias_change,
        "first-pixels": change(start=lambda at, k: (0, 0)),
        "kernel-turned": change(start=lambda at, k: (k[0] - 1 - at[0], k[1] - 1 - at[1])),
        "row-col-swapped": change(start=lambda at, k: (at[1], at[0])),
        "flipped-forward": change(forward=lambda x, w: correlate(x, np.rot90(w, 2))),
    },
    "signal_gradient": {
        "kernel-turned-wrongly": signal(taps=lambda w: np.flip(w, 2)),
        "stride-ignored": signal(at=lambda i, k, s, p, d: i + k * d - p),
        "dilation-ignored": signal(at=lambda i, k, s, p, d: i * s + k - p),
        "stride-for-dilation": signal(at=lambda i, k, s, p, d: i * d + k * s - p),
        "padding-ignored": signal(at=lambda i, k, s, p, d: i * s + k * d),
        "padding-cut-twice": signal(at=lambda i, k, s, p, d: i * s + k * d - 2 * p),
        "overwritten": signal(add=False),
        "filters-before-products": signal(pay=lambda g, w: np.outer(g.sum(axis=1), w.sum(axis=0))),
        "first-filter-only": signal(pay=lambda g, w: np.outer(g[:, 0], w[0])),
        "mean-of-filters": signal(share=lambda g, w: w.shape[0]),
        "mean-of-batch": signal(share=lambda g, w: g.shape[0]),
        "weights-forgotten": signal(pay=lambda g, w: np.repeat(g.sum(axis=1)[:, None], w.shape[1], axis=1)),
        "rest-dropped": signal(short=True),
    },
    "tied_gradient": {
        "second-use-only": tied(first=False),
        "first-use-only": tied(second=False),
        "mean-of-uses": tied(finish=lambda grad, x: grad / 2 / len(x)),
        "mask-forgotten": tied(off=False),
        "relu-of-gradient": tied(off="gradient"),
        "no-relu": tied(bend=False),
        "not-divided-by-the-batch": tied(finish=lambda grad, x: grad),
        "divided-by-all-scores": tied(finish=lambda grad, x: grad / x.size),
        "sign-turned": tied(finish=lambda grad, x: -grad / len(x)),
        "right-class-forgotten": tied(start=lambda z, y: softmax(z)),
        "softmax-forgotten": tied(start=lambda z, y: z - y),
        "softmax-over-the-batch": tied(axis=0),
    },
}
