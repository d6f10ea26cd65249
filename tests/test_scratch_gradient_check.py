import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cnnlib.scratch import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    ReLU6,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    check_gradients,
    lenet,
    numerical_gradient,
    relative_error,
)
from cnnlib.scratch.gradient_check import STEP
from tests.judge import refused

rng = np.random.default_rng(0)
MAPS, FLAT = rng.normal(size=(3, 2, 6, 6)), rng.normal(size=(4, 6))


@pytest.mark.parametrize("layer", [
    Conv2d(2, 3, 3, stride=2, padding=1, rng=0), Conv2d(2, 4, 2, groups=2, dilation=2, rng=0), MaxPool2d(2),
    MaxPool2d(3, stride=2, padding=1), AvgPool2d(3, stride=2, padding=1), AdaptiveAvgPool2d(4), BatchNorm2d(2), ReLU(),
    LeakyReLU(), ReLU6(), Sigmoid(), Tanh(), Softmax(1), Dropout(0.2, rng=0), Flatten(),
    Sequential(Conv2d(2, 3, 3, rng=0), BatchNorm2d(3), ReLU(), MaxPool2d(2), Flatten(), Linear(12, 4, rng=1)),
], ids=lambda layer: type(layer).__name__)
def test_every_right_layer_passes(layer):
    report = check_gradients(layer, MAPS)
    assert report.passed and report.failed == [], str(report)
    assert report.worst.error < 1e-6 and all(row.checked > row.entries / 2 or row.checked == 200 for row in report.rows)


def test_dense_layers_and_batch_norm_in_evaluation_pass():
    norm = BatchNorm1d(6)
    norm.forward(FLAT)
    for layer in (norm, norm.eval(), Linear(6, 2, rng=0)):
        assert check_gradients(layer, FLAT).passed
    assert check_gradients(lenet(rng=0), rng.random((2, 1, 8, 8)), most=40).passed


class WrongScale(Tanh):
    """A backward pass that forgets the factor of one entry."""

    def backward(self, grad_output):
        grad = super().backward(grad_output)
        grad[1, 2] *= 1.001
        return grad


class WrongBias(Linear):
    """A bias gradient that is a mean instead of a sum."""

    def backward(self, grad_output):
        grad_x = super().backward(grad_output)
        self.bias.grad = self.bias.grad / len(grad_output)
        return grad_x


def test_report_names_the_array_and_the_worst_entry():
    report = check_gradients(WrongScale(), FLAT)
    assert not report.passed and report.failed == ["x"]
    assert report.worst.index == (1, 2) and report.worst.error == pytest.approx(1e-3, rel=0.01)
    wrong = check_gradients(WrongBias(6, 2, rng=0), FLAT)
    assert wrong.failed == ["bias"] and wrong.worst.name == "bias" and "FAILED in bias" in str(wrong)
    assert str(wrong).splitlines()[0].split() == ["array", "checked", "kinks", "error", "worst", "entry"]


def test_missing_gradient_and_wrong_shape_are_found():
    class Forgetful(Linear):
        def backward(self, grad_output):
            grad_x = super().backward(grad_output)
            self.weight.grad = None
            return grad_x

    class Summed(Tanh):
        def backward(self, grad_output):
            return super().backward(grad_output).sum(axis=0)

    message = "check_gradients: the gradient of weight must have the shape (2, 6), got ()"
    refused(check_gradients, message, Forgetful(6, 2, rng=0), FLAT)
    refused(check_gradients, "check_gradients: the gradient of x must have the shape (4, 6), got (6,)", Summed(), FLAT)


def test_nan_gradients_do_not_pass():
    class NotANumber(Tanh):
        def backward(self, grad_output):
            return np.full_like(grad_output, np.nan)

    report = check_gradients(NotANumber(), FLAT)
    assert not report.passed and np.isnan(report.worst.error)


def test_kinks_are_counted_and_left_out():
    x = np.array([[0.0, 4e-6, -4e-6, 9e-6, 0.5, -0.5]])
    report = check_gradients(ReLU(), x)
    [row] = report.rows
    assert report.passed and row.kinks == 4 and row.checked == 2
    slope = numerical_gradient(lambda a: np.maximum(a, 0).sum(), x)
    assert slope[0, 0] == pytest.approx(0.5)  # neither 0 nor 1: right code would look wrong


def test_ties_of_max_pooling_are_kinks():
    report = check_gradients(MaxPool2d(2), np.zeros((1, 1, 4, 4)))
    assert report.rows[0].checked == 0 and not report.passed  # nothing was compared, so nothing is shown
    assert "nothing to compare" in str(report)
    assert check_gradients(MaxPool2d(2), np.arange(16.0).reshape(1, 1, 4, 4)).rows[0].kinks == 0


@given(st.floats(-1e-5, 1e-5), st.floats(0.1, 5))
@example(0.0, 0.99999)  # hardly a kink, and of the smallest gradient
@example(STEP / 3, 0.5)  # the difference over half the step is half of the whole one's, as if there were no kink
@example(-STEP / 3, 0.5)
@example(0.4 * STEP, 0.99999)
def test_no_kink_within_a_step_makes_a_right_layer_fail(distance, slope):
    x = np.array([[distance, 0.999, -0.999]])
    assert check_gradients(LeakyReLU(slope), x).passed


def test_a_slight_kink_of_a_small_gradient_is_left_out_beside_large_ones():
    last = Linear(3, 3, bias=False, rng=0)
    last.weight.value = np.diag([0.01, 1.0, 1.0])
    report = check_gradients(Sequential(LeakyReLU(0.9999), last), np.array([[0.0, 1.0, -1.0]]))
    assert report.passed and report.rows[0].kinks == 1


def test_a_choice_of_a_large_array_is_compared_and_always_the_same():
    layer, x = LeakyReLU(), np.linspace(-1, 1, 300)
    assert check_gradients(layer, x).rows[0].checked == 200 and check_gradients(layer, x, most=7).rows[0].checked == 7
    assert check_gradients(layer, x).worst == check_gradients(layer, x, seed=0).worst
    assert check_gradients(layer, x).worst != check_gradients(layer, x, seed=1).worst


def test_gradients_that_should_be_zero_pass_and_wrong_ones_do_not():
    net = Sequential(Linear(6, 3, rng=0), BatchNorm1d(3))
    report = check_gradients(net, FLAT)
    assert report.passed  # the bias before batch normalization has gradient 0, the differences only rounding
    row = next(row for row in report.rows if row.name == "0.bias")
    assert abs(row.analytic) < 1e-12 and abs(row.numerical) > 0


def test_layer_and_input_are_left_alone():
    layer, x = BatchNorm1d(6), FLAT.astype(np.float32)
    layer.to(np.float32)
    state, before = layer.state_dict(), x.copy()
    assert check_gradients(layer, x).passed
    assert all(np.array_equal(layer.state_dict()[name], state[name]) for name in state) and np.array_equal(x, before)
    assert layer.weight.grad is None and layer.weight.value.dtype == np.float32


def test_differences_of_known_functions():
    x = np.array([0.5, -1.5, 2.0])
    for f, right in ((lambda a: (a**3).sum(), 3 * x**2), (lambda a: np.sin(a).sum(), np.cos(x))):
        found = numerical_gradient(f, x)
        assert relative_error(found, right).max() < 1e-9
        assert relative_error(numerical_gradient(f, x, step=0.1), right).max() > 1e-4  # too large
        assert relative_error(numerical_gradient(f, x, step=1e-14), right).max() > 1e-4  # too small
    assert numerical_gradient(lambda a: float(a[0] ** 2), [3]).dtype == np.float64


def test_central_differences_beat_forward_differences():
    x, step = 1.5, 1e-5
    forward = ((x + step) ** 3 - x**3) / step
    assert abs(forward - 3 * x**2) > 1e4 * abs(numerical_gradient(lambda a: float(a[0] ** 3), [x])[0] - 3 * x**2)


def test_relative_error_near_zero():
    assert relative_error([0.0, 1.0], [0.0, 1.0]).tolist() == [0, 0]
    assert relative_error([1e-12, 1.0], [-1e-12, 1.0]).max() < 1e-8  # rounding beside a large entry
    assert relative_error([1e-12, 1.0], [-1e-12, 1.0], floor=0).max() == pytest.approx(2)  # the mistake
    assert relative_error([1e-12], [2e-12])[0] == pytest.approx(0.5)  # alone, small numbers count
    assert relative_error([1.0], [-1.0])[0] == 2


@pytest.mark.parametrize(("function", "arguments", "options", "message"), [
    (numerical_gradient, (lambda a: a, np.ones(3)), {},
     "numerical_gradient: f must return one number, got shape (3,) of float64"),
    (numerical_gradient, (np.sum, np.ones(3)), {"step": 0}, "numerical_gradient: step must be a number above 0, got 0"),
    (numerical_gradient, (np.sum, "x"), {}, "numerical_gradient: x must be an array of real numbers, got 'x'"),
    (relative_error, (np.ones(2), np.ones(3)), {}, "relative_error: b must have the shape (2,), got (3,)"),
    (relative_error, (np.ones(2), np.ones(2)), {"floor": -1},
     "relative_error: floor must be a number of at least 0, got -1"),
    (check_gradients, (ReLU(), [np.nan, 1.0]), {},
     "check_gradients: the outputs at x must be finite, got a sum of nan"),
    (check_gradients, (np.tanh, FLAT), {},
     "check_gradients: layer must be a layer of cnnlib.scratch, got <ufunc 'tanh'>"),
    (check_gradients, (ReLU(), FLAT), {"step": 0}, "check_gradients: step must be a number above 0, got 0"),
    (check_gradients, (ReLU(), FLAT), {"tolerance": "a"},
     "check_gradients: tolerance must be a number above 0, got 'a'"),
    (check_gradients, (ReLU(), FLAT), {"most": 0}, "check_gradients: most must be a whole number of at least 1, got 0"),
])
def test_bad_input_gets_the_rule_and_the_value(function, arguments, options, message):
    refused(function, message, *arguments, **options)


def test_f_must_be_a_function():
    refused(numerical_gradient, "numerical_gradient: f must be a function, got None", None, [1.0])
