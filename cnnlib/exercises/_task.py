"""Tasks of the assignments: exercises whose graded cases are drawn from the course's seed.

The cases that a student sees are few and fixed. The graded ones come from a seed that only the course knows, so that a
published table of results is worth nothing in the next course.
"""
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module

import numpy as np

from cnnlib.exercises._check import Exercise
from cnnlib.exercises._watch import watching

SEED = "CNN_COURSE_SEED"  # the variable that holds the course's seed while answers are graded


@dataclass(frozen=True, kw_only=True)
class Task:
    """A graded task.

    Attributes:
        exercise: what is asked, with the cases that the student sees.
        points: what a right answer is worth.
        draw: called with a ``numpy.random.Generator``, returns the graded cases, smallest first.
        forbidden: the finished functions that the answer may not call, as ``watching`` takes them.
    """

    exercise: Exercise
    points: int
    draw: Callable
    forbidden: tuple[str, ...] = ()

    @property
    def name(self):
        """The task's name: the one of the function that the student writes."""
        return self.exercise.name

    def graded(self, seed):
        """Return the exercise with the cases that a seed draws behind the visible ones."""
        random = np.random.default_rng([*f"{seed}/{self.name}".encode()])
        return replace(self.exercise, cases=self.exercise.cases + tuple(self.draw(random)))

    def guarded(self, answer):
        """Return a function that calls an answer and refuses forbidden calls.

        What stands for an answer in the grader has a ``forbid``: the calls are then watched where they happen.
        """
        if hasattr(type(answer), "forbid"):
            return answer.forbid(self.forbidden)
        own = [self.exercise.reference, *(mistake.wrong for mistake in self.exercise.mistakes)]

        def call(*arguments, **options):
            with watching(self.forbidden, own):
                return answer(*arguments, **options)

        return call if callable(answer) else answer


def find_task(assignment, name):
    """Return a task of an assignment.

    Args:
        assignment: the chapter, as "ch02".
        name: the name of the function that the student writes.

    Raises:
        ValueError: there is no such assignment, or no such task in it.

    >>> find_task("ch02", "map_shape").points
    3
    """
    try:
        tasks = import_module(f"cnnlib.exercises.assignments.{assignment}").TASKS
    except ModuleNotFoundError:
        raise ValueError(f"find_task: assignment must be one of the course's, got {assignment}") from None
    found = {task.name: task for task in tasks}
    if name not in found:
        raise ValueError(f"find_task: task must be one of {', '.join(found)}, got {name}")
    return found[name]


def check_task(assignment, name, answer):
    """Return feedback on an answer by the cases that the student sees.

    Args:
        assignment: the chapter, as "ch02".
        name: the name of the task.
        answer: the student's function or class.

    Returns:
        Feedback, as ``Exercise.check``.
    """
    task = find_task(assignment, name)
    return task.exercise.check(task.guarded(answer))


def grade_task(assignment, name, answer):
    """Raise unless an answer is right, by the visible cases and those of the course's seed.

    Args:
        assignment: the chapter, as "ch02".
        name: the name of the task.
        answer: the student's function or class, or what stands for it in the grader.

    Raises:
        AssertionError: the answer is wrong or missing; its argument is the Feedback.
    """
    task = find_task(assignment, name)
    feedback = task.graded(os.environ.get(SEED, "")).check(task.guarded(answer))
    if not feedback.passed:
        raise AssertionError(feedback)

