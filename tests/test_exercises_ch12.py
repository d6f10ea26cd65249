"""The exercises of chapter 12 can be trusted: the stub is unanswered, the reference passes, each mistake is named."""
import pytest

from cnnlib.exercises import ch12, verify_exercise


@pytest.mark.parametrize("name", ch12.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert len(ch12.EXERCISES[name].mistakes) >= 5
    verify_exercise(ch12.EXERCISES[name])


def test_each_check_belongs_to_its_exercise():
    checks = {name: getattr(ch12, f"check_{name}") for name in ch12.EXERCISES}
    assert checks == {name: each.check for name, each in ch12.EXERCISES.items()}
    assert [each.objective for each in ch12.EXERCISES.values()] == [2, 2, 3, 4, 6]
