"""Figures: alt texts, sizes on the page, words that fit, colors in gray."""
import html.parser
import struct
import zlib

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from cnnlib import plots
from cnnlib.plots import picture as style
from cnnlib.plots.png import png

ALT = "A trial picture whose words are long enough to be accepted."
GRAY = np.arange(20.0).reshape(4, 5)
CALLS = {
    "show_array": lambda **o: plots.show_array([[1, -2], [0, 4]], frame=(0, 0, 1, 2), title="x", **o),
    "show_arrays": lambda **o: plots.show_arrays([("x", GRAY), ("w", [[1, 0], [0, -1]]), ("y", GRAY[1:, 1:])], **o),
    "show_images": lambda **o: plots.show_images([("gray", GRAY), ("a title of several words that wraps", GRAY)], **o),
    "show_lines": lambda **o: plots.show_lines([1, 2, 3], {"a": [1, 2, 9], "b": [3, 2, 1]}, x_label="step",
                                               y_label="loss", **o),
    "show_bars": lambda **o: plots.show_bars(["V1", "V2"], [1234.5, 0.02], x_label="time in ms", log=True, **o),
    "show_points": lambda **o: plots.show_points(
        [1, 1.1, 30, 28, 27, 1000], [5, 5.1, 2, 2.2, 2.1, 9], ["alpha", "beta", "gamma", "delta", "", "the last one"],
        x_label="cost", y_label="gain", groups=["a", "b", "a", "b", "a", "b"], log=True, **o),
    "show_pad_modes": lambda **o: plots.show_pad_modes([[1, 2, 3], [4, 5, 6], [7, 8, 9]], 1, **o),
    "show_receptive_field": lambda **o: plots.show_receptive_field([(3, 2, 1), (3, 1, 2, 2)], **o),
}


class Tag(html.parser.HTMLParser):
    def handle_starttag(self, tag, attrs):
        self.tag, self.attrs = tag, dict(attrs)


def parsed(picture):
    tag = Tag()
    tag.feed(picture._repr_html_())
    return tag


@pytest.mark.parametrize("name", CALLS)
def test_every_figure_is_an_image_with_its_alt_text_and_half_its_pixels(name):
    picture = CALLS[name](alt=f"{ALT}\n  «<b> & \"quotes\"»")
    tag = parsed(picture)
    assert tag.tag == "img" and tag.attrs["alt"] == f"{ALT} «<b> & \"quotes\"»" == picture.alt
    pixels = struct.unpack(">II", picture.png[16:24])
    assert (2 * int(tag.attrs["width"]), 2 * int(tag.attrs["height"])) == pixels
    assert int(tag.attrs["width"]) <= style.WIDTH
    assert tag.attrs["loading"] == "lazy" and "max-width:100%" in tag.attrs["style"]
    bundle = picture._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/plain"] == repr(picture) == f"Picture: {picture.alt}"
    assert picture.data and plt.get_fignums() == []


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("alt", ["", "A figure.", " " * 60, 5, None], ids=repr)
def test_alt_text_is_required(name, alt):
    with pytest.raises(ValueError, match=f"^{name}: alt must be a sentence of at least 40 characters, got "):
        CALLS[name](alt=alt)


@pytest.fixture
def words(monkeypatch):
    """Return a dict that each drawn text goes to, with its last place in pixels and its figure."""
    seen, draw = {}, plt.Text.draw

    def record(text, renderer):
        if text.get_visible() and text.get_text():
            seen[id(text)] = text, text.get_window_extent(renderer), text.get_figure(root=True)
        draw(text, renderer)

    monkeypatch.setattr(plt.Text, "draw", record)
    return seen


@pytest.mark.parametrize("name", CALLS)
def test_words_are_at_least_nine_points_on_a_phone(name, words):
    CALLS[name](alt=ALT)
    assert words
    for text, _, figure in words.values():
        assert text.get_fontsize() * min(1, style.PHONE / (figure.get_figwidth() * 96)) >= 9
        assert not any(mark in text.get_text() for mark in "$^")  # raised digits would be smaller


@pytest.mark.parametrize("name", CALLS)
def test_no_word_is_cut_off_or_written_over_another(name, words):
    picture = CALLS[name](alt=ALT)
    boxes = [box for _, box, _ in words.values()]
    for i, box in enumerate(boxes):
        assert min(box.x0, box.y0) > -1 and box.x1 < 2 * picture.width + 1 and box.y1 < 2 * picture.height + 1
        assert not any(box.shrunk(0.8, 0.8).overlaps(other.shrunk(0.8, 0.8)) for other in boxes[:i])


def lightness(color):
    """Return CIE L*, 0 to 100."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    luminance = np.dot(linear, [0.2126, 0.7152, 0.0722])
    return luminance, 116 * luminance ** (1 / 3) - 16


def test_lines_differ_in_gray_and_stand_out_from_white():
    values = sorted(lightness(color)[1] for color in style.LINES)
    assert min(np.diff(values)) > 9
    assert all(1.05 / (lightness(color)[0] + 0.05) >= 3 for color in style.LINES)
    assert lightness("red")[1] - lightness("magenta")[1] < 9  # a pair that the rule refuses


@pytest.mark.parametrize("ground", [style.POSITIVE, style.NEGATIVE, style.PADDED])
def test_numbers_are_readable_on_every_cell(ground):
    ink = style.MUTED if ground == style.PADDED else style.INK
    assert (lightness(ground)[0] + 0.05) / (lightness(ink)[0] + 0.05) >= 4.5


def test_readers_own_figure_is_closed_and_sized_in_whole_pixels():
    figure, axes = plt.subplots(figsize=(3.333, 2.111))
    axes.plot([1, 2])
    picture = plots.Picture(figure, alt=ALT, data={"y": [1, 2]})
    assert plt.get_fignums() == []
    assert struct.unpack(">II", picture.png[16:24]) == (2 * picture.width, 2 * picture.height) == (640, 406)


def decoded(data):
    """Read back what png() wrote, as RGB."""
    width, height, _, kind = struct.unpack(">IIBB", data[16:26])
    chunks, at = {}, 8
    while at < len(data):
        size, = struct.unpack(">I", data[at:at + 4])
        chunks[data[at + 4:at + 8]] = data[at + 8:at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(data[at + 4:at + 8 + size])
        at += 12 + size
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)[:, 1:]
    table = np.frombuffer(chunks.get(b"PLTE", b""), np.uint8).reshape(-1, 3)
    return table[rows] if kind == 3 else rows.reshape(height, width, 3)


@pytest.mark.parametrize("levels, error", [(2, 0), (6, 0), (12, 24), (256, 0)])
def test_png_keeps_the_colors(levels, error):
    pixels = np.random.default_rng(0).integers(levels, size=(90, 70, 3)).astype(np.uint8) * (255 // (levels - 1))
    pixels[:30] = 255
    back = decoded(png(pixels))
    assert np.abs(back.astype(int) - pixels).max() <= error and (back[:30] == 255).all()


def test_png_of_a_drawing_is_small():
    assert len(CALLS["show_arrays"](alt=ALT).png) < 20_000


def test_pad_modes_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    x = np.arange(12.0).reshape(3, 4)
    modes = ["constant", "reflect", "replicate", "circular"]
    data = plots.show_pad_modes(x, (2, 1, 0, 2), modes=modes, alt=ALT).data
    for mode in modes:
        judge = torch.nn.functional.pad(torch.tensor(x)[None, None], (2, 1, 0, 2), mode=mode)[0, 0]
        assert np.array_equal(data[mode], judge)
    assert not np.array_equal(data["reflect"], np.pad(x, [(0, 2), (2, 1)], mode="symmetric"))  # repeats the edge: wrong


def test_receptive_field_counts():
    data = plots.show_receptive_field([(3, 1, 1), (2, 2, 0), (3, 1, 1)], alt=ALT).data
    assert data["size"] == [1, 3, 4, 8] and data["jump"] == [1, 1, 2, 2]
    assert data["seen"][0] == list(range(8))
    gaps = plots.show_receptive_field([(2, 1, 0, 3)], alt=ALT).data
    assert gaps["size"] == [1, 4] and gaps["seen"] == [[0, 3], [0]]


BAD = [
    (lambda: plots.show_array([[1, 2], [3]], alt=ALT), "show_array: array must be an array of numbers, got list"),
    (lambda: plots.show_array("ab", alt=ALT), "show_array: array must be a non-empty array of numbers, got <U2 ()"),
    (lambda: plots.show_array(np.zeros((2, 0)), alt=ALT),
     "show_array: array must be a non-empty array of numbers, got float64 (2, 0)"),
    (lambda: plots.show_array([np.nan], alt=ALT), "show_array: array must be finite, got nan or inf"),
    (lambda: plots.show_array(np.ones((1, 2, 2)), alt=ALT),
     "show_array: array must be 1-D or 2-D, got shape (1, 2, 2)"),
    (lambda: plots.show_array(np.ones((2, 28)), alt=ALT), "show_array: the numbers must fit 420 pixels, got shape "
     "(2, 28); show fewer columns or fewer digits, or values=False"),
    (lambda: plots.show_array([[1, 2]], alt=ALT, frame=(0, 1, 1, 2)),
     "show_array: frame must be (row, column, height, width) inside (1, 2), got (0, 1, 1, 2)"),
    (lambda: plots.show_array([[1, 2]], alt=ALT, values=False, frame=(0, 0, 1, 1)),
     "show_array: a frame needs values=True, got (0, 0, 1, 1)"),
    (lambda: plots.show_arrays([], alt=ALT), "show_arrays: arrays must be a list of (title, array), got []"),
    (lambda: plots.show_arrays([("a", [1]), ("a", [2])], alt=ALT),
     "show_arrays: arrays must have different titles, got ['a', 'a']"),
    (lambda: plots.show_arrays([("a", [1]), ("b", [2])], alt=ALT, operators="∗="),
     "show_arrays: operators must be 1 signs or (), got ('∗', '=')"),
    (lambda: plots.show_arrays([("a", [1])], alt=ALT, frames={"z": (0, 0, 1, 1)}),
     "show_arrays: frames must name titles of arrays, got ['z']"),
    (lambda: plots.show_images([("a", np.full((2, 2, 3), 2.0))], alt=ALT),
     "show_images: 'a' must be (H, W, 3) with values 0 to 1, got shape (2, 2, 3)"),
    (lambda: plots.show_images([("a", GRAY)], alt=ALT, value_range=(1, 1)),
     "show_images: value_range must be (black, white) with black < white, got (1, 1)"),
    (lambda: plots.show_lines([1, 2], {"a": [1]}, alt=ALT, x_label="x", y_label="y"),
     "show_lines: lines['a'] must have 2 values, as x, got 1"),
    (lambda: plots.show_lines([1], {}, alt=ALT, x_label="x", y_label="y"),
     "show_lines: lines must be a dict of one to four lines, got {}"),
    (lambda: plots.show_lines([1], {"a": [0]}, alt=ALT, x_label="x", y_label="y", log=True),
     "show_lines: a log axis needs positive values, got 0"),
    (lambda: plots.show_lines([1], {"a": [0]}, alt=ALT, x_label="", y_label="y"),
     "show_lines: x_label must name the axis and its unit, got ''"),
    (lambda: plots.show_bars(["a"], [1, 2], alt=ALT, x_label="ms"),
     "show_bars: names and values must be as many, got 1 and 2"),
    (lambda: plots.show_bars(["a"], [-1], alt=ALT, x_label="ms"), "show_bars: values must be 0 or more, got -1"),
    (lambda: plots.show_points([1], [1, 2], ["a"], alt=ALT, x_label="x", y_label="y"),
     "show_points: y must have 1 entries, as x, got 2"),
    (lambda: plots.show_points([1, 2], [1, 2], ["a"], alt=ALT, x_label="x", y_label="y"),
     "show_points: names must have 2 entries, as x, got 1"),
    (lambda: plots.show_points(range(5), range(5), "abcde", alt=ALT, x_label="x", y_label="y", groups="abcde"),
     "show_points: groups must be at most 4 different ones, got 5"),
    (lambda: plots.show_points([0], [1], ["a"], alt=ALT, x_label="x", y_label="y", log=True),
     "show_points: a log axis needs positive values, got 0"),
    (lambda: plots.show_points([1], [1], ["a"], alt=ALT, x_label="x", y_label=" "),
     "show_points: y_label must name the axis and its unit, got ' '"),
    (lambda: plots.show_pad_modes([1, 2], 1, modes=["zeros"], alt=ALT), "show_pad_modes: modes must be some of "
     "('constant', 'reflect', 'replicate', 'circular'), got ['zeros']"),
    (lambda: plots.show_pad_modes([1, 2], (1, -1), alt=ALT),
     "show_pad_modes: pad must be an int or 2 ints, 0 or more, got (1, -1)"),
    (lambda: plots.show_pad_modes([1, 2], 2, alt=ALT),
     "show_pad_modes: reflect can add at most size - 1 cells a side, got 2 for shape (2,)"),
    (lambda: plots.show_receptive_field([], alt=ALT),
     "show_receptive_field: names must be as many as layers, at least one, got 0"),
    (lambda: plots.show_receptive_field([(3, 0, 1)], alt=ALT), "show_receptive_field: a layer must be "
     "(kernel_size, stride, padding[, dilation]) in whole pixels, got (3, 0, 1)"),
    (lambda: plots.show_receptive_field([(27, 1, 0)], alt=ALT),
     "show_receptive_field: the field must be at most 25 pixels, got 27"),
]


@pytest.mark.parametrize("call, message", BAD, ids=[m.split(", got")[0] for _, m in BAD])
def test_errors_name_rule_and_value(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_pictures_do_not_depend_on_the_readers_style():
    plain = CALLS["show_bars"](alt=ALT).png
    with plt.rc_context({"font.size": 30, "axes.facecolor": "black", "text.color": "white"}):
        assert CALLS["show_bars"](alt=ALT).png == plain
