"""Check numbers and number-or-tuple options once, for cnnlib.shapes and cnnlib.scratch."""
import operator


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
    numbers = tuple(map(_index, value))
    if any(number is None or number < 1 for number in numbers):
        raise ValueError(f"{function}: {name} must hold whole numbers of at least 1, got {value!r}")
    return numbers


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


def _index(value):
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None
