"""Run the whole fuzz: ``python -m tests.fuzz [--examples N] [--seed S] [NAME ...]``."""
import argparse
import sys
from collections import Counter

import torch

from tests.fuzz.runner import run
from tests.fuzz.table import ROWS

KINDS = ("inputs", "refused", "judged", "kept the rules")


def main(arguments=None):
    """Judge every row, print a line for each, and return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Call cnnlib with good and wild inputs.")
    parser.add_argument("--examples", type=int, default=700, metavar="N", help="inputs for each name (default 700)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the inputs (default 0)")
    parser.add_argument("names", nargs="*", metavar="NAME", help="rows, such as scratch.relu, or parts; default all")
    asked = parser.parse_args(arguments)
    chosen = [row for name, row in ROWS.items() if not asked.names or any(
        name == each or name.startswith(f"{each}.") or name.startswith(f"{each} ") for each in asked.names)]
    if not chosen:
        parser.error(f"no such name: {' '.join(asked.names)}")
    torch.set_num_threads(1)
    print(f"{'name':<46}{'inputs':>8}{'refused':>9}{'judged':>8}{'rules only':>12}{'seconds':>9}")
    total, seconds, wrong = Counter(), 0.0, []
    for row in chosen:
        try:
            counts, took = run(row, examples=asked.examples, start=asked.seed)
        except Exception as error:
            wrong.append(row.name)
            print(f"{row.name:<46}   WRONG: {error}", *getattr(error, "__notes__", []), sep="\n    ", flush=True)
            continue
        total, seconds = total + counts, seconds + took
        print(_line(row.name, counts, took), flush=True)
    print(_line("all", total, seconds))
    print(f"{total['inputs']} inputs of {len(chosen)} names, wrong: {', '.join(wrong) or 0}")
    return 1 if wrong else 0


def _line(name, counts, seconds):
    inputs, refused, judged, kept = (counts[kind] for kind in KINDS)
    return f"{name:<46}{inputs:>8}{refused:>9}{judged:>8}{kept:>12}{seconds:>9.1f}"


if __name__ == "__main__":
    sys.exit(main())
