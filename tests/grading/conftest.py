"""A course with one released assignment."""
import platform
import re
import warnings

import pytest

from grading.course import init_course, open_course
from grading.release import release
from tests.grading.students import ASSIGNMENT

collect_ignore_glob = [] if platform.system() == "Linux" else ["test_*.py"]  # grading under guard is for Linux


@pytest.fixture(autouse=True)
def quiet():
    """Let nbgrader's own use of its database pass."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Object of type <Submitted")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Return a course with a released assignment; its limits are short."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        course = init_course(tmp_path_factory.mktemp("term") / "course", "A course")
        path = course.folder / "course.toml"
        path.write_text(re.sub("cell_seconds = 20", "cell_seconds = 12", path.read_text()))
        release(open_course(course.folder), ASSIGNMENT, due="2030-01-01 12:00 UTC")
    return open_course(course.folder)
