"""Arrays and other arguments: plain ones, and ones that nobody should pass."""
import numpy as np
import torch
from hypothesis import strategies as st

from tests.fuzz.row import Call

KINDS = ("f8", "f8", "f4", "f2", "i8", "u1")
CONTENTS = ("quarters", "normal", "ties", "zeros", "special", "huge")
SPECIAL = (np.nan, np.inf, -np.inf, -0.0)
HUGE = {"f8": (1e300, -1e300, 5e-324, 1e-300), "f4": (3e38, -3e38, 1e-45, 1e30), "f2": (6e4, -6e4, 6e-8, 1e3)}
LARGE = (2**31, 2**62, 2**63, 10**30)
LAYOUTS = ("read-only", "every second", "backwards", "other order")
WILD = st.sampled_from([
    None, True, False, 0, -1, 1.5, -2.5, 1e308, np.nan, np.inf, -np.inf, 1j, "", "text", "same", b"bytes", (), [],
    [[1.0], [1.0, 2.0]], {}, {"a": 1}, set(), object, np.float16(1.5), np.int64(2), np.array(3), np.array([]),
    np.array(["a"]), np.array([None]), np.array([1j]), np.array([True, False]), np.array(["2026-01-01"], "M8[D]"),
    np.zeros((0, 3)), np.zeros((2, 0, 3, 3)), np.zeros((1,) * 7), np.arange(6.0).reshape(2, 3), np.ones((1, 1, 1, 1)),
    np.zeros(2, [("a", "f8")]), torch.ones(2), torch.zeros(0), torch.zeros(2, dtype=torch.complex64)])


@st.composite
def _array(draw, shape, kinds, contents):
    shape = shape if isinstance(shape, tuple) else draw(shape)
    kind, content = draw(st.sampled_from(kinds)), draw(st.sampled_from(contents))
    return filled(shape, kind, content, draw(st.integers(0, 2**32 - 1)))


def array(shape, *, kinds=KINDS, contents=CONTENTS):
    """Return a strategy of arrays of a shape, which may be drawn itself."""
    return _array(shape, kinds, contents)


@np.errstate(all="ignore")
def filled(shape, kind, content, seed):
    """Return an array from a seed."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape) if content == "normal" else rng.integers(-16, 17, shape) / 4
    if content == "zeros":
        values = np.zeros(shape)
    elif content == "ties":
        values = rng.integers(-1, 2, shape).astype(float)
    elif content in ("special", "huge") and kind[0] == "f":
        extreme = SPECIAL if content == "special" else HUGE[kind]
        values = np.where(rng.random(shape) < 0.3, rng.choice(extreme, shape), values)
    if kind[0] == "u":
        values = np.abs(values)
    return values.astype(kind)


def sizes(least, most, *, axes):
    """Return a strategy of tuples of sizes."""
    return st.tuples(*[st.integers(least, most)] * axes)


def shapes(*, least=0, most=4, largest=5):
    """Return a strategy of shapes with at least one number."""
    return st.lists(st.integers(1, largest), min_size=least, max_size=most).map(tuple)


def call(args, **options):
    """Return a strategy of calls from strategies; plain values stand for themselves."""
    return st.tuples(_fixed(args), _fixed(options)).map(lambda pair: Call(args=pair[0], options=pair[1]))


def _fixed(values):
    strategies = [value if isinstance(value, st.SearchStrategy) else st.just(value) for value in values.values()]
    return st.tuples(*strategies).map(lambda drawn: dict(zip(values, drawn, strict=True)))


@st.composite
def inputs(draw, row):
    """Draw a call of a row, half of them with one or two arguments that are replaced."""
    drawn = draw(row.calls)
    names = [name for name in (*drawn.args, *drawn.options) if name not in row.held]
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 1, 2))) if names and row.wild else 0):
        name = draw(st.sampled_from(names))
        value = drawn.args.get(name, drawn.options.get(name))
        drawn = drawn.replaced(name, draw(_replacement(value, large=name not in row.tame)))
    return drawn


@np.errstate(all="ignore")
def _replacement(value, *, large):
    """Return a strategy of what may stand in the place of a value: anything, or something near it."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        return st.one_of(WILD, st.sampled_from([
            value.tolist(), value[None], value.ravel()[:0], value.astype("f2"), value.astype("i4"), value > 0,
            value.astype(complex), value.astype(object), np.full(value.shape, np.nan), np.ma.masked_array(value),
            value.astype(value.dtype.newbyteorder())]))
    if isinstance(value, torch.Tensor) and value.layout is torch.strided:
        return st.one_of(WILD, st.sampled_from([
            value.tolist(), value[None], value.ravel()[:0], value.half(), value.int(), value != 0,
            value * torch.nan, torch.complex(torch.ones(2), torch.ones(2)), value.to_sparse()]))
    if isinstance(value, int) and large:
        return st.one_of(WILD, st.sampled_from([*LARGE, *(-each for each in LARGE), (value,), (value,) * 2]))
    if isinstance(value, (tuple, list)) and value and large:
        return st.one_of(WILD, st.sampled_from([
            list(value), tuple(value), value[:-1], [*value, value[0]], [LARGE[0]] * len(value),
            [LARGE[-1]] * len(value)]))
    return WILD


def laid_out(value, layout):
    """Return an array of the same numbers that lies otherwise in memory; all else as it is."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        return value
    if layout == "every second":
        wide = np.repeat(value.copy(), 2, axis=-1) if value.ndim else value.copy()
        value = wide[..., ::2] if value.ndim else wide
    elif layout == "backwards":
        value = value[..., ::-1].copy()[..., ::-1] if value.ndim else value.copy()
    else:
        value = value.copy(order="F" if layout == "other order" else "K")
    value.flags.writeable = False
    return value
