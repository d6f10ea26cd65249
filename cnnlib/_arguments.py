"""Check numbers, number-or-tuple options and sizes once, for all of cnnlib."""
import math
import numbers
import operator

MOST = 2**30  # numbers of an array: 8 GiB in float64; whoever asks for more has mistyped a size


def whole(function, name, value, *, least):
    """Return value as an int.

    Args:
        function: the function that the reader called, for the message.
        name: the argument.
        value: what was given; NumPy integers count as whole numbers, True and 3.0 do not.
        least: the smallest allowed value.

    Raises:
        ValueError: value is no whole number or below ``least``.
    """
    number = _index(value)
    if number is None or number < least:
        raise ValueError(f"{function}: {name} must be a whole number of at least {least}, got {value!r}")
    return number


def within(function, name, value, low, high, step=1):
    """Return value as an int, one that a slider from low to high reaches.

    Raises:
        ValueError: value is no whole number, lies beyond the ends or between two steps.
    """
    found = _index(value)
    if found is None or not low <= found <= high or (found - low) % step:
        steps = f" in steps of {step}" if step > 1 else ""
        raise ValueError(f"{function}: {name} must be a whole number from {low} to {high}{steps}, got {value!r}")
    return found


def all_within(function, limits, values):
    """Return {name: value} of whole numbers in the order of limits, {name: (low, high) or (low, high, step)}.

    Raises:
        ValueError: as ``within``.
    """
    return {name: within(function, name, value, *ends)
            for (name, ends), value in zip(limits.items(), values, strict=True)}


def choice(function, name, value, known):
    """Return at which place of known value stands: a text, or a number of the same kind (8.0 and True are no 8).

    Raises:
        ValueError: value is not there.
    """
    known = list(known)
    kind = str if isinstance(known[0], str) else numbers.Integral if isinstance(known[0], int) else numbers.Real
    if isinstance(value, kind) and not isinstance(value, bool) and value in known:
        return known.index(value)
    listed = ", ".join(f"{each:g}" if kind is numbers.Real else str(each) for each in known)
    raise ValueError(f"{function}: {name} must be one of {listed}, got {value!r}")


def all_choices(function, known, values):
    """Return {name: place} of values in the order of known, {name: what it may be}.

    Raises:
        ValueError: as ``choice``.
    """
    return {name: choice(function, name, value, choices)
            for (name, choices), value in zip(known.items(), values, strict=True)}


def integer(function, name, value):
    """Return value as an int of any sign.

    Raises:
        ValueError: value is no whole number.
    """
    number = _index(value)
    if number is None:
        raise ValueError(f"{function}: {name} must hold whole numbers, got {value!r}")
    return number


def per_axis(function, name, value, axes, *, least):
    """Return value as a tuple with one whole number for each axis; one number stands for all axes.

    Raises:
        ValueError: value is neither a whole number nor a tuple of ``axes`` of them, or one is below ``least``.
    """
    if isinstance(value, (tuple, list)):
        if len(value) != axes:
            raise ValueError(f"{function}: {name} must be one number or {axes}, one for each axis, got {value!r}")
        return tuple(whole(function, name, each, least=least) for each in value)
    return (whole(function, name, value, least=least),) * axes


def sizes(function, name, value):
    """Return value as a tuple of whole numbers of at least 1.

    Raises:
        ValueError: value is not a tuple of such numbers.
    """
    if not isinstance(value, (tuple, list)):
        raise ValueError(f"{function}: {name} must be a tuple of whole numbers, got {value!r}")
    whole_numbers = tuple(map(_index, value))
    if any(each is None or each < 1 for each in whole_numbers):
        raise ValueError(f"{function}: {name} must hold whole numbers of at least 1, got {value!r}")
    return whole_numbers


def image_shape(function, shape):
    """Return a checked (N, C, L), (N, C, H, W) or (N, C, D, H, W).

    Raises:
        ValueError: shape is none of them.
    """
    checked = sizes(function, "input_shape", shape)
    if not 3 <= len(checked) <= 5:
        raise ValueError(f"{function}: input_shape must be (N, C, L), (N, C, H, W) or (N, C, D, H, W), got {checked}")
    return checked


def channels(function, in_channels, out_channels, groups):
    """Return the three checked numbers.

    Raises:
        ValueError: one is no whole number of at least 1, or groups does not divide the channels.
    """
    in_channels = whole(function, "in_channels", in_channels, least=1)
    out_channels = whole(function, "out_channels", out_channels, least=1)
    groups = whole(function, "groups", groups, least=1)
    for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
        if value % groups:
            raise ValueError(f"{function}: groups must divide {name} = {value}, got {groups}")
    return in_channels, out_channels, groups


def number(function, name, value, *, low=-math.inf, high=math.inf, rule="a finite number", above=False):
    """Return value as a float.

    Args:
        function: the function that the reader called, for the message.
        name: the argument.
        value: what was given; NumPy numbers count, True does not.
        low: the smallest allowed number, or with ``above`` what it must exceed.
        high: the largest allowed number.
        rule: what the message asks for.
        above: True excludes ``low`` itself.

    Raises:
        ValueError: value is no finite number in this range.
    """
    real = _float(value)
    if not math.isfinite(real) or not low <= real <= high or (above and real == low):
        raise ValueError(f"{function}: {name} must be {rule}, got {value!r}")
    return real


def stepped(function, name, value, low, high, step):
    """Return value as a float, one that a slider from low to high reaches.

    Raises:
        ValueError: value is no number, lies beyond the ends or between two steps.
    """
    rule = f"a number from {low:g} to {high:g} in steps of {step:g}"
    steps = (number(function, name, value, low=low, high=high, rule=rule) - low) / step
    if abs(steps - round(steps)) > 1e-9:
        raise ValueError(f"{function}: {name} must be {rule}, got {value!r}")
    return float(value)


def fraction(function, name, value):
    """Return a number from 0 to 1.

    Raises:
        ValueError: value is no such number.
    """
    return number(function, name, value, low=0, high=1, rule="a fraction of 1")


def at_least_zero(function, name, value):
    """Return a finite number of at least 0.

    Raises:
        ValueError: value is no such number.
    """
    return number(function, name, value, low=0, rule="a number of at least 0")


def above_zero(function, name, value):
    """Return a finite number above 0.

    Raises:
        ValueError: value is no such number.
    """
    return number(function, name, value, low=0, above=True, rule="a number above 0")


def flag(function, name, value):
    """Return True or False.

    Raises:
        ValueError: value is neither.
    """
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):
        raise ValueError(f"{function}: {name} must be True or False, got {value!r}")
    return bool(value)


def room(function, name, shape):
    """Return a shape that an array may have.

    Args:
        function: the function that the reader called, for the message.
        name: what has this shape, for the message.
        shape: whole numbers.

    Raises:
        ValueError: there are more than MOST numbers; refused before memory is asked for.
    """
    if math.prod(shape) > MOST:
        raise ValueError(f"{function}: {name} must have at most {MOST} numbers, got the shape {tuple(shape)}")
    return tuple(shape)


def _float(value):
    try:
        return float(value) if isinstance(value, numbers.Real) and not isinstance(value, bool) else math.nan
    except OverflowError:  # a whole number beyond all floats
        return math.nan


def _index(value):
    if type(value).__name__ == "bool":  # NumPy's too, which its version 2.0 takes for a whole number
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None
