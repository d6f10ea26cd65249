"""The website's server under 200 readers, and the hub with a class of 20: ``python -m benchmarks.servers [SITE]``.

Everything listens on 127.0.0.1 only and ends with this program. The hub's part makes system users, so it needs root.
"""
import json
import os
import platform
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from benchmarks._moves import percentile
from tests.site.crowd import Site, read
from tools.caddy import Server
from tools.project import ROOT
from tools.serve import free_port

RESULTS = Path(__file__).resolve().parent / "results" / "servers.md"
READERS, SECONDS = 200, 60
LOOK = 5  # seconds that a reader who is in no hurry looks at a page
STUDENTS, CHAPTER = 20, "05_cnn_architecture"
MINUTES = 15  # that the class may take

RESULT = """# Servers

{machine}; the readers and the students' programs run on the same machine and share its cores.

## The website

{readers} readers at the same time for {seconds} s, each over six kept connections, at the server of deploy/static with
gzip. A reader loads a page and all that it names, with nothing kept from the page before; each answer is compared with
its file. Two rows: readers who look at each page for {look} s, and readers who do not look at all, which is as much as
the machine gives.

{site}

*Again on a new connection*: requests that a browser sends again by itself, because the server had closed the connection
between two requests. *Failed*: requests that got no answer on a new connection either; these readers asked again until
they had one. *Cut*: of these, answers that broke off after they had begun.

## The hub

{students} students with the hub of deploy/jupyterhub, all at the same time: log in, start a server, fetch the
assignment, run {chapter}.ipynb, solve and run the assignment, submit. A third solves all tasks, a third one, a third
none.

{hub}
"""


def visits(site):
    """Return a name, the Tally, the seconds and the server's memory in megabytes for each way to read the site."""
    ways = {f"a page, then {LOOK} s": (LOOK, None), "page after page": (0, None),
            "page after page, a reload in the middle": (0, Server.reload),
            "page after page, stopped and started in the middle": (0, Server.restart)}
    found = []
    for name, (pause, middle) in ways.items():
        with Server(site.folder, free_port()) as server:
            began = time.monotonic()
            call = middle and (lambda server=server, middle=middle: middle(server))
            tally = read(server.address, site, readers=READERS, seconds=SECONDS, pause=pause, middle=call)
            found.append((name, tally, time.monotonic() - began, server.memory()))
        print(name, len(tally.times), tally.failed, tally.cut, tally.wrong[:3], flush=True)
    return found


def lesson():
    """Return what a class on the hub took: a dict of figures by name."""
    from tests.grading.classroom import Memory
    from tests.grading.room import Room
    from tests.grading.students import ASSIGNMENT, POINTS, TASKS

    tasks = {f"s{number:02}": [TASKS, TASKS[:1], []][number % 3] for number in range(STUDENTS)}
    with Room(*tasks) as room:
        room.run("teacher", sys.executable, "-m", "grading", "init", room.course)
        room.start()
        room.grading("release", ASSIGNMENT)
        room.grading("exchange", "publish", ASSIGNMENT, "--root", room.exchange)
        room.wait()
        with Memory(room) as memory:
            began = time.monotonic()
            times = _together(room, tasks)
            seconds = time.monotonic() - began
        collected = room.grading("exchange", "fetch", ASSIGNMENT, "--root", room.exchange)
        graded = room.grading("grade", ASSIGNMENT)
        right = sum(f"{room.names[name]}: graded, {sum(POINTS[task] for task in solved)} of 15 points" in graded
                    for name, solved in tasks.items())
        return {"minutes": seconds / 60, "start": max(row["start"] for row in times),
                "chapter": max(row["chapter"] for row in times), "errors": sum(row["errors"] for row in times),
                "refused": sum(row["refused"] for row in times), "collected": int(collected.split()[0]),
                "right": right, "hub": memory.hub, "students": memory.students, "largest": memory.largest}


def _together(room, tasks):
    """Let all students work at the same time, and return their figures; where one fails, the hub ends for all."""
    from tests.grading.classroom import NOTEBOOK

    source = json.loads((room.course / "source" / NOTEBOOK).read_text(encoding="utf-8"))
    chapter = json.loads((ROOT / "notebooks" / f"{CHAPTER}.ipynb").read_text(encoding="utf-8"))
    gate = threading.Barrier(len(tasks))
    with ThreadPoolExecutor(len(tasks)) as pool:
        work = [pool.submit(_work, room, name, solved, source, chapter, gate) for name, solved in tasks.items()]
        try:
            return [each.result() for each in work]
        except BaseException as error:
            error.add_note(f"The hub said last:\n{room.log()[-5000:]}")
            room.end()  # so that nobody waits for an answer
            raise


def _work(room, name, tasks, source, chapter, gate):
    """Do what a student does in a lesson, and return the figures."""
    from tests.grading.classroom import NOTEBOOK, Student, solved
    from tests.grading.students import ASSIGNMENT

    with Student(room, name) as student:
        gate.wait(60)
        began = time.monotonic()
        student.log_in()
        student.start()
        ready = time.monotonic()
        given = student.fetch()
        student.save(f"{CHAPTER}.ipynb", chapter)
        errors = student.run(chapter)
        read_it = time.monotonic()
        notebook = solved(given, source, tasks)
        student.save(NOTEBOOK, notebook)
        errors += student.run(notebook, ASSIGNMENT)
        student.submit()
        return {"start": ready - began, "chapter": read_it - ready, "errors": len(errors), "refused": student.refused}


def site_table(found):
    """Return the table of the website's figures."""
    rows = ["| readers | requests | wrong answers | again on a new connection | failed | cut | pages a second | MB/s | "
            "p50 ms | p95 ms | worst ms | server's memory, MB |", "|---" * 12 + "|"]
    for name, tally, seconds, memory in found:
        times = [1000 * took for _, took in tally.times]
        rows.append(f"| {name} | {len(times) + len(tally.wrong)} | {len(tally.wrong)} | {tally.renewed} | "
                    f"{tally.failed} | {tally.cut} | {tally.pages / seconds:.0f} | {tally.bytes / 1e6 / seconds:.1f} | "
                    f"{percentile(times, 0.5):.0f} | {percentile(times, 0.95):.0f} | {max(times):.0f} | {memory:.0f} |")
    return "\n".join(rows)


def hub_table(seen):
    """Return the table of the hub's figures, or a line that says why there are none."""
    if seen is None:
        return "Not measured: it makes system users, and this was not root on Linux."
    return ("| what | measured | limit |\n|---|---|---|\n"
            f"| submissions collected | {seen['collected']} | {STUDENTS} |\n"
            f"| scores as known | {seen['right']} | {STUDENTS} |\n| cells that failed | {seen['errors']} | 0 |\n"
            f"| asked to come back for a server | {seen['refused']} | |\n"
            f"| from the first login to the last submission, minutes | {seen['minutes']:.1f} | {MINUTES} |\n"
            f"| until the last server was ready, seconds | {seen['start']:.0f} | |\n"
            f"| the chapter, slowest student, seconds | {seen['chapter']:.0f} | |\n"
            f"| most memory of all students together, MB | {seen['students']:.0f} | |\n"
            f"| most memory of one student, MB | {seen['largest']:.0f} | |\n"
            f"| most memory of the hub and its proxy, MB | {seen['hub']:.0f} | |")


def broken(found, seen):
    """Return a text for each limit that does not hold."""
    texts = [f"{name}: {tally.wrong[0]}" for name, tally, _, _ in found if tally.wrong]
    texts += [f"{name}: {tally.failed} requests failed" for name, tally, _, _ in found[:2] if tally.failed]
    texts += [f"{name}: {tally.cut} answers broke off" for name, tally, _, _ in found if tally.cut]
    if seen and (seen["collected"], seen["right"], seen["errors"]) != (STUDENTS, STUDENTS, 0):
        texts.append(f"the hub lost something: {seen}")
    if seen and seen["minutes"] > MINUTES:
        texts.append(f"the class took {seen['minutes']:.1f} minutes, limit {MINUTES}")
    return texts


def main(arguments):
    """Measure, write the results and say which limit is broken."""
    folder = Path(arguments[0]) if arguments else ROOT / "_build" / "html"
    if not (folder / "book" / "index.html").is_file():
        return f"benchmarks.servers: no website in {folder}, run: make site"
    if platform.system() != "Linux":
        print("benchmarks.servers: the servers are for Linux; nothing measured")
        return 0
    seen = lesson() if os.geteuid() == 0 else None
    found = visits(Site(folder))
    memory = psutil.virtual_memory().total / 2**30
    RESULTS.write_text(RESULT.format(
        machine=f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB of memory", readers=READERS,
        seconds=SECONDS, look=LOOK, site=site_table(found), students=STUDENTS, chapter=CHAPTER, hub=hub_table(seen)),
        encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))
    texts = broken(found, seen)
    return f"benchmarks.servers: {'; '.join(texts)}" if texts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
