"""Checks of the exercises, one module a chapter: each names the mistake that it finds."""

from cnnlib.exercises._check import Exercise, Feedback, Mistake, verify_exercise

__all__ = ["Exercise", "Feedback", "Mistake", "verify_exercise"]
