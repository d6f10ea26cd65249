import numpy as np
import pytest

from cnnlib.data import load_picture


@pytest.mark.parametrize("name", ["cat", "pattern"])
def test_pictures_are_gray_and_use_the_range(name):
    picture = load_picture(name)
    assert picture.shape == (96, 96) and picture.dtype == np.uint8
    assert picture.min() < 50 and picture.max() > 200


def test_pattern_has_an_edge_in_each_direction():
    picture = load_picture("pattern").astype(int)
    upright, lying = np.diff(picture[10:38, 8:40], axis=1), np.diff(picture[8:40, 60:84], axis=0)
    assert np.abs(upright).sum() > 0 and np.abs(np.diff(picture[10:38, 8:40], axis=0)).sum() == 0
    assert np.abs(lying).sum() > 0 and np.abs(np.diff(picture[8:40, 60:84], axis=1)).sum() == 0


def test_a_call_gives_a_picture_of_its_own():
    load_picture("cat")[:] = 0
    assert load_picture("cat").max() > 200


def test_unknown_picture_is_refused():
    with pytest.raises(ValueError) as caught:
        load_picture("dog")
    assert str(caught.value) == "load_picture: name must be 'cat' or 'pattern', got 'dog'"
