"""One-dimensional data: a sound made of tones and a short English text."""
from pathlib import Path

import numpy as np

from cnnlib._arguments import number, whole

TONES = (440.0, 660.0, 880.0)  # Hz: a tone, its fifth, its octave
_TEXT = Path(__file__).parent / "files" / "text.txt"


def make_sound(*, seconds=0.5, rate=8000, seed=0):
    """Return three tones after each other, each with a soft start and end, and a little noise.

    Args:
        seconds: length of the whole sound.
        rate: samples a second, at least 2,000, so that each tone fits below half the rate.
        seed: of the noise.

    Returns:
        Samples, (L,), float64, from -1 to 1, and the rate.

    Raises:
        ValueError: seconds is not positive, the rate is too low, or there are fewer than 3 samples.

    Source:
        made by this function.

    >>> samples, rate = make_sound()
    >>> samples.shape, rate
    ((4000,), 8000)
    """
    rate = whole("make_sound", "rate", rate, least=2000)
    number("make_sound", "seconds", seconds, low=3 / rate, high=1e7 / rate, rule="long enough for 3 to 10⁷ samples")
    rng = np.random.default_rng(whole("make_sound", "seed", seed, least=0))
    tones = [_tone(len(part), pitch / rate)
             for pitch, part in zip(TONES, np.array_split(np.arange(round(seconds * rate)), 3), strict=True)]
    samples = np.concatenate(tones)
    return np.clip(samples + rng.normal(0, 0.02, samples.size), -1, 1), rate


def _tone(count, cycles):
    time = np.arange(count)
    return 0.8 * np.sin(np.pi * (time + 0.5) / count) ** 0.5 * np.sin(2 * np.pi * cycles * time)


def load_text():
    """Return a short English text about watching a street: plain words, two paragraphs.

    Source:
        written for this book; files/LICENSES.md names the license.

    >>> load_text().split()[:6]
    ['A', 'cat', 'sits', 'at', 'the', 'window']
    """
    return _TEXT.read_text(encoding="utf-8")
