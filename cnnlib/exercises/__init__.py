"""Checks of the exercises, one module a chapter: each names the mistake that it finds."""

from cnnlib.exercises._check import Exercise, Feedback, Mistake, Refusal, verify_exercise
from cnnlib.exercises._task import Task, check_task, find_task, grade_task

__all__ = ["Exercise", "Feedback", "Mistake", "Refusal", "Task", "check_task", "find_task", "grade_task",
           "verify_exercise"]
