"""Collect: hostile and broken zips, links, bombs, and rosters that cannot be."""
import os
import shutil
import stat
import struct
import zipfile

import pytest

from grading import incoming
from grading.__main__ import main
from grading.collect import collect
from grading.course import CourseError, open_course
from grading.roster import read_roster
from tests.grading.arrivals import NAME, everything, folder_of, notebook, reasons, run, taken, zip_of
from tests.grading.students import ASSIGNMENT


@pytest.fixture
def course(released, tmp_path):
    shutil.copytree(released.folder, tmp_path / "course")
    return open_course(tmp_path / "course")


def hostile_entries():
    link = zipfile.ZipInfo(f"eve/{NAME}")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return {link: "/etc/passwd", "../../outside.ipynb": notebook("1"), f"ok/../../up/{NAME}": notebook("2"),
            "/tmp/absolute.ipynb": notebook("3"), "..\\..\\windows.ipynb": notebook("4"),
            f"C:\\x\\{NAME}": notebook("5"), f"big/{NAME}": " " * (5 * 2**20 + 1), f"ada/{NAME}": notebook("a")}


def test_hostile_zip_leaves_nothing_outside(course, tmp_path):
    before = everything(tmp_path)
    place = zip_of(tmp_path, hostile_entries())
    rows = run(course, place)
    assert taken(course) == {"ada": "a"}
    assert sorted(reasons(rows)) == sorted(["a link", "larger than 5 MB", *[incoming.OUTSIDE] * 5])
    added = {path for path in set(everything(tmp_path)) - set(before) if path.suffix == ".ipynb"}
    assert [str(path) for path in added] == [f"course/submitted/ada/{ASSIGNMENT}/{NAME}"]


def test_bomb_is_refused_before_it_is_read(course, tmp_path, monkeypatch):
    monkeypatch.setattr(incoming, "TOTAL", 10 * 2**20)
    place = zip_of(tmp_path, {f"s{number}/{NAME}": " " * (4 * 2**20) for number in range(3)})
    assert place.stat().st_size < 100_000
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *a, **o: pytest.fail("the bomb was read"))
    message = r"in\.zip: must hold at most 50000 files and 10 MB unpacked, got 3 files and 12 MB$"
    with pytest.raises(CourseError, match=message):
        run(course, place)


def test_zip_whose_sizes_lie(course, tmp_path):
    place = zip_of(tmp_path, {f"ada/{NAME}": " " * (6 * 2**20)})
    data = place.read_bytes().replace(struct.pack("<L", 6 * 2**20), struct.pack("<L", 1000))
    place.write_bytes(data)
    assert reasons(run(course, place)) == ["broken in the zip"] and taken(course) == {}


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda data: b"not a zip", "must be a folder or a zip file; it is broken, or something else"),
    (lambda data: data[:len(data) // 2], "must be a folder or a zip file; it is broken, or something else"),
    (lambda data: data.replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"), "must not be encrypted; unpack"),
], ids=["no-zip", "half", "encrypted"])
def test_broken_or_encrypted_zip_in_one_line(course, tmp_path, spoil, message):
    place = zip_of(tmp_path, {f"ada/{NAME}": notebook("a")})
    spoiled = spoil(place.read_bytes())
    assert spoiled != place.read_bytes()
    place.write_bytes(spoiled)
    said = main(["--course", str(course.folder), "collect", ASSIGNMENT, str(place)])
    assert said.startswith(f"grading: {place}: {message}") and "\n" not in said and taken(course) == {}


def test_one_damaged_file_does_not_stop_the_others(course, tmp_path):
    place = zip_of(tmp_path, {f"ada/{NAME}": notebook("a" * 500), f"ben/{NAME}": notebook("b")})
    data = bytearray(place.read_bytes())
    data[70:80] = b"\xff" * 10  # inside the first file's compressed bytes
    place.write_bytes(data)
    rows = run(course, place)
    assert taken(course) == {"ben": "b"} and reasons(rows) == ["broken in the zip"]


def test_links_and_pipes_in_a_folder(course, tmp_path):
    place = folder_of(tmp_path, {f"ada/{NAME}": notebook("a"), "elsewhere/x.txt": "secret"})
    for student in ("ben", "cleo"):
        (place / student).mkdir()
    (place / "ben" / NAME).symlink_to(place / "ada" / NAME)
    os.mkfifo(place / "cleo" / NAME)
    (place / "dora").symlink_to(place / "ada")
    rows = run(course, place)
    assert taken(course) == {"ada": "a"}
    assert {row["student"]: row["reason"] for row in rows if row["reason"] in ("a link", "no plain file")} == {
        "ben": "a link", "cleo": "no plain file"}


def test_terminal_and_table_are_safe_from_names(course, tmp_path):
    place = zip_of(tmp_path, {f"=HYPERLINK(1)\x1b[2J_1_assignsubmission_file_/{NAME}": notebook("a")})
    said = []
    collect(course, ASSIGNMENT, place, say=said.append)
    assert "\x1b" not in "".join(said) and "'=HYPERLINK" in (
        course.folder / "reports" / f"{ASSIGNMENT}-collect.csv").read_text()


@pytest.mark.parametrize(("text", "wanted"), [
    ("Student,ID,SIS User ID,SIS Login ID,Section,HW (12)\n    Points Possible,,,,,10\n"
     "\"Lovelace, Ada\",501,S1,alove,Sec 1,\n\"Student, Test\",9,,x,Sec 1,\n", {"alove": "501"}),
    ("Identifier;Full name;Email address\nParticipant 7;Ada Lovelace;ada@example.org\n", {"ada": ""}),
    ("\ufeffid,first_name,last_name\nal1,Ada,Lovelace\n", {"al1": ""}),
], ids=["canvas", "moodle-semicolons", "own"])
def test_rosters_as_systems_write_them(tmp_path, text, wanted):
    (tmp_path / "r.csv").write_text(text, encoding="utf-8")
    roster = read_roster(tmp_path / "r.csv")
    assert {student.id: student.canvas for student in roster.students.values()} == wanted
    assert [roster.find(name).id for name in ("Ada Lovelace", "lovelace ada")] == list(wanted) * 2


@pytest.mark.parametrize(("text", "message"), [
    ("student id,name\n../x,Eve\n", r"r.csv: row 2: student id must be letters, digits and . _ @ -, got ../x"),
    ("student id,name\na,A\na,B\n", "r.csv: row 3: student id must be given once, got a again"),
    ("colour\nred\n", "must have a column student id, username, name, email or SIS Login ID, got none"),
])
def test_wrong_rosters_are_refused(tmp_path, text, message):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(CourseError) as error:
        read_roster(tmp_path / "r.csv")
    assert message in str(error.value)
