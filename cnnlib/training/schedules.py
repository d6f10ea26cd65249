"""Learning rates that change with the step: each schedule is a factor on the rate, a function of step and steps."""
import math

from cnnlib._arguments import above_zero, at_least_zero, fraction, whole


def constant():
    """Return a schedule that stays at 1.

    >>> constant()(5, 10)
    1.0
    """
    return lambda step, steps: 1.0


def step_decay(*, every, factor=0.1):
    """Return a schedule that is multiplied by factor again and again.

    Args:
        every: how many steps lie between two cuts.
        factor: what each cut leaves, above 0.

    Raises:
        ValueError: every is no whole number of at least 1, or factor not above 0.

    Source:
        ``torch.optim.lr_scheduler.StepLR``, counted in steps.

    >>> [round(step_decay(every=2)(step, 6), 3) for step in range(6)]
    [1.0, 1.0, 0.1, 0.1, 0.01, 0.01]
    """
    every, factor = whole("step_decay", "every", every, least=1), above_zero("step_decay", "factor", factor)
    return lambda step, steps: factor ** (step // every)


def cosine(*, end=0.0):
    """Return a schedule that falls from 1 to ``end`` along half a wave.

    Args:
        end: the last factor, a fraction of 1.

    Raises:
        ValueError: end is no fraction of 1.

    Source:
        Loshchilov & Hutter (2017), SGDR: Stochastic Gradient Descent with Warm Restarts, eq. 5, without restarts.

    >>> [round(cosine()(step, 4), 3) for step in range(4)]
    [1.0, 0.854, 0.5, 0.146]
    """
    end = fraction("cosine", "end", end)
    return lambda step, steps: end + (1 - end) * (1 + math.cos(math.pi * step / steps)) / 2


def warm_up(after, *, steps, start=0.0):
    """Return a schedule that rises from ``start`` to 1 along a line and then follows another one.

    Args:
        after: the schedule that follows; its own step 0 is the first one at full rate.
        steps: how many steps the rise takes.
        start: the first factor, a fraction of 1.

    Raises:
        ValueError: steps is no whole number of at least 1, or start no fraction of 1.

    Source:
        Goyal et al. (2017), Accurate, Large Minibatch SGD, section 2.2.

    >>> [round(warm_up(constant(), steps=4)(step, 8), 2) for step in range(6)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """
    rise, start = whole("warm_up", "steps", steps, least=1), fraction("warm_up", "start", start)

    def factor(step, steps):
        if step < rise:
            return start + (1 - start) * step / rise
        return after(step - rise, max(1, steps - rise))
    return factor


def one_cycle(*, rise=0.3, first=25.0, last=1e4):
    """Return a schedule that rises to 1 and falls far below where it began, both along half a wave.

    Args:
        rise: the share of the steps that the rise takes, a fraction of 1.
        first: 1 over the first factor.
        last: the last factor is the first over this.

    Raises:
        ValueError: an option is out of its range.

    Source:
        Smith & Topin (2019), Super-Convergence; the numbers and waves are those of PyTorch's ``OneCycleLR``.

    >>> [round(one_cycle()(step, 10), 3) for step in (0, 2, 9)]
    [0.04, 1.0, 0.0]
    """
    rise, first = fraction("one_cycle", "rise", rise), above_zero("one_cycle", "first", first)
    last = above_zero("one_cycle", "last", last)

    def factor(step, steps):
        top = rise * steps - 1
        if step <= top:
            return _wave(1 / first, 1, step / top if top else 1)
        return _wave(1, 1 / first / last, (step - top) / max(steps - 1 - top, 1e-12))
    return factor


def _wave(begin, end, share):
    return end + (begin - end) * (1 + math.cos(math.pi * min(at_least_zero("one_cycle", "step", share), 1))) / 2
