"""The assignment of chapter 11: what cross-attention costs, many heads, and how far away each head looks."""
import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises.assignments._ch11_cost import CROSS_COST
from cnnlib.scratch import softmax

ATTENTION = ("cnnlib.scratch.attention", "cnnlib.models.attention", "torch.nn.functional.scaled_dot_product_attention",
             "torch.nn.functional.multi_head_attention_forward", "aten::_scaled_dot", "aten::scaled_dot",
             "aten::_native_multi_head")


def _split(tokens, heads):
    """Return (L, d) as (heads, L, d / heads)."""
    return tokens.reshape(len(tokens), heads, -1).swapaxes(0, 1)


def _join(mixed):
    return mixed.swapaxes(0, 1).reshape(mixed.shape[1], -1)


def _many_heads(x, memory, w_q, w_k, w_v, w_o, num_heads):
    return _attend(x, memory, w_q, w_k, w_v, w_o, num_heads)


def _attend(x, memory, w_q, w_k, w_v, w_o, heads, *, split=_split, join=_join, divide=lambda d, h: np.sqrt(d / h),
            share=softmax, finish=lambda joined, w_o: joined @ w_o):
    """Attend with another cut into heads, another divisor, other shares or another end."""
    query, key, value = (split(each, heads) for each in (x @ w_q, memory @ w_k, memory @ w_v))
    scores = query @ key.swapaxes(1, 2) / divide(x.shape[1], heads)
    return finish(join(share(scores) @ value), w_o)


def _other_heads(**parts):
    return lambda *case: _attend(*case, **parts)


def _over(axis):
    return lambda scores: np.moveaxis(softmax(np.moveaxis(scores, axis, -1)), -1, axis)


def _turned_matrices(x, memory, *rest):
    return _attend(x, memory, *(w.T for w in rest[:-1]), rest[-1])


def _heads_case(queries, keys, width, heads, random):
    shapes = ((queries, width), (keys, width), *[(width, width)] * 4)
    return *(random.integers(-4, 5, shape) / 4 for shape in shapes), heads


def _draw_heads(random):
    for _ in range(8):
        heads = int(random.integers(1, 5))
        queries, keys, part = (int(n) for n in random.integers(2, 7, 3))
        yield _heads_case(queries, keys, heads * part, heads, random)


_numbers = np.random.default_rng(1111)
MANY_HEADS = Task(
    points=5,
    draw=_draw_heads,
    forbidden=ATTENTION,
    exercise=Exercise(
        name="many_heads",
        objective=2,
        reference=_many_heads,
        cases=tuple(_heads_case(*sizes, _numbers) for sizes in ((1, 2, 2, 1), (2, 3, 4, 2), (3, 2, 6, 2),
                                                                 (4, 5, 6, 3), (5, 5, 8, 2))),
        tolerance=1e-5,
        mistakes=(
            Mistake("one-head", "your heads do not matter: with one head you give the same. Where does each head's "
                    "softmax see its own scores?", lambda *case: _attend(*case[:-1], 1)),
            Mistake("divided-by-whole-width", "you divide by the root of the whole width. How many products does a "
                    "head's score sum?", _other_heads(divide=lambda d, h: np.sqrt(d))),
            Mistake("divided-by-part", "you divide by the width of a head, not by its root.",
                    _other_heads(divide=lambda d, h: d / h)),
            Mistake("not-divided", "your scores are not divided.", _other_heads(divide=lambda d, h: 1)),
            Mistake("every-hth-number", "head 0 takes every num_heads-th number of a token. Here a head takes "
                    "neighboring numbers.",
                    _other_heads(split=lambda t, h: np.moveaxis(t.reshape(len(t), -1, h), 2, 0),
                                 join=lambda m: np.moveaxis(m, 0, 2).reshape(m.shape[1], -1))),
            Mistake("tokens-torn", "your reshape puts numbers of several tokens into one head's query. A token must "
                    "stay in its row while its numbers are cut.",
                    _other_heads(split=lambda t, h: t.reshape(h, len(t), -1))),
            Mistake("joined-in-wrong-order", "your heads are right, but they are put together head after head. A row "
                    "of the result belongs to one token.", _other_heads(join=lambda m: m.reshape(m.shape[1], -1))),
            Mistake("no-output-matrix", "you do not use `w_o`.", _other_heads(finish=lambda joined, w_o: joined)),
            Mistake("self-attention", "you do not use `memory`. Which two of the three are made of it?",
                    lambda x, memory, *rest: _attend(x, x, *rest)),
            Mistake("sequences-swapped", "your queries come from `memory`. Who asks here?",
                    lambda x, memory, *rest: _attend(memory, x, *rest)),
            Mistake("keys-for-values", "you mix the keys. What is handed over are the values.",
                    lambda x, m, w_q, w_k, w_v, w_o, h: _attend(x, m, w_q, w_k, w_k, w_o, h)),
            Mistake("softmax-over-queries", "your weights sum to 1 over the queries.", _other_heads(share=_over(1))),
            Mistake("softmax-over-heads", "your weights sum to 1 over the heads. Each shares out 1 among the keys.",
                    _other_heads(share=_over(0))),
            Mistake("no-softmax", "you mix the values with the scores themselves.",
                    _other_heads(share=lambda scores: scores)),
            Mistake("turned-matrices", "you multiply by the matrices' transposes. Here the numbers of a token stand in "
                    "a row: `x @ w_q` are the queries.", _turned_matrices),
        ),
    ),
)


def _steps(grid):
    """Return rows and columns between any two patches, (2, n, n)."""
    places = np.indices(grid).reshape(2, -1)
    return places[:, :, None] - places[:, None]


def _looking_distance(weights, grid):
    return _distances(weights, grid)


def _to_patches(weights):
    return weights[:, 1:, 1:]


def _row_means(weights, apart):
    return ((weights * apart).sum(2) / weights.sum(2)).mean(1)


def _distances(weights, grid, *, patches=_to_patches, apart=lambda steps: np.sqrt((steps**2).sum(0)), mean=_row_means):
    return mean(patches(weights), apart(_steps(grid)))


def _other_distance(**parts):
    return lambda weights, grid: _distances(weights, grid, **parts)


def _others_alone(weights, apart):
    weights = weights * (apart > 0)
    return ((weights * apart).sum(2) / weights.sum(2)).mean(1)


def _as_a_line(steps):
    return np.abs(np.subtract.outer(*[np.arange(steps.shape[1])] * 2))


def _look_case(heads, grid, random):
    tokens = 1 + grid[0] * grid[1]
    weights = random.integers(1, 20, (heads, tokens, tokens)) ** 2.0
    return weights / weights.sum(2, keepdims=True), grid


def _draw_looks(random):
    for _ in range(8):
        yield _look_case(int(random.integers(1, 4)), tuple(int(n) for n in random.integers(2, 6, 2)), random)


LOOKING_DISTANCE = Task(
    points=4,
    draw=_draw_looks,
    exercise=Exercise(
        name="looking_distance",
        objective=6,
        reference=_looking_distance,
        cases=((np.array([[[0.5, 0.25, 0.25], [0.2, 0.2, 0.6], [0.5, 0.1, 0.4]]]), (1, 2)),
               _look_case(1, (2, 2), _numbers), _look_case(2, (2, 3), _numbers), _look_case(3, (4, 2), _numbers)),
        tolerance=1e-5,
        mistakes=(
            Mistake("last-token-dropped", "you leave out the last token. Where does the class token stand?",
                    _other_distance(patches=lambda w: w[:, :-1, :-1])),
            Mistake("shares-not-of-patches", "your weights do not sum to 1 any more: a part of them went to the class "
                    "token.", _other_distance(mean=lambda w, apart: (w * apart).sum(2).mean(1))),
            Mistake("patches-weighted", "you divide the sum over all patches by the sum of all weights. A patch that "
                    "looks at the class token counts less then; each patch should count the same.",
                    _other_distance(mean=lambda w, apart: (w * apart).sum((1, 2)) / w.sum((1, 2)))),
            Mistake("asked-for-asking", "you follow how far away each patch is seen *from*. Which axis asks?",
                    _other_distance(patches=lambda w: _to_patches(w).swapaxes(1, 2))),
            Mistake("steps-added", "you add the steps along both axes. Here the distance is the straight line.",
                    _other_distance(apart=lambda steps: np.abs(steps).sum(0))),
            Mistake("longer-step", "you take the longer of the two steps. Here the distance is the straight line.",
                    _other_distance(apart=lambda steps: np.abs(steps).max(0))),
            Mistake("squared", "your distances are squares: a root is missing.",
                    _other_distance(apart=lambda steps: (steps**2).sum(0))),
            Mistake("a-line", "you take the patches' numbers apart. The first patch of a row is far from the last of "
                    "the row above.", _other_distance(apart=_as_a_line)),
            Mistake("rows-for-columns", "you number the patches with rows and columns swapped. How many patches "
                    "stand in one row of the grid?", lambda weights, grid: _distances(weights, grid[::-1])),
            Mistake("itself-left-out", "you leave out what a patch takes from itself. Its distance is 0, and counts.",
                    _other_distance(mean=_others_alone)),
            Mistake("strongest-alone", "you look at the largest weight of each patch. All of them take part.",
                    _other_distance(mean=lambda w, apart: np.array(
                        [apart[np.arange(len(apart)), head.argmax(1)].mean() for head in w]))),
            Mistake("weights-unused", "your mean is over all patches, seen or not.",
                    _other_distance(mean=lambda w, apart: np.full(len(w), apart.mean()))),
            Mistake("heads-averaged", "you return one number. Each head has its own.",
                    lambda weights, grid: _distances(weights, grid).mean()),
        ),
    ),
)

TASKS = (CROSS_COST, MANY_HEADS, LOOKING_DISTANCE)
