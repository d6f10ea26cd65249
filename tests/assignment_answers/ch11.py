"""Answers to the assignment of chapter 11."""
import math

import numpy as np
import torch


def cost_by_parts(queries, keys, embed_dim, num_heads):
    one = embed_dim * (embed_dim + 1)
    macs = 0
    for tokens in (queries, keys, keys, queries):
        macs += tokens * embed_dim * embed_dim
    part = embed_dim // num_heads
    for _ in range(num_heads):
        macs += queries * keys * part + queries * part * keys
    return 4 * one, macs, num_heads * queries * keys


def cost_by_layer(queries, keys, embed_dim, num_heads):
    layer = torch.nn.MultiheadAttention(embed_dim, num_heads, device="meta")
    count = sum(p.numel() for p in layer.parameters())
    weights = np.zeros((num_heads, queries, keys)).size
    return [count, 2 * embed_dim * (embed_dim * (queries + keys) + queries * keys), weights]


def cost_factored(queries, keys, embed_dim, num_heads):
    shared = queries + keys
    return np.array([(2 * embed_dim + 1) ** 2 - 1, 2.0 * embed_dim * (shared * embed_dim + queries * keys),
                     queries * keys * num_heads])


def cost(parameters=4, bias=True, macs=lambda q, k, d, h: 2 * q * d * d + 2 * k * d * d + 2 * q * k * d,
         weights=lambda q, k, h: h * q * k):
    def answer(queries, keys, embed_dim, num_heads):
        count = parameters(num_heads) if callable(parameters) else parameters
        return (count * (embed_dim**2 + (embed_dim if bias else 0)), macs(queries, keys, embed_dim, num_heads),
                weights(queries, keys, num_heads))
    return answer


def softmax_of(row):
    row = [math.exp(each - max(row)) for each in row]
    return [each / sum(row) for each in row]


def loops(x, memory, w_q, w_k, w_v, w_o, num_heads):
    query, key, value = x.dot(w_q), memory.dot(w_k), memory.dot(w_v)
    size = query.shape[1] // num_heads
    rows = []
    for q in query:
        row = []
        for head in range(num_heads):
            part = slice(head * size, (head + 1) * size)
            shares = softmax_of([float(np.dot(q[part], k[part])) / math.sqrt(size) for k in key])
            row.extend(sum(share * v[part] for share, v in zip(shares, value, strict=True)))
        rows.append(row)
    return (np.array(rows) @ w_o).tolist()


def side_by_side(x, memory, w_q, w_k, w_v, w_o, num_heads):
    out = 0
    columns = [np.array_split(w, num_heads, axis=1) for w in (w_q, w_k, w_v)]
    for q, k, v, o in zip(*columns, np.array_split(w_o, num_heads, axis=0), strict=True):
        scores = (x @ q) @ (memory @ k).T / q.shape[1] ** 0.5
        shares = np.exp(scores)
        out = out + shares / shares.sum(1, keepdims=True) @ (memory @ v) @ o
    return out


def in_float32(x, memory, w_q, w_k, w_v, w_o, num_heads):
    arrays = (x, memory, w_q, w_k, w_v, w_o)
    x, memory, w_q, w_k, w_v, w_o = (torch.tensor(each, dtype=torch.float32) for each in arrays)
    q, k, v = ((t @ w).unflatten(1, (num_heads, -1)) for t, w in ((x, w_q), (memory, w_k), (memory, w_v)))
    shares = (torch.einsum("lhe,she->hls", q, k) * q.shape[2] ** -0.5).softmax(2)
    return torch.einsum("hls,she->lhe", shares, v).flatten(1) @ w_o


def heads(divide=lambda d, h: (d // h) ** 0.5, axis=2, split=None, join=None, last=True, order="xmm", turn=False):
    """Return attention with one line changed; order names the sequences of query, key and value."""
    def answer(x, memory, w_q, w_k, w_v, w_o, num_heads):
        tokens = {"x": x, "m": memory}
        matrices = [w.T if turn else w for w in (w_q, w_k, w_v)]
        cut = split or (lambda t, h: t.reshape(t.shape[0], h, t.shape[1] // h).transpose(1, 0, 2))
        q, k, v = (cut(tokens[name] @ w, num_heads) for name, w in zip(order, matrices, strict=True))
        scores = np.einsum("hle,hse->hls", q, k) / divide(x.shape[1], num_heads)
        if axis is not None:
            scores = np.exp(scores - scores.max(axis=axis, keepdims=True))
            scores = scores / scores.sum(axis=axis, keepdims=True)
        mixed = np.einsum("hls,hse->hle", scores, v)
        out = join(mixed) if join else np.concatenate(list(mixed), axis=1)
        return out @ (w_o.T if turn else w_o) if last else out
    return answer


def single(x, memory, w_q, w_k, w_v, w_o, num_heads):
    return loops(x, memory, w_q, w_k, w_v, w_o, 1)


def key_as_value(x, memory, w_q, w_k, w_v, w_o, num_heads):
    return loops(x, memory, w_q, w_k, w_k, w_o, num_heads)


def interleaved(x, memory, w_q, w_k, w_v, w_o, num_heads):
    out = np.zeros(x.shape)
    for head in range(num_heads):
        q, k, v = x @ w_q[:, head::num_heads], memory @ w_k[:, head::num_heads], memory @ w_v[:, head::num_heads]
        out[:, head::num_heads] = [np.dot(softmax_of(list(row)), v) for row in q @ k.T / np.sqrt(q.shape[1])]
    return out @ w_o


def distance_by_loops(weights, grid):
    rows, columns = grid
    found = []
    for head in weights:
        total = 0
        for i in range(rows * columns):
            share = distance = 0
            for j in range(rows * columns):
                weight = head[1 + i, 1 + j]
                share += weight
                distance += weight * math.hypot(i // columns - j // columns, i % columns - j % columns)
            total += distance / share
        found.append(total / (rows * columns))
    return found


def distance_by_broadcasting(weights, grid):
    y, x = (each.ravel() for each in np.meshgrid(*map(np.arange, grid), indexing="ij"))
    apart = np.hypot(y[:, None] - y, x[:, None] - x)
    kept = weights[:, 1:, 1:] / weights[:, 1:, 1:].sum(axis=-1, keepdims=True)
    return np.einsum("hij,ij->h", kept, apart) / len(y)


def distance_by_torch(weights, grid):
    places = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float32) for n in grid))
    seen = torch.tensor(weights, dtype=torch.float32)[:, 1:, 1:]
    return ((seen * torch.cdist(places, places)).sum(-1) / seen.sum(-1)).mean(-1)


def distance(measure=lambda y, x: (y * y + x * x) ** 0.5, cut=lambda w: w[:, 1:, 1:], per_row=True, scale=True,
             wide=1, keep_own=True, last=None):
    def answer(weights, grid):
        weights = cut(weights)
        n = weights.shape[1]
        number = np.arange(n)
        y, x = number // grid[wide], number % grid[wide]
        apart = measure(abs(y[:, None] - y[None]), abs(x[:, None] - x[None]))
        if not keep_own:
            weights = weights * (1 - np.eye(n))
        sums, shares = (weights * apart).sum(axis=2), weights.sum(axis=2)
        if not per_row:
            return sums.sum(axis=1) / shares.sum(axis=1)
        out = (sums / shares if scale else sums).mean(axis=1)
        return last(out) if last else out
    return answer


def farthest_share(weights, grid):
    cells = [(r, c) for r in range(grid[0]) for c in range(grid[1])]
    return [np.mean([math.dist(cells[i], cells[int(np.argmax(head[i + 1, 1:]))]) for i in range(len(cells))])
            for head in weights]


def in_one_line(weights, grid):
    w = weights[:, 1:, 1:]
    n = np.arange(w.shape[1])
    return ((w * abs(n[:, None] - n)).sum(2) / w.sum(2)).mean(1)


def all_the_same(weights, grid):
    return distance()(np.ones_like(weights), grid)


RIGHT = {
    "cross_attention_cost": (cost_by_parts, cost_by_layer, cost_factored),
    "many_heads": (loops, side_by_side, in_float32),
    "looking_distance": (distance_by_loops, distance_by_broadcasting, distance_by_torch),
}

WRONG = {
    "cross_attention_cost": {
        "self-attention": lambda q, k, d, h: cost_by_parts(q, q, d, h),
        "joined-sequences": lambda q, k, d, h: cost_by_parts(q + k, q + k, d, h),
        "all-made-of-queries": cost(macs=lambda q, k, d, h: 4 * q * d**2 + 2 * q * k * d),
        "output-over-keys": cost(macs=lambda q, k, d, h: q * d**2 + 3 * k * d**2 + 2 * q * k * d),
        "no-output-projection": cost(3, macs=lambda q, k, d, h: d * d * (q + k + k) + 2 * q * k * d),
        "biases-forgotten": cost(bias=False),
        "parameters-per-head": cost(lambda h: 4 * h),
        "pairs-per-head": cost(macs=lambda q, k, d, h: 2 * (q + k) * d * d + h * 2 * q * k * d),
        "one-head-of-pairs": cost(macs=lambda q, k, d, h: 2 * (q + k) * d * d + 2 * q * k * (d // h)),
        "scores-only": cost(macs=lambda q, k, d, h: 2 * (q + k) * d * d + q * k * d),
        "pairs-forgotten": cost(macs=lambda q, k, d, h: 2 * (q + k) * d * d),
        "weights-of-one-head": cost(weights=lambda q, k, h: q * k),
        "two-per-mac": cost(macs=lambda q, k, d, h: 4 * ((q + k) * d * d + q * k * d)),
    },
    "many_heads": {
        "one-head": single,
        "divided-by-whole-width": heads(lambda d, h: math.sqrt(d)),
        "divided-by-part": heads(lambda d, h: d // h),
        "not-divided": heads(lambda d, h: 1),
        "every-hth-number": interleaved,
        "tokens-torn": heads(split=lambda t, h: t.reshape(h, t.shape[0], -1)),
        "joined-in-wrong-order": heads(join=lambda m: m.ravel().reshape(m.shape[1], m.shape[0] * m.shape[2])),
        "no-output-matrix": heads(last=False),
        "self-attention": lambda x, memory, *rest: side_by_side(x, x, *rest),
        "sequences-swapped": heads(order="mxx"),
        "keys-for-values": key_as_value,
        "softmax-over-queries": heads(axis=1),
        "softmax-over-heads": heads(axis=0),
        "no-softmax": heads(axis=None),
        "turned-matrices": heads(turn=True),
    },
    "looking_distance": {
        "last-token-dropped": distance(cut=lambda w: w[:, :-1, :-1]),
        "shares-not-of-patches": distance(scale=False),
        "patches-weighted": distance(per_row=False),
        "asked-for-asking": distance(cut=lambda w: w.transpose(0, 2, 1)[:, 1:, 1:]),
        "steps-added": distance(lambda y, x: y + x),
        "longer-step": distance(np.maximum),
        "squared": distance(lambda y, x: y * y + x * x),
        "a-line": in_one_line,
        "rows-for-columns": distance(wide=0),
        "itself-left-out": distance(keep_own=False),
        "strongest-alone": farthest_share,
        "weights-unused": all_the_same,
        "heads-averaged": distance(last=np.mean),
    },
}
