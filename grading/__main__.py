"""The instructor's commands: ``python -m grading --help``."""
import argparse
import sys

from grading.course import CourseError, init_course, is_full, open_course


def parser():
    """Return the parser of all commands."""
    made = argparse.ArgumentParser(prog="python -m grading", description="Release, collect and grade assignments.")
    made.add_argument("--course", default="course", metavar="FOLDER", help="the course's folder (default: course)")
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, says, *options):
        added = commands.add_parser(name, help=says, description=says)
        for flags, settings in options:
            added.add_argument(*flags, **settings)

    assignment = (["assignment"], {"help": "its name, as ch02"})
    students = (["--student"], {"action": "append", "dest": "students", "help": "only this one; may be repeated"})
    command("init", "make a course's folder", (["folder"], {}), (["--name"], {"default": "Convolutional networks"}))
    command("release", "make the student's edition of an assignment", assignment,
            (["--due"], {"help": 'as "2027-03-01 12:00 UTC"'}))
    roster = (["--roster"], {"metavar": "FILE", "help": "the students, as CSV (default: roster.csv in the course)"})
    command("collect", "take submissions from a folder, or from a zip of Moodle or Canvas", assignment,
            (["place"], {"help": "the folder or the zip"}), roster,
            (["--handed-in"], {"metavar": "TIME", "help": 'for all, as "2027-03-01 12:00 UTC" (default: the files\')'}))
    command("grade", "grade what is new or has changed", assignment, students,
            (["--workers"], {"type": int, "default": 2}),
            (["--again"], {"action": "store_true", "help": "grade also what has not changed"}),
            (["--task"], {"help": "take over only this task's new result"}),
            (["--trust-submissions"], {"action": "store_true", "help": "run students' code WITHOUT a sandbox"}))
    command("feedback", "make the pages that students get back", assignment, students)
    command("exchange", "use nbgrader's exchange: publish an assignment, fetch submissions, return feedback",
            (["step"], {"choices": ["publish", "fetch", "return"]}), assignment,
            (["--root"], {"required": True, "metavar": "FOLDER", "help": "the exchange's folder"}))
    command("export", "write the grades as CSV", (["kind"], {"choices": ["canvas", "moodle", "plain"]}),
            (["assignments"], {"nargs": "*", "help": "all by default"}), roster,
            (["--missing"], {"choices": ["empty", "zero"], "default": "empty", "help": "who handed in nothing"}),
            (["--column"], {"action": "append", "default": [], "metavar": "NAME=COLUMN",
                            "help": 'an assignment\'s column there, as "ch02=Assignment 2 (1234)"'}),
            (["--to"], {"metavar": "FILE"}))
    command("statistics", "show which mistakes were common", assignment)
    command("extend", "give a student more days", (["student"], {}), assignment, (["days"], {"type": int}))
    command("edition", "make the student's edition of the book's assignments",
            (["--output"], {"default": "build/exercises", "metavar": "FOLDER"}))
    command("add-exercise", "add the cells of a new task to a course's source notebook", assignment,
            (["name"], {"help": "of the function that students write, as map_size"}),
            (["--points"], {"type": int, "required": True}))
    return made


def run(options):
    """Carry out a command; each imports what it needs, so that --help is quick."""
    if options.command == "init":
        course = init_course(options.folder, options.name)
        return f"The course is in {course.folder}"
    if options.command == "edition":
        from grading.edition import edition
        return f"{len(edition(options.output))} notebooks without a leak are in {options.output}"
    course = open_course(options.course)
    if options.command == "release":
        from grading.release import release
        return f"The student's edition is in {release(course, options.assignment, options.due)}"
    if options.command == "collect":
        from grading.collect import collect, summary
        return summary(collect(course, options.assignment, options.place, roster=options.roster,
                               handed_in=options.handed_in))
    if options.command == "grade":
        from grading.grade import grade
        rows = grade(course, options.assignment, workers=options.workers, students=options.students,
                     again=options.again, task=options.task, trusted=options.trust_submissions)
        return f"{len(rows)} submissions are in {course.folder / 'reports' / options.assignment}.csv"
    if options.command == "feedback":
        from grading.feedback import feedback
        made = feedback(course, options.assignment, options.students)
        return f"{len(made)} pages are in {course.folder / 'feedback'}"
    if options.command == "exchange":
        from grading.exchange import carry_out
        return carry_out(course, options.step, options.assignment, options.root)
    if options.command == "export":
        from grading.export import export
        columns = dict(text.partition("=")[::2] for text in options.column)
        path = export(course, options.kind, assignments=options.assignments, roster=options.roster,
                      missing=options.missing, columns=columns, to=options.to)
        return f"The grades are in {path}"
    if options.command == "statistics":
        from grading.mistakes import statistics
        return "{}\n\nThe table is in {}, the plot in {}".format(*statistics(course, options.assignment))
    if options.command == "extend":
        from grading.late import extend
        extend(course, options.student, options.assignment, options.days)
        return f"{options.student} has {options.days} days more for {options.assignment}; grade with --again"
    if options.command == "add-exercise":
        from grading.add import add_exercise
        path = add_exercise(course, options.assignment, options.name, options.points)
        return f"The new cells stand at the end of {path}"
    raise CourseError(f"{options.command}: no such command")


def main(arguments=None):
    """Return 0, or a line that says what is wrong."""
    try:
        print(run(parser().parse_args(arguments)))
    except Exception as error:
        if is_full(error):  # nbgrader says it as a ValueError, too
            return "grading: the disk is full; make room, then the same command goes on where it was"
        if not isinstance(error, (CourseError, ValueError)):
            raise
        return f"grading: {error}"
    except KeyboardInterrupt:
        return "grading: stopped; the same command goes on where it was"
    return 0


if __name__ == "__main__":
    sys.exit(main())
