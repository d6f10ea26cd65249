"""The gradebook holds what was graded: after it was lost, after an older copy came back, beside a person's points."""
import re
import shutil

import pytest
from nbgrader.api import Gradebook

from grading.course import open_course
from grading.grade import grade
from grading.release import release
from tests.grading.students import ASSIGNMENT, hand_in, notebook, right

WRITTEN = "small-kernels-answer"


@pytest.fixture(scope="module")
def graded(released):
    """Return a course: ada has 12 points and a written answer, dora came late, cleo's file is no notebook."""
    hand_in(released, "ada", notebook(released, {**right(released), WRITTEN: "They cost less."}))
    path = hand_in(released, "dora", notebook(released, right(released, "filter_map")))
    path.with_name("timestamp.txt").write_text("2030-01-02 13:00:00.000000 UTC")
    hand_in(released, "cleo", b"no notebook")
    assert run(released) == [
        "ada: graded, 12 of 15 points; 1 answer waits to be read",
        "cleo: refused, 0 of 15 points (ch02.ipynb is not a notebook. Save it again and hand it in again.)",
        "dora: graded, 4 of 15 points"]
    return released


@pytest.fixture
def course(graded, tmp_path):
    """Return a copy of the course, to change."""
    return open_course(shutil.copytree(graded.folder, tmp_path / "course"))


def run(course, **options):
    """Grade, and return what was said."""
    said = []
    grade(course, ASSIGNMENT, say=said.append, **options)
    return sorted(said)


def points(course):
    """Return the points, the loss for late days and the number of waiting answers in the gradebook, by student."""
    with Gradebook(course.database) as book:
        return {each.student.id: (each.score, each.late_submission_penalty or 0,
                                  sum(grade.needs_manual_grade for grade in each.notebooks[0].grades))
                for each in book.assignment_submissions(ASSIGNMENT)}


def give(course, cell, score):
    """Give points by hand, as formgrader does."""
    with Gradebook(course.database) as book:
        found = book.find_grade(cell, ASSIGNMENT, ASSIGNMENT, "ada")
        found.manual_score, found.needs_manual_grade = score, False
        book.db.commit()


def test_lost_gradebook_is_filled_again(course):
    before = points(course)
    assert before == {"ada": (12, 0, 1), "dora": (5, 1, 0), "cleo": (0, 0, 0)}
    (course.folder / "gradebook.db").unlink()
    release(course, ASSIGNMENT, due="2030-01-01 12:00 UTC")
    assert len(run(course)) == 3
    assert points(course) == before
    assert run(course) == []


def test_older_gradebook_is_brought_up_to_date(course):
    older = shutil.copy(course.folder / "gradebook.db", course.folder / "older.db")
    hand_in(course, "ada", notebook(course, right(course, "map_shape")))
    (course.folder / "submitted" / "dora" / ASSIGNMENT / "timestamp.txt").unlink()
    assert run(course) == ["ada: graded, 3 of 15 points", "dora: graded, 5 of 15 points"]
    after = points(course)
    shutil.copy(older, course.folder / "gradebook.db")
    assert len(run(course)) == 2 and points(course) == after


def test_points_by_hand_stay_and_start_no_grading(course):
    give(course, WRITTEN, 2)
    assert run(course) == []
    assert points(course)["ada"] == (14, 0, 0)


def test_answer_that_was_read_waits_again_only_when_it_has_changed(course):
    give(course, WRITTEN, 2)
    give(course, "filter-map-check", 4)
    assert run(course, students=["ada"], again=True) == ["ada: graded, 13 of 15 points"]
    assert points(course)["ada"] == (13, 0, 0)
    changed = {**right(course, "map_shape", "filter_map"), WRITTEN: "They cost less."}
    hand_in(course, "ada", notebook(course, changed))  # the words are the same, and the code is not
    assert run(course) == ["ada: graded, 9 of 15 points; 1 answer waits to be read"]
    hand_in(course, "ada", notebook(course, {**changed, WRITTEN: "They cost more."}))
    assert run(course) == ["ada: graded, 9 of 15 points; 2 answers wait to be read"]
    assert points(course)["ada"] == (9, 0, 2)


def test_one_task_of_a_changed_submission_leaves_the_rest_to_the_next_run(course):
    hand_in(course, "ada", notebook(course, right(course, "map_shape")))
    assert run(course, students=["ada"], task="filter_map") == ["ada: graded, 7 of 15 points"]
    assert run(course) == ["ada: graded, 3 of 15 points"]
    assert run(course) == []


def test_one_task_of_a_changed_check_is_not_followed_by_the_others(course):
    path = course.notebook("source", ASSIGNMENT)
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")  # as an edited check: another basis
    assert len(run(course, task="filter_map")) == 3
    assert run(course) == []


def test_one_task_of_a_new_submission_is_all_of_it(course):
    hand_in(course, "new", notebook(course, right(course, "map_shape", "filter_map")))
    assert run(course, students=["new"], task="filter_map") == ["new: graded, 8 of 15 points"]
    assert run(course) == []


def test_failed_submission_is_graded_again(course, monkeypatch):
    hand_in(course, "ada", notebook(course, right(course)))

    def ended(jobs, **options):
        yield from ((job, {"status": "failed", "reason": "The grader's process ended.", "seconds": 0}) for job in jobs)

    with monkeypatch.context() as patch:
        patch.setattr("grading.grade.graded", ended)
        assert run(course) == ["ada: failed, 0 of 15 points (The grader's process ended.)"]
    assert run(course) == ["ada: graded, 12 of 15 points"]
    assert run(course) == []


def test_untouched_answers_are_noted(course):
    untouched = {name: record["untouched"] for name, record in course.records(ASSIGNMENT).items()}
    assert untouched["ada"] == []
    assert re.findall("[a-z-]+", str(untouched["dora"])) == ["map-shape-answer", "look-and-cost-answer", WRITTEN]
