"""Other versions than the pinned ones: what pip is asked for, and what is said about them."""
import re
import tomllib

from packaging.requirements import Requirement

from tools.drift import changed, left_out, wanted
from tools.project import ROOT

TEXT = (ROOT / "requirements.txt").read_text(encoding="utf-8")
OWN = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]


def test_newest_is_every_requirement_in_its_range_without_the_pins():
    asked = wanted("newest", TEXT, OWN).splitlines()
    assert "-e .[torch]" in asked and "numpy>=2" in asked
    assert [line for line in [*TEXT.splitlines(), *OWN] if line in asked] == asked
    assert not any("constraints" in line for line in asked)


def test_oldest_is_the_lower_end_of_each_range():
    newest, oldest = ([Requirement(line) for line in wanted(age, TEXT, OWN).splitlines() if line[0] != "-"]
                      for age in ("newest", "oldest"))
    ranges = {each.name: each for each in newest}
    assert {each.name for each in oldest} == set(ranges) >= {Requirement(line).name for line in OWN}
    assert len(newest) == len(ranges)  # nobody is asked for twice
    for each in oldest:
        [pin] = each.specifier
        assert pin.operator == "==" and re.search(f"[>=]={re.escape(pin.version)}", str(ranges[each.name])), each
        assert str(each.marker) == str(ranges[each.name].marker)


def test_only_other_versions_are_named():
    assert changed("a==1\nB==2\n# c==3", "a==1\nb==2.1\n-e git+x\nd==4") == ["b 2 → 2.1", "d 4"]


def test_each_test_that_is_left_out_is_there():
    """A name with an error in it would leave nothing out, or a whole file."""
    named = left_out("oldest")
    assert named and left_out("newest") == []
    for file, test in (name.split("::") for name in named):
        assert f"\ndef {test.split('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8"), test
