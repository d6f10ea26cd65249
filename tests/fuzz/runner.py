"""Draw the inputs of a row, judge every call and count."""
import time
import warnings
from collections import Counter

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.values import LAYOUTS, inputs
from tests.fuzz.watch import judged, memory_limit


def run(row, *, examples, start=0):
    """Judge a row with a number of inputs.

    Args:
        row: of the table.
        examples: how many inputs are drawn.
        start: seed of the inputs; None takes the same ones in every run of a test.

    Returns:
        (counts, seconds): how many inputs there were, "refused", "judged" or "kept the rules".

    Raises:
        Fault: something is wrong; the notes of the error name the smallest input for which it is.
    """
    counts, began = Counter(), time.perf_counter()

    @seed(start)
    @settings(max_examples=examples, deadline=None, database=None, derandomize=False, report_multiple_bugs=False,
              phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck))
    @given(call=inputs(row), layout=st.sampled_from((None, *LAYOUTS)))
    def every_call(call, layout):
        counts["inputs"] += 1
        counts[judged(row, call, layout=layout)] += 1

    with memory_limit(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the judges; what cnnlib says is listened to by the watch
        every_call()
    return counts, time.perf_counter() - began
