"""The exercises of chapter 8: an independent right answer passes, typical wrong ones are told their mistake."""
import numpy as np
import pytest
import torch
from torch import nn

from cnnlib.data import transforms
from cnnlib.exercises import ch08, verify_exercise


@pytest.mark.parametrize("name", ch08.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert len(ch08.EXERCISES[name].mistakes) >= 5
    verify_exercise(ch08.EXERCISES[name])


# Right answers, written with PyTorch's layers and the library's transforms.

def counted(module):
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def layers_learning(parameters, frozen, features, classes):
    parts = nn.ModuleList(nn.ParameterList([nn.Parameter(torch.zeros(count))]) for count in parameters)
    for part in parts[:frozen]:
        part.requires_grad_(False)
    return counted(parts) + counted(nn.Linear(features, classes))


def stepped_rates(top, factor, depth):
    rates = [top]
    while len(rates) < depth:
        rates.insert(0, rates[0] * factor)
    return np.array(rates)


def norm_running(start, batches, momentum=0.1, *, training=True):
    norm = nn.BatchNorm1d(1, momentum=momentum).double().requires_grad_(False).train(training)
    norm.running_mean.fill_(start)
    for batch in batches:
        norm(torch.tensor(batch, dtype=torch.float64)[:, None])
    return norm.running_mean.item()


def transformed(image, mean, std):
    return transforms.Normalize(mean, std)(transforms.convert_image_dtype(np.asarray(image)))


def looped_leak(train, validation):
    return sum(any(a == b for b in train) for a in validation) / len(validation)


@pytest.mark.parametrize(("check", "answer"), [
    (ch08.check_learning, layers_learning),
    (ch08.check_depth_rates, stepped_rates),
    (ch08.check_running_mean, norm_running),
    (ch08.check_prepared, transformed),
    (ch08.check_leaked, looped_leak),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


# Wrong answers as readers write them.

def frozen_head(parameters, frozen, features, classes):
    head = nn.Linear(features, classes).requires_grad_(False)
    return sum(parameters[frozen:]) + counted(head)


def weights_only(parameters, frozen, features, classes):
    return sum(parameters[frozen:]) + nn.Linear(features, classes, bias=False).weight.numel()


def from_the_end(parameters, frozen, features, classes):
    keep = list(reversed(parameters))[frozen:]
    return sum(keep) + counted(nn.Linear(features, classes))


def everything(parameters, frozen, features, classes):
    return layers_learning(parameters, 0, features, classes)


def head_only(parameters, frozen, features, classes):
    return counted(nn.Linear(features, classes))


def those_that_rest(parameters, frozen, features, classes):
    return sum(count for stage, count in enumerate(parameters) if stage < frozen) + head_only([], 0, features, classes)


def one_stage_late(parameters, frozen, features, classes):
    return layers_learning(parameters, frozen + 1, features, classes)


def bias_of_features(parameters, frozen, features, classes):
    head = nn.Linear(features, classes)
    return sum(parameters[frozen:]) + head.weight.numel() + head.in_features


def fastest_first(top, factor, depth):
    return [top * factor**i for i in range(depth)]


def two_speeds(top, factor, depth):
    return [top * factor if i + 1 < depth else top for i in range(depth)]


def head_below_top(top, factor, depth):
    return [top * factor ** (depth - i) for i in range(depth)]


def growing(top, factor, depth):
    return list(reversed([top / factor**i for i in range(depth)]))


def on_a_line(top, factor, depth):
    low = stepped_rates(top, factor, depth)[0]
    return torch.linspace(low, top, depth, dtype=torch.float64) if depth > 1 else [top]


def multiplied(top, factor, depth):
    rates = [top]
    for distance in range(1, depth):
        rates.insert(0, top * (factor * distance))
    return rates


def one_more(top, factor, depth):
    return stepped_rates(top, factor, depth + 1)


def still(start, batches, momentum=0.1, *, training=True):
    norm = nn.BatchNorm1d(1).double().eval()
    norm.running_mean.fill_(start)
    norm(torch.tensor(batches, dtype=torch.float64).reshape(-1, 1))
    return norm.running_mean.item()


def other_momentum(start, batches, momentum=0.1, *, training=True):
    return norm_running(start, batches, 1 - momentum, training=training)


def any_mode(start, batches, momentum=0.1, *, training=True):
    return norm_running(start, batches, momentum, training=True)


def other_mode(start, batches, momentum=0.1, *, training=True):
    return norm_running(start, batches, momentum, training=not training)


def grows(start, batches, momentum=0.1, *, training=True):
    for batch in batches * training:
        start = start + momentum * sum(batch) / len(batch)
    return start


def plain_average(start, batches, momentum=0.1, *, training=True):
    return torch.tensor(batches, dtype=torch.float64).mean().item() if training else start


def stopped(start, batches, momentum=0.1, *, training=True):
    return norm_running(start, batches[:1], momentum, training=training)


def latest(start, batches, momentum=0.1, *, training=True):
    return sum(batches[-1]) / len(batches[-1]) if training else start


def bytes_normalized(image, mean, std):
    return transforms.Normalize(mean, std)(np.asarray(image, float))


def fractions(image, mean, std):
    return transforms.ConvertImageDtype()(np.asarray(image))


def blue_first(image, mean, std):
    return transformed(image[::-1], mean, std)[::-1]


def centered(image, mean, std):
    return transforms.Normalize(mean, (1,) * len(std))(transforms.convert_image_dtype(np.asarray(image)))


def scaled(image, mean, std):
    return transforms.Normalize((0,) * len(mean), std)(transforms.convert_image_dtype(np.asarray(image)))


def shrunk(image, mean, std):
    return transformed(image, mean, tuple(1 / each for each in std))


def scaled_then_centered(image, mean, std):
    return transforms.Normalize(mean, (1,) * len(std))(scaled(image, mean, std))


def red_for_all(image, mean, std):
    return np.stack([transformed(channel[None], mean[:1], std[:1])[0] for channel in image])


def standardized(image, mean, std):
    x = torch.tensor(np.asarray(image), dtype=torch.float64)
    std_own = x.std(dim=(1, 2), correction=0, keepdim=True).clamp(min=1e-9)
    return (x - x.mean(dim=(1, 2), keepdim=True)) / std_own


def counted_leak(train, validation):
    return len([each for each in validation if each in train])


def reversed_leak(train, validation):
    return looped_leak(validation, train)


def distinct_leak(train, validation):
    return looped_leak(list(set(train)), list(set(validation)))


def of_the_training(train, validation):
    return counted_leak(train, validation) / len(train)


def matches(train, validation):
    return sum(train.count(each) for each in validation) / len(validation)


def any_at_all(train, validation):
    return 1.0 if looped_leak(train, validation) else 0.0


def clean_share(train, validation):
    return sum(each not in train for each in validation) / len(validation)


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch08.check_learning, frozen_head, "head-forgotten"),
    (ch08.check_learning, weights_only, "no-bias"),
    (ch08.check_learning, from_the_end, "frozen-from-the-end"),
    (ch08.check_learning, everything, "everything"),
    (ch08.check_learning, head_only, "head-alone"),
    (ch08.check_learning, those_that_rest, "frozen-counted"),
    (ch08.check_learning, one_stage_late, "one-frozen-too-many"),
    (ch08.check_learning, bias_of_features, "a-bias-for-each-feature"),
    (ch08.check_depth_rates, fastest_first, "deep-slow"),
    (ch08.check_depth_rates, two_speeds, "one-factor"),
    (ch08.check_depth_rates, head_below_top, "head-too-slow"),
    (ch08.check_depth_rates, growing, "divided"),
    (ch08.check_depth_rates, lambda top, factor, depth: np.full(depth, top), "all-the-same"),
    (ch08.check_depth_rates, on_a_line, "in-equal-steps"),
    (ch08.check_depth_rates, multiplied, "times-the-depth"),
    (ch08.check_depth_rates, one_more, "one-rate-too-many"),
    (ch08.check_running_mean, still, "it-stays"),
    (ch08.check_running_mean, other_momentum, "momentum-of-the-old"),
    (ch08.check_running_mean, any_mode, "mode-ignored"),
    (ch08.check_running_mean, latest, "last-batch"),
    (ch08.check_running_mean, other_mode, "mode-turned-round"),
    (ch08.check_running_mean, grows, "old-not-faded"),
    (ch08.check_running_mean, plain_average, "average-of-all"),
    (ch08.check_running_mean, stopped, "first-batch-only"),
    (ch08.check_prepared, bytes_normalized, "still-bytes"),
    (ch08.check_prepared, fractions, "scaled-alone"),
    (ch08.check_prepared, blue_first, "channels-turned"),
    (ch08.check_prepared, standardized, "own-numbers"),
    (ch08.check_prepared, centered, "std-forgotten"),
    (ch08.check_prepared, scaled, "mean-forgotten"),
    (ch08.check_prepared, shrunk, "times-std"),
    (ch08.check_prepared, scaled_then_centered, "divided-first"),
    (ch08.check_prepared, red_for_all, "one-mean"),
    (ch08.check_leaked, counted_leak, "a-count"),
    (ch08.check_leaked, reversed_leak, "seen-from-the-training"),
    (ch08.check_leaked, distinct_leak, "leaves-not-pictures"),
    (ch08.check_leaked, clean_share, "the-clean-share"),
    (ch08.check_leaked, of_the_training, "share-of-the-training"),
    (ch08.check_leaked, matches, "pairs"),
    (ch08.check_leaked, any_at_all, "yes-or-no"),
], ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""))
def test_typical_wrong_answers_are_told_their_mistake(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_a_wrong_number_is_shown_with_the_smallest_case():
    feedback = ch08.check_learning(lambda parameters, frozen, features, classes: 1)
    assert feedback.mistake is None and feedback.message == "learning([10], 1, 2, 3) should be 9, got 1."
