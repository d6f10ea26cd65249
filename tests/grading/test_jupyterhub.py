"""The hub's road in a browser: log in, fetch, solve, submit, collect, grade, feedback; and what a student cannot reach.

As root on Linux: the hub runs each server as a user of its own, which this test makes and removes.
"""
import contextlib
import json
import pwd
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from playwright.sync_api import sync_playwright

from tests.grading.desk import Desk
from tests.grading.room import Room
from tests.grading.students import ASSIGNMENT, MARKS, POINTS, TASKS, cell_of, name_of
from tools.browser import FLAGS, chromium_path

NOTEBOOK = f"{ASSIGNMENT}/{ASSIGNMENT}.ipynb"
SOLVED = {"ada": TASKS, "ben": TASKS[:1]}


@pytest.fixture(scope="module")
def lesson():
    """Return what was seen from the first login to the feedback, by name."""
    # Playwright works once in a thread, and the tests of the site have theirs in this one
    with Room(*SOLVED) as room, ThreadPoolExecutor(1) as thread:
        seen = thread.submit(_lesson, room).result()
    seen["users left"] = [each.pw_name for each in pwd.getpwall() if each.pw_name.startswith(room.group)]
    seen["processes left"] = [each.info["name"] for each in psutil.process_iter(["name", "cmdline"])
                              if str(room.folder) in " ".join(each.info["cmdline"] or [])]
    seen["folder left"] = room.folder.exists()
    return seen


def _lesson(room):
    seen = {"room": room}
    room.run("teacher", sys.executable, "-m", "grading", "init", room.course)
    room.start()
    room.grading("release", ASSIGNMENT)
    room.grading("exchange", "publish", ASSIGNMENT, "--root", room.exchange)
    room.wait()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        with contextlib.closing(browser):
            seen["refused"] = _refused(Desk(browser, room, "ada"))
            desks = {name: Desk(browser, room, name) for name in ("teacher", *SOLVED)}
            for desk in desks.values():
                desk.log_in()  # their servers start side by side
            teacher = desks.pop("teacher")
            for name, desk in desks.items():
                _submit(desk, room, SOLVED[name], seen.setdefault(name, {}))
            seen["ada"]["reaches"] = _reach(desks["ada"], room)
            seen["neighbour"] = desks["ada"].status(f"{desks['ben'].base}/api/contents/{NOTEBOOK}")
            seen["collected"] = room.grading("exchange", "fetch", ASSIGNMENT, "--root", room.exchange)
            seen["teacher"] = _teacher(teacher, room)
            seen["graded"] = room.grading("grade", ASSIGNMENT)
            room.grading("feedback", ASSIGNMENT)
            seen["returned"] = room.grading("exchange", "return", ASSIGNMENT, "--root", room.exchange)
            for name, desk in desks.items():
                seen[name]["feedback"] = _feedback(desk)
    return seen


def _refused(desk):
    desk.log_in("not the password")
    desk.page.locator(".login_error").wait_for()
    return desk.page.locator(".login_error").inner_text()


def _submit(desk, room, tasks, seen):
    desk.wait_for_lab()
    seen["menu"] = desk.menu()
    desk.choose("Assignment List")
    desk.press("Fetch", "Submit")
    notebook = desk.read(NOTEBOOK)
    source = json.loads((room.course / "source" / NOTEBOOK).read_text(encoding="utf-8"))
    answers = {name_of(cell): MARKS.sub("", "".join(cell["source"])) for cell in source["cells"]}
    seen["fetched"] = json.dumps(notebook)
    for cell in notebook["cells"]:
        if name_of(cell) in [cell_of(task) for task in tasks]:
            cell["source"] = answers[name_of(cell)]
    desk.save(NOTEBOOK, notebook)
    desk.page.locator("#assignments").get_by_role("button", name="Submit", exact=True).click()
    desk.page.locator("#submitted_assignments_list .list_item").first.wait_for()


def _reach(desk, room):
    """Return what a terminal of a student's server says of the instructor's files, and of what is the student's."""
    files = {"gradebook": room.course / "gradebook.db", "source": room.course / "source" / NOTEBOOK,
             "course": room.course, "inbound": room.exchange / "cnn" / "inbound",
             "neighbour": room.home / room.names["ben"], "keys": room.folder / "state" / "cookie_secret",
             "hub": room.folder / "state" / "hub.sqlite", "own": NOTEBOOK}
    said = desk.type("; ".join(f"echo @{name}; cat {path} || ls {path}" for name, path in files.items()))
    return dict(re.findall(r"@(\w+)\n([^@]*)", said))


def _teacher(desk, room):
    desk.wait_for_lab()
    seen = {"menu": desk.menu(), "gradebook": desk.type(f"head -c 15 {room.course}/gradebook.db")}
    desk.choose("Formgrader")
    frame = desk.page.frame_locator("iframe[src*=formgrader]")
    frame.locator(f"td:has-text('{ASSIGNMENT}')").first.wait_for()
    seen["formgrader"] = frame.locator("tbody").first.inner_text()
    seen["autograde"] = room.run("teacher", "sh", "-c", f"cd {room.course} && {sys.executable} -m nbgrader autograde "
                                 f"{ASSIGNMENT} 2>&1", check=False)
    return seen


def _feedback(desk):
    desk.refresh()
    desk.press("Fetch Feedback", "view feedback")
    day, = desk.read(f"{ASSIGNMENT}/feedback")  # one submission's
    desk.page.goto(f"{desk.base}/files/{ASSIGNMENT}/feedback/{day}/{ASSIGNMENT}.html")
    return desk.page.locator("body").inner_text()


@pytest.mark.parametrize("name", SOLVED)
def test_student_sees_the_score_of_what_was_solved(lesson, name):
    points = sum(POINTS[task] for task in SOLVED[name])
    user = lesson["room"].names[name]
    assert f"{user}: graded, {points} of 15 points" in lesson["graded"]
    assert f"{ASSIGNMENT} (Score: {points:.1f} / 15.0)" in lesson[name]["feedback"]
    assert ("Right" in lesson[name]["feedback"]) and ("HIDDEN" not in lesson[name]["feedback"])


def test_exchange_counts_both_ways(lesson):
    assert lesson["collected"].startswith("2 submissions")
    assert "not collected" not in lesson["collected"]
    assert lesson["returned"].startswith("2 students")
    assert lesson["teacher"]["formgrader"].split()[:4] == [ASSIGNMENT, "None", "released", "2"]


def test_students_and_instructor_have_their_own_menus(lesson):
    assert [lesson[name]["menu"] for name in SOLVED] == [["Assignment List"]] * 2
    assert lesson["teacher"]["menu"] == ["Assignment List", "Formgrader", "Create assignment"]


def test_no_solution_reaches_a_student_with_the_assignment(lesson):
    assert "return None  # write your answer in place of this line" in lesson["ada"]["fetched"]
    assert "SOLUTION" not in lesson["ada"]["fetched"] and "HIDDEN" not in lesson["ada"]["fetched"]


@pytest.mark.parametrize("part", ["gradebook", "source", "course", "inbound", "neighbour", "keys", "hub"])
def test_students_server_cannot_read(lesson, part):
    first = lesson["ada"]["reaches"][part].splitlines()[0]
    assert first.startswith("cat: /") and first.endswith(": Permission denied")


def test_students_terminal_reads_what_is_the_students(lesson):
    assert json.loads(lesson["ada"]["reaches"]["own"])["nbformat"] == 4


def test_instructors_server_reads_the_gradebook(lesson):
    assert lesson["teacher"]["gradebook"] == "SQLite format 3"


def test_student_cannot_enter_a_neighbours_server(lesson):
    assert lesson["neighbour"] == 403


def test_wrong_password_is_refused(lesson):
    assert lesson["refused"] == "Invalid username or password"


def test_nbgraders_own_autograde_refuses(lesson):
    assert "runs students' code unguarded; use: python -m grading grade ch02" in lesson["teacher"]["autograde"]


def test_nothing_is_left(lesson):
    assert (lesson["users left"], lesson["processes left"], lesson["folder left"]) == ([], [], False)
