"""Answers to the assignment of chapter 8."""
import numpy as np
import torch


def moves_by_loop(weights, channels, learned, learns, training):
    parameters = statistics = 0
    for i, weight in enumerate(weights):
        if learned[i] and learns[i]:
            parameters += weight + channels[i] + channels[i]
        if training[i]:
            statistics += 2 * channels[i]
    return parameters, statistics


def moves_by_arrays(weights, channels, learned, learns, training):
    weights, channels = np.array(weights), np.array(channels)
    step = np.array(learned) & np.array(learns)
    return np.array([np.where(step, weights + 2 * channels, 0).sum(), 2 * channels[np.array(training)].sum()])


def moves_by_products(weights, channels, learned, learns, training):
    sizes = torch.tensor(weights, dtype=torch.float32) + 2 * torch.tensor(channels)
    flags = torch.tensor(learned).float() * torch.tensor(learns).float()
    return [float(sizes @ flags), 2.0 * sum(c for c, mode in zip(channels, training, strict=True) if mode)]


def moves(step, statistics, size=lambda w, c: w + 2 * c):
    def answer(weights, channels, learned, learns, training):
        first = second = 0
        for w, c, was, now, mode in zip(weights, channels, learned, learns, training, strict=True):
            first += size(w, c) if step(was, now) else 0
            second += statistics(c, was, now, mode)
        return [first, second]
    return answer


def both(was, now):
    return was and now


def in_training(c, was, now, mode):
    return 2 * c * mode


def probe_solved(train_maps, train_labels, test_maps, classes, ridge):
    train, test = train_maps.mean(dim=(2, 3)), test_maps.mean(dim=(2, 3))
    middle = train.mean(dim=0)
    targets = torch.nn.functional.one_hot(train_labels, classes).float()
    share = targets.mean(dim=0)
    centered = train - middle
    weights = torch.linalg.solve(centered.T @ centered + ridge * torch.eye(train.shape[1]),
                                 centered.T @ (targets - share))
    return (test - middle) @ weights + share


def probe_by_more_rows(train_maps, train_labels, test_maps, classes, ridge):
    """The penalty as further rows of a plain least-squares fit, with a column of ones for the biases."""
    train = train_maps.numpy().mean(axis=-1).mean(axis=-1)
    features = train.shape[1]
    rows = np.vstack([np.hstack([train, np.ones((len(train), 1))]),
                      np.hstack([np.sqrt(ridge) * np.eye(features), np.zeros((features, 1))])])
    wanted = np.zeros((len(rows), classes))
    wanted[np.arange(len(train)), train_labels.numpy()] = 1
    found = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    return (test_maps.numpy().mean(axis=(2, 3)) @ found[:-1] + found[-1]).tolist()


def probe_by_pictures(train_maps, train_labels, test_maps, classes, ridge):
    """The same weights from products of pictures with pictures."""
    train, test = train_maps.flatten(2).double().mean(dim=2), test_maps.flatten(2).double().mean(dim=2)
    targets = (train_labels[:, None] == torch.arange(classes)).double()
    middle, share = train.mean(dim=0), targets.mean(dim=0)
    train, test = train - middle, test - middle
    products = train @ train.T + ridge * torch.eye(len(train), dtype=torch.float64)
    return share + test @ train.T @ torch.linalg.inv(products) @ (targets - share)


def probe(pool=lambda maps: maps.mean(dim=(2, 3)), *, targets=(0.0, 1.0), shift="train", add=True,
          penalty=lambda ridge, count: ridge, finish=lambda scores: scores):
    """Return a probe with one line changed."""
    def answer(train_maps, train_labels, test_maps, classes, ridge):
        train, test = pool(train_maps.double()), pool(test_maps.double())
        wanted = torch.full((len(train), classes), targets[0], dtype=torch.float64)
        wanted[range(len(train)), train_labels] = targets[1]
        moved = train - train.mean(0)
        table = moved.T @ moved + penalty(ridge, len(train)) * torch.eye(moved.shape[1], dtype=torch.float64)
        weights = torch.linalg.pinv(table) @ moved.T @ (wanted - wanted.mean(0))
        middle = {"train": train.mean(0), "test": test.mean(0), "none": 0.0}[shift]
        scores = (test - middle) @ weights
        return finish(scores + wanted.mean(0) if add else scores)
    return answer


def without_biases(train_maps, train_labels, test_maps, classes, ridge):
    v, t = train_maps.mean((2, 3)), test_maps.mean((2, 3))
    y = torch.nn.functional.one_hot(train_labels, classes).float()
    return t @ torch.linalg.solve(v.T @ v + ridge * torch.eye(v.shape[1]), v.T @ y)


def ones_column(train_maps, train_labels, test_maps, classes, ridge):
    v, t = (torch.cat([m.mean((2, 3)), torch.ones(len(m), 1)], dim=1) for m in (train_maps, test_maps))
    y = torch.nn.functional.one_hot(train_labels, classes).float()
    return t @ torch.linalg.solve(v.T @ v + ridge * torch.eye(v.shape[1]), v.T @ y)


def nearest_by_table(vectors, kinds, leaves):
    vectors, kinds, leaves = vectors.double(), torch.tensor(kinds), torch.tensor(leaves)
    far = torch.cdist(vectors, vectors)
    shares = []
    for out in (torch.eye(len(kinds), dtype=torch.bool), leaves[:, None] == leaves):
        nearest = far.masked_fill(out, torch.inf).argmin(dim=1)
        shares.append((kinds[nearest] == kinds).double().mean())
    return torch.stack(shares)


def nearest_by_loops(vectors, kinds, leaves):
    rows = vectors.tolist()
    hits = [0, 0]
    for i, row in enumerate(rows):
        others = sorted((sum((a - b) ** 2 for a, b in zip(row, other, strict=True)), j)
                        for j, other in enumerate(rows) if j != i)
        hits[0] += kinds[others[0][1]] == kinds[i]
        hits[1] += next(kinds[j] == kinds[i] for _, j in others if leaves[j] != leaves[i])
    return hits[0] / len(rows), hits[1] / len(rows)


def nearest_by_products(vectors, kinds, leaves):
    """The squared distance from products: |a|^2 - 2 ab + |b|^2, in float32."""
    x, kinds, leaves = vectors.numpy(), np.array(kinds), np.array(leaves)
    squares = (x ** 2).sum(1)
    far = squares[:, None] - 2 * x @ x.T + squares
    first = far + np.diag(np.full(len(x), np.inf))
    second = np.where(leaves[:, None] == leaves[None], np.inf, far)
    return [float(np.mean(kinds[each.argmin(1)] == kinds)) for each in (first, second)]


def nearest(far=torch.cdist, masks=("self", "leaf"), judge="kind"):
    def answer(vectors, kinds, leaves):
        kinds, leaves = torch.tensor(kinds), torch.tensor(leaves)
        equal = {"self": torch.eye(len(kinds), dtype=torch.bool), "leaf": leaves[:, None] == leaves,
                 "kind": kinds[:, None] == kinds, "none": torch.zeros(len(kinds), len(kinds), dtype=torch.bool)}
        table = far(vectors.double(), vectors.double())
        hits = []
        for mask in masks:
            best = torch.where(equal[mask], torch.inf, table).argmin(dim=1)
            hits.append(float(equal[judge][range(len(kinds)), best].double().mean()))
        return hits
    return answer


def lost_places(vectors, kinds, leaves):
    found = [0, 0]
    for i in range(len(kinds)):
        for number, others in enumerate(([j for j in range(len(kinds)) if j != i],
                                         [j for j in range(len(kinds)) if leaves[j] != leaves[i]])):
            best = int((vectors[others] - vectors[i]).norm(dim=1).argmin())
            found[number] += kinds[best] == kinds[i]
    return found[0] / len(kinds), found[1] / len(kinds)


RIGHT = {
    "what_moves": (moves_by_loop, moves_by_arrays, moves_by_products),
    "probe_scores": (probe_solved, probe_by_more_rows, probe_by_pictures),
    "nearest_right": (nearest_by_table, nearest_by_loops, nearest_by_products),
}

WRONG = {
    "what_moves": {
        "optimizer-forgotten": moves(lambda was, now: now, in_training),
        "frozen-moves": moves(lambda was, now: was, in_training),
        "one-is-enough": moves(lambda was, now: was or now, in_training),
        "norm-forgotten": moves(both, in_training, lambda w, c: w),
        "one-number-per-channel": moves(both, in_training, lambda w, c: w + c),
        "statistics-as-parameters": moves(both, in_training, lambda w, c: w + 2 * c + 2 * c),
        "held-by-freezing": moves(both, lambda c, was, now, mode: 2 * c if now and mode else 0),
        "statistics-with-the-step": moves(both, lambda c, was, now, mode: 2 * c if was and now else 0),
        "modes-turned-round": moves(both, lambda c, was, now, mode: 0 if mode else 2 * c),
        "mode-ignored": moves(both, lambda c, was, now, mode: 2 * c),
        "means-alone": moves(both, lambda c, was, now, mode: c if mode else 0),
        "parts-counted": lambda w, c, was, now, mode: (sum(a and b for a, b in zip(was, now, strict=True)), sum(mode)),
    },
    "probe_scores": {
        "max-for-mean": probe(lambda maps: maps.flatten(2).max(dim=2).values),
        "sum-for-mean": probe(lambda maps: maps.sum(dim=(2, 3))),
        "places-kept": probe(lambda maps: maps.flatten(1)),
        "test-middle": probe(shift="test"),
        "test-not-moved": probe(shift="none"),
        "biases-forgotten": probe(add=False),
        "no-biases": without_biases,
        "biases-pulled": ones_column,
        "ridge-ignored": probe(penalty=lambda ridge, count: 0.0),
        "ridge-per-picture": probe(penalty=lambda ridge, count: count * ridge),
        "ridge-squared": probe(penalty=lambda ridge, count: ridge * ridge),
        "targets-of-minus-one": probe(targets=(-1.0, 1.0)),
        "softmax-of-scores": probe(finish=lambda scores: scores.softmax(dim=1)),
        "kinds-for-scores": probe(finish=lambda scores: scores.max(dim=1).indices),
    },
    "nearest_right": {
        "its-own-neighbor": nearest(masks=("none", "leaf")),
        "itself-left-out-alone": nearest(masks=("self", "self")),
        "leaf-left-out-twice": nearest(masks=("leaf", "leaf")),
        "turned-round": nearest(masks=("leaf", "self")),
        "kind-left-out": nearest(masks=("self", "kind")),
        "leaf-for-kind": nearest(judge="leaf"),
        "place-among-the-kept": lost_places,
        "farthest": nearest(lambda a, b: -torch.cdist(a, b)),
        "steps-along-the-axes": nearest(lambda a, b: torch.cdist(a, b, p=1)),
        "product-for-distance": nearest(lambda a, b: -a @ b.T),
        "directions-alone": nearest(lambda a, b: -(a / a.norm(dim=1)[:, None]) @ (b / b.norm(dim=1)[:, None]).T),
        "counts-for-shares": lambda v, k, b: [len(k) * share for share in nearest_by_loops(v, k, b)],
        "errors-for-hits": lambda v, k, b: [1 - share for share in nearest_by_loops(v, k, b)],
    },
}
