"""A task of chapter 11: what an attention layer between two sequences costs."""
import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task


def _parameters(d, heads):
    return 4 * (d * d + d)


def _projections(queries, keys, d):
    return 2 * (queries + keys) * d * d


def _pairs(queries, keys, d, heads):
    return 2 * queries * keys * d


def _cost(queries, keys, embed_dim, num_heads):
    return _priced(queries, keys, embed_dim, num_heads)


def _priced(queries, keys, d, heads, *, parameters=_parameters, projections=_projections, pairs=_pairs,
            weights=lambda queries, keys, heads: queries * keys * heads):
    macs = projections(queries, keys, d) + pairs(queries, keys, d, heads)
    return parameters(d, heads), macs, weights(queries, keys, heads)


def _other_price(**parts):
    return lambda *case: _priced(*case, **parts)


def _draw_costs(random):
    for _ in range(10):
        heads = int(random.integers(2, 9))
        queries, keys = (int(n) for n in random.integers(3, 300, 2))
        yield queries, keys, heads * int(random.integers(2, 65)), heads


CROSS_COST = Task(
    points=3,
    draw=_draw_costs,
    forbidden=("cnnlib.shapes", "cnnlib.models"),
    exercise=Exercise(
        name="cross_attention_cost",
        objective=4,
        reference=_cost,
        cases=((1, 2, 1, 1), (2, 3, 4, 2), (6, 4, 6, 3), (49, 196, 64, 4), (20, 77, 320, 8)),
        mistakes=(
            Mistake("self-attention", "you count one sequence only. Of which tokens are keys and values made here?",
                    lambda q, k, d, h: _priced(q, q, d, h)),
            Mistake("joined-sequences", "you put both sequences into one. Who asks, and who is asked?",
                    lambda q, k, d, h: _priced(q + k, q + k, d, h)),
            Mistake("all-made-of-queries", "you make all four projections of the tokens that ask. Two of them work on "
                    "the other sequence.", _other_price(projections=lambda q, k, d: 4 * q * d * d)),
            Mistake("output-over-keys", "three of your projections work on the keys' sequence. How many tokens come "
                    "out of the layer?", _other_price(projections=lambda q, k, d: (q + 3 * k) * d * d)),
            Mistake("no-output-projection", "query, key and value are three projections. What mixes the heads at the "
                    "end?", _other_price(parameters=lambda d, h: 3 * (d * d + d),
                                         projections=lambda q, k, d: (q + 2 * k) * d * d)),
            Mistake("biases-forgotten", "your parameters are the matrices alone. Each projection has a bias, too.",
                    _other_price(parameters=lambda d, h: 4 * d * d)),
            Mistake("parameters-per-head", "you give each head projections of full width. Into what do the heads cut "
                    "the numbers of a token?", _other_price(parameters=lambda d, h: 4 * h * (d * d + d))),
            Mistake("pairs-per-head", "you count dot products of full width for each head. How long is a query of one "
                    "head?", _other_price(pairs=lambda q, k, d, h: 2 * h * q * k * d)),
            Mistake("one-head-of-pairs", "your scores and means are those of one head.",
                    _other_price(pairs=lambda q, k, d, h: 2 * q * k * d // h)),
            Mistake("scores-only", "after the scores the values are still to be mixed. What does that take?",
                    _other_price(pairs=lambda q, k, d, h: q * k * d)),
            Mistake("pairs-forgotten", "your MACs are those of the projections. The tokens have not met yet.",
                    _other_price(pairs=lambda q, k, d, h: 0)),
            Mistake("weights-of-one-head", "you count one weight for each pair. Each head has weights of its own.",
                    _other_price(weights=lambda q, k, h: q * k)),
            Mistake("two-per-mac", "you count the multiplication and the addition apart. One MAC is both.",
                    lambda *case: tuple(np.multiply(_cost(*case), (1, 2, 1)).tolist())),
        ),
    ),
)
