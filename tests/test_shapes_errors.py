import numpy as np
import pytest

from cnnlib.shapes import (
    conv_mac_count,
    conv_output_shape,
    conv_output_size,
    conv_parameter_count,
    conv_transpose_output_shape,
    conv_transpose_output_size,
    linear_mac_count,
    linear_parameter_count,
    patch_token_count,
    pool_output_shape,
    pool_output_size,
    receptive_field,
    same_padding,
)

BAD = [
    (conv_output_size, (0, 3), {}, "conv_output_size: size must be a whole number of at least 1, got 0"),
    (conv_output_size, (7.0, 3), {}, "conv_output_size: size must be a whole number of at least 1, got 7.0"),
    (conv_output_size, (float("nan"), 3), {}, "conv_output_size: size must be a whole number of at least 1, got nan"),
    (conv_output_size, ("7", 3), {}, "conv_output_size: size must be a whole number of at least 1, got '7'"),
    (conv_output_size, (None, 3), {}, "conv_output_size: size must be a whole number of at least 1, got None"),
    (conv_output_size, (True, 1), {}, "conv_output_size: size must be a whole number of at least 1, got True"),
    (conv_output_size, (7, 0), {}, "conv_output_size: kernel_size must be a whole number of at least 1, got 0"),
    (conv_output_size, (7, 3), {"stride": 0}, "conv_output_size: stride must be a whole number of at least 1, got 0"),
    (conv_output_size, (7, 3), {"padding": -1},
     "conv_output_size: padding must be a whole number of at least 0, got -1"),
    (conv_output_size, (7, 3), {"dilation": 0},
     "conv_output_size: dilation must be a whole number of at least 1, got 0"),
    (conv_output_size, (3, 5), {},
     "conv_output_size: the kernel must fit into the 3 pixels of the padded input, got 5 pixels"),
    (conv_output_size, (5, 3), {"dilation": 3},
     "conv_output_size: the kernel must fit into the 5 pixels of the padded input, got 7 pixels"),
    (conv_output_shape, ((3, 8), 4, 3), {},
     "conv_output_shape: input_shape must be (N, C, L), (N, C, H, W) or (N, C, D, H, W), got (3, 8)"),
    (conv_output_shape, (8, 4, 3), {}, "conv_output_shape: input_shape must be a tuple of whole numbers, got 8"),
    (conv_output_shape, ("1388", 4, 3), {},
     "conv_output_shape: input_shape must be a tuple of whole numbers, got '1388'"),
    (conv_output_shape, ((1, 3, 8, 0), 4, 3), {},
     "conv_output_shape: input_shape must hold whole numbers of at least 1, got (1, 3, 8, 0)"),
    (conv_output_shape, ((1, 3, 8, 8.0), 4, 3), {},
     "conv_output_shape: input_shape must hold whole numbers of at least 1, got (1, 3, 8, 8.0)"),
    (conv_output_shape, (np.array(8), 4, 3), {},
     "conv_output_shape: input_shape must be a tuple of whole numbers, got array(8)"),
    (conv_output_shape, ((1, 3, 8, 8), 4, 3), {"padding": np.array([1, 1])},
     "conv_output_shape: padding must be a whole number of at least 0, got array([1, 1])"),
    (conv_output_shape, ((1, 3, 8, 8), 4, 3), {"padding": None},
     "conv_output_shape: padding must be a whole number of at least 0, got None"),
    (conv_output_shape, ((1, 3, 8, 8), 0, 3), {},
     "conv_output_shape: out_channels must be a whole number of at least 1, got 0"),
    (conv_output_shape, ((1, 3, 8, 8), 4, (3, 3, 3)), {},
     "conv_output_shape: kernel_size must be one number or 2, one for each axis, got (3, 3, 3)"),
    (conv_output_shape, ((1, 3, 8, 8), 4, 3), {"stride": 0},
     "conv_output_shape: stride must be a whole number of at least 1, got 0"),
    (conv_output_shape, ((1, 3, 8, 8), 4, 3), {"dilation": 0},
     "conv_output_shape: dilation must be a whole number of at least 1, got 0"),
    (conv_output_shape, ((1, 3, 8, 8), 4, 3), {"groups": 2},
     "conv_output_shape: groups must divide in_channels = 3, got 2"),
    (conv_output_shape, ((1, 4, 8, 8), 6, 3), {"groups": 4},
     "conv_output_shape: groups must divide out_channels = 6, got 4"),
    (conv_output_shape, ((1, 3, 8, 8), 4, 3), {"padding": "same", "stride": 2},
     'conv_output_shape: padding "same" needs stride 1, got (2, 2)'),
    (conv_output_shape, ((1, 3, 8, 8), 4, 3), {"padding": "full"},
     "conv_output_shape: padding must be a number, a tuple, \"valid\" or \"same\", got 'full'"),
    (conv_mac_count, ((1, 3, 2, 2), 4, 3), {},
     "conv_mac_count: the kernel must fit into the 2 pixels of the padded input, got 3 pixels"),
    (conv_parameter_count, (0, 4, 3), {},
     "conv_parameter_count: in_channels must be a whole number of at least 1, got 0"),
    (conv_parameter_count, (4, 4, 0), {},
     "conv_parameter_count: kernel_size must be a whole number of at least 1, got 0"),
    (conv_parameter_count, (4, 4, (3, 3, 3, 3)), {},
     "conv_parameter_count: kernel_size must be one number or a tuple of 1 to 3, got (3, 3, 3, 3)"),
    (conv_parameter_count, (4, 4, ()), {},
     "conv_parameter_count: kernel_size must be one number or a tuple of 1 to 3, got ()"),
    (conv_parameter_count, (4, 4, 3), {"bias": 1}, "conv_parameter_count: bias must be True or False, got 1"),
    (conv_transpose_output_size, (4, 3), {"output_padding": 1},
     "conv_transpose_output_size: output_padding must be smaller than the stride 1 or the dilation 1, got 1"),
    (conv_transpose_output_size, (1, 1), {"padding": 1},
     "conv_transpose_output_size: the padding must leave at least one output pixel, got -1"),
    (pool_output_size, (8, 3), {"padding": 2},
     "pool_output_size: padding must be at most half of kernel_size = 3, got 2"),
    (pool_output_size, (8, 2), {"ceil_mode": "yes"}, "pool_output_size: ceil_mode must be True or False, got 'yes'"),
    (pool_output_size, (2, 3), {},
     "pool_output_size: the window must fit into the 2 pixels of the padded input, got 3 pixels"),
    (same_padding, (0,), {}, "same_padding: kernel_size must be a whole number of at least 1, got 0"),
    (same_padding, (3,), {"dilation": 0}, "same_padding: dilation must be a whole number of at least 1, got 0"),
    (linear_parameter_count, (3, -1), {},
     "linear_parameter_count: out_features must be a whole number of at least 1, got -1"),
    (linear_parameter_count, (0, 3), {},
     "linear_parameter_count: in_features must be a whole number of at least 1, got 0"),
    (linear_mac_count, ("12", 10), {}, "linear_mac_count: input_shape must be a tuple of whole numbers, got '12'"),
    (linear_mac_count, ((3,), 0), {}, "linear_mac_count: out_features must be a whole number of at least 1, got 0"),
    (linear_mac_count, ((), 10), {}, "linear_mac_count: input_shape must have at least one axis, got ()"),
    (patch_token_count, (224, 15), {}, "patch_token_count: patch_size must divide the size (224, 224), got (15, 15)"),
    (conv_transpose_output_shape, ((1, 3, 4, 4), 4, 3), {"groups": 2},
     "conv_transpose_output_shape: groups must divide in_channels = 3, got 2"),
    (pool_output_shape, ((1, 3, 8, 8), 2), {"stride": 0},
     "pool_output_shape: stride must be a whole number of at least 1, got 0"),
    (receptive_field, (3,), {},
     "receptive_field: layers must be a list of (kernel_size, stride, padding[, dilation]), got 3"),
    (receptive_field, ([],), {},
     "receptive_field: layers must be a list of (kernel_size, stride, padding[, dilation]), got []"),
    (receptive_field, ([(3, 1)],), {},
     "receptive_field: a layer must be (kernel_size, stride, padding[, dilation]), got (3, 1)"),
    (receptive_field, ([(3, 0, 1)],), {}, "receptive_field: stride must be a whole number of at least 1, got 0"),
]


@pytest.mark.parametrize(("function", "arguments", "options", "message"), BAD)
def test_bad_input_gets_the_rule_and_the_value(function, arguments, options, message):
    with pytest.raises(ValueError) as caught:
        function(*arguments, **options)
    assert str(caught.value) == message


SHAPE, CONV = (1, 2, 8, 8), {"kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1}
LEAST = [
    (conv_output_size, {"size": 8, "kernel_size": 1}, {"size": 1, **CONV}),
    (conv_output_shape, {"input_shape": SHAPE, "out_channels": 2, "kernel_size": 1},
     {"out_channels": 1, "groups": 1, **CONV}),
    (pool_output_size, {"size": 8, "kernel_size": 1}, {"size": 1, **CONV}),
    (pool_output_shape, {"input_shape": SHAPE, "kernel_size": 1}, CONV),
    (conv_transpose_output_size, {"size": 8, "kernel_size": 1}, {"size": 1, "output_padding": 0, **CONV}),
    (conv_transpose_output_shape, {"input_shape": SHAPE, "out_channels": 2, "kernel_size": 1},
     {"out_channels": 1, "groups": 1, "output_padding": 0, **CONV}),
    (patch_token_count, {"size": 8, "patch_size": 1}, {"size": 1, "patch_size": 1}),
]


@pytest.mark.parametrize(("function", "good", "name", "least"), [
    (function, good, name, least) for function, good, numbers in LEAST for name, least in numbers.items()])
def test_each_number_is_refused_below_its_least_by_its_name(function, good, name, least):
    function(**{**good, name: least})
    with pytest.raises(ValueError) as caught:
        function(**{**good, name: least - 1})
    assert str(caught.value) == (
        f"{function.__name__}: {name} must be a whole number of at least {least}, got {least - 1}")
