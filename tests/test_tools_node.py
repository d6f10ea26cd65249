"""Python asks Node."""
from types import SimpleNamespace

import pytest

from tools.node import call_view, main, node_binary, run_module

VIEW = SimpleNamespace(_esm="""
export function sum(a, b) { return a + b; }
export function kind(x) { return [typeof x, Number.isNaN(x)]; }
export function nothing() {}
""")


def test_node_comes_from_the_package():
    assert node_binary().is_file()


def test_one_call_for_each_list_of_arguments():
    assert call_view(VIEW, "sum", [[1, 2], ["ä", "漢"], [0.1, 0.2]]) == [3, "ä漢", 0.1 + 0.2]


def test_nan_arrives_as_a_number_and_comes_back_as_none():
    nan, infinity = float("nan"), float("inf")
    assert call_view(VIEW, "kind", [[nan], [infinity], [None]]) == [["number", True], ["number", False],
                                                                     ["object", False]]
    assert call_view(VIEW, "sum", [[nan, 1], [infinity, 1]]) == [None, None]
    assert call_view(VIEW, "nothing", [[], []]) == [None, None]


@pytest.mark.parametrize(("source", "line"), [
    ("throw new RangeError('too large')", "run_module: RangeError: too large"),
    ("const a = ;", "run_module: SyntaxError: Unexpected token ';'"),
    ("process.exit(3)", "run_module: Node failed")])
def test_an_error_comes_first(source, line):
    with pytest.raises(RuntimeError) as caught:
        run_module(source)
    assert str(caught.value).splitlines()[0] == line


def test_packages_are_asked_for_by_a_folder(tmp_path, capfd):
    line = "node: needs one folder with a package-lock.json, got "
    assert main([]) == f"{line}none" and main([str(tmp_path)]) == f"{line}{tmp_path}"
    assert main(["--lock", str(tmp_path)]) == f"node: needs one folder with a package.json, got {tmp_path}"
    (tmp_path / "package.json").write_text('{"name": "nothing", "private": true}')
    assert main(["--lock", str(tmp_path)]) == 0 and (tmp_path / "package-lock.json").is_file()
    assert main([str(tmp_path)]) == 0


def test_a_lock_that_disagrees_with_its_package_is_refused(tmp_path, capfd):
    (tmp_path / "package.json").write_text('{"name": "nothing", "private": true}')
    assert main(["--lock", str(tmp_path)]) == 0
    (tmp_path / "package.json").write_text('{"name": "nothing", "private": true, "dependencies": {"some": "1.0.0"}}')
    assert main([str(tmp_path)]) != 0
