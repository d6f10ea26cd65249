"""The gradebook and the pages: late days, written answers, refusals, feedback without a hidden line."""
import html
import json
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from nbgrader.api import Gradebook

from grading.course import CourseError, init_course, open_course
from grading.feedback import feedback
from grading.grade import grade
from grading.late import extend, penalty
from grading.leaks import leaks
from grading.release import release
from grading.sandbox import ROOT
from tests.grading.students import ASSIGNMENT, hand_in, notebook, right

EVIL = ("<script>document.title='mine'</script> <img src=x onerror=alert(1)> [x](javascript:alert(1)) "
        "[y](java&#115;cript:x)")


@pytest.fixture(scope="module")
def graded(released):
    """Return a course in which a few students were graded."""
    hand_in(released, "ada", notebook(released, right(released)))
    wrong = {**right(released), "filter-map-answer": "def filter_map(*a, **o):\n    raise KeyError('mine')"}
    hand_in(released, "ben", notebook(released, {**wrong, "small-kernels-answer": f"I think $a < b$. {EVIL}"}))
    hand_in(released, "cleo", b"no notebook")
    path = hand_in(released, "dora", notebook(released, right(released)))
    path.with_name("timestamp.txt").write_text("2030-01-02 13:00:00.000000 UTC")
    grade(released, ASSIGNMENT, say=lambda line: None)
    return released


def scores(course):
    return {name: record["score"] for name, record in course.records(ASSIGNMENT).items()}


def test_scores_and_reasons(graded):
    assert scores(graded).items() >= {"ada": 12, "ben": 7, "cleo": 0}.items()
    assert graded.records(ASSIGNMENT)["cleo"]["reason"].startswith("ch02.ipynb is not a notebook.")
    rows = graded.records(ASSIGNMENT)["ben"]["rows"]
    assert "raised KeyError: 'mine'" in rows["filter-map-check"]["message"]


def test_late_days_are_taken_off_and_given_back(graded):
    assert scores(graded)["dora"] == pytest.approx(12 - 0.2 * 12)  # 25 hours: two days begun
    extend(graded, "dora", ASSIGNMENT, 2)
    grade(graded, ASSIGNMENT, students=["dora"], again=True, say=lambda line: None)
    assert scores(graded)["dora"] == 12
    with pytest.raises(CourseError, match=r"^extend: days must be at least 0, got -1$"):
        extend(graded, "dora", ASSIGNMENT, -1)


@pytest.mark.parametrize(("seconds", "days", "lost"), [
    (0, 0, 0), (900, 0, 0), (901, 0, 1), (86_400, 0, 1), (86_401, 0, 2), (86_400, 1, 0), (90_000_000, 0, 10)])
def test_penalty_counts_days_begun(seconds, days, lost):
    assert penalty(10, seconds, {"grace_minutes": 15, "percent_a_day": 10}, days) == lost


def test_written_answers_wait_for_a_person_and_an_empty_one_does_not(graded):
    with Gradebook(graded.database) as book:
        waiting = {name: [grade.name for grade in book.find_submission(ASSIGNMENT, name).notebooks[0].grades
                          if grade.needs_manual_grade] for name in ("ada", "ben")}
    assert waiting == {"ada": [], "ben": ["small-kernels-answer"]}


def test_a_manual_score_outlives_another_run(graded):
    with Gradebook(graded.database) as book:
        found = book.find_grade("small-kernels-answer", ASSIGNMENT, ASSIGNMENT, "ben")
        found.manual_score = 2
        book.db.commit()
    grade(graded, ASSIGNMENT, students=["ben"], again=True, say=lambda line: None)
    assert scores(graded)["ben"] == 9


def test_feedback_names_mistakes_and_hides_the_tests(graded):
    folders = feedback(graded, ASSIGNMENT)
    pages = {name: (folder / f"{ASSIGNMENT}.html").read_text() for name, folder in folders.items()}
    assert set(pages) >= {"ada", "ben", "cleo", "dora"}
    assert "Right: all cases pass." in pages["ada"]
    assert "raised KeyError: &#39;mine&#39;" in pages["ben"] or "raised KeyError: 'mine'" in pages["ben"]
    assert "This submission was not graded." in pages["cleo"]
    for page in pages.values():
        assert "grade_task" not in page and "HIDDEN TESTS" not in page
    assert leaks([graded.folder / "feedback" / "cleo"], [graded.folder / "source"]) == []
    assert leaks([graded.folder / "reports"], [graded.folder / "source"]) == []


def test_written_answers_run_nothing_in_the_instructors_browser(graded):
    page = (feedback(graded, ASSIGNMENT, ["ben"])["ben"] / f"{ASSIGNMENT}.html").read_text()
    body = page[page.index("I think"):]
    assert "<script>document.title" not in body and not re.search(r"<img[^>]*onerror", body)
    links = [html.unescape(link) for link in re.findall(r'href="([^"]*)"', body)]
    assert len(links) >= 2 and not [link for link in links if urlsplit(link).scheme not in ("", "http", "https")]
    assert "I think" in body and "mine" in body


def test_feedback_for_nobody_is_an_error(released):
    with pytest.raises(CourseError, match=r"^feedback: ch02: nothing was graded yet for nobody$"):
        feedback(released, ASSIGNMENT, ["nobody"])


def test_nbgraders_own_autograde_refuses(graded, tmp_path):
    subprocess.run(["cp", "-a", str(graded.folder), str(tmp_path / "course")], check=True)
    course = tmp_path / "course"
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text().replace(str(graded.folder), str(course)))
    done = subprocess.run([sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT, "--force"], cwd=course,
                          capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "use: python -m grading grade ch02" in done.stderr


def test_without_bubblewrap_nothing_is_graded(graded, monkeypatch, tmp_path):
    before = {path: path.read_bytes() for path in (graded.folder / "records").rglob("*.json")}
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"^sandbox: bubblewrap \(bwrap\) must be installed for grading, got none; .*"
                                         r"grade in a Linux container$"):
        grade(graded, ASSIGNMENT, again=True)
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho bwrap: setting up uid map: Permission denied >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    with pytest.raises(ValueError, match=r"^sandbox: a sandbox must start on this machine, got: bwrap: setting up uid"):
        grade(graded, ASSIGNMENT, again=True)
    assert {path: path.read_bytes() for path in (graded.folder / "records").rglob("*.json")} == before


def test_release_that_fails_keeps_the_old_edition(released, tmp_path):
    course = init_course(tmp_path / "course", "A course")
    release(course, ASSIGNMENT)
    old = course.notebook("release", ASSIGNMENT).read_bytes()
    path = course.notebook("source", ASSIGNMENT)
    made = json.loads(path.read_text())
    made["cells"][-1]["metadata"]["nbgrader"]["grade_id"] = made["cells"][0]["metadata"]["nbgrader"]["grade_id"]
    path.write_text(json.dumps(made))
    with pytest.raises(CourseError, match=r"^release: ch02: .*the nbgrader metadata may be corrupted\.$"):
        release(course, ASSIGNMENT)
    assert course.notebook("release", ASSIGNMENT).read_bytes() == old


def test_release_that_shows_a_solution_is_taken_back(tmp_path):
    course = init_course(tmp_path / "course", "A course")
    release(course, ASSIGNMENT)
    path = course.notebook("source", ASSIGNMENT)
    made = json.loads(path.read_text())
    made["cells"][0]["source"] = [*made["cells"][0]["source"], "\n<!-- macs += (size * channels * kernel) ** 2 -->"]
    made["cells"][0]["metadata"]["note"] = "macs += (size * channels * kernel) ** 2; size -= 1"
    solution = next(cell for cell in made["cells"] if cell["id"] == "look-and-cost-answer")
    assert "macs += (size * channels * kernel) ** 2" in "".join(solution["source"])
    path.write_text(json.dumps(made))
    with pytest.raises(CourseError, match=r"the student's edition shows a hidden line"):
        release(course, ASSIGNMENT)
    with pytest.raises(CourseError, match=r"there is no release notebook"):
        course.notebook("release", ASSIGNMENT)


def test_course_folder_is_its_owners_and_settings_are_checked(tmp_path):
    course = init_course(tmp_path / "course", "A course")
    assert course.folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(CourseError, match=r"there is a course already$"):
        init_course(tmp_path / "course", "Again")
    with pytest.raises(CourseError, match=r"no course is here; make one with: python -m grading init"):
        open_course(tmp_path)
    (course.folder / "course.toml").write_text("seed = ")
    with pytest.raises(CourseError, match=r"course\.toml: Invalid value"):
        open_course(course.folder)


def test_commands_say_what_is_wrong_in_one_line(tmp_path):
    done = subprocess.run([sys.executable, "-m", "grading", "--course", str(tmp_path), "grade", "ch02"], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("grading: ") and "no course is here" in done.stderr
