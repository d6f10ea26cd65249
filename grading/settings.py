"""The settings of nbgrader for a course: its parts that serve as they are, and a refusal of the one that does not."""
import os
import sys
from pathlib import Path

from nbgrader.preprocessors import NbGraderPreprocessor

# nbgrader makes a gradebook with the command "alembic", which stands beside this Python and perhaps not on the PATH
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


class Unguarded(NbGraderPreprocessor):
    """Refuse nbgrader's own autograder, which runs students' code with the instructor's rights."""

    def preprocess(self, nb, resources):
        """Raise, in one line that names the guarded way."""
        raise RuntimeError("nbgrader's own autograde runs students' code unguarded; use: python -m grading grade "
                           f"{resources['nbgrader']['assignment']}")


def configure(config, folder):
    """Set nbgrader up for a course in a folder."""
    from grading.late import LateDays

    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.course_id = "cnn"
    config.ClearSolutions.code_stub = {"python": "return None  # write your answer in place of this line"}
    config.ClearSolutions.text_stub = "*Write your answer here.*"
    config.Autograde.sanitize_preprocessors = [Unguarded]
    config.AssignLatePenalties.plugin_class = LateDays
    return config
