import base64
import io
import itertools
import random
import struct

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from cnnlib.data import load_picture
from cnnlib.widgets import KernelGallery
from cnnlib.widgets.kernel_gallery import KERNELS, NINE, OWN, PICTURES, KernelView
from tools.node import call_view

NAMES = ["pictures", "kernels", "side", "picture", "kernel", "flip", *NINE]


def state_of(gallery):
    """Return what the view draws from."""
    return {name: getattr(gallery.view, name) for name in NAMES}


def judge(picture, weights, flip):
    """Return PyTorch's result with repeated borders."""
    x = F.pad(torch.tensor(load_picture(picture), dtype=torch.float64)[None, None], (1, 1, 1, 1), mode="replicate")
    kernel = torch.tensor(weights, dtype=torch.float64).reshape(3, 3)
    return F.conv2d(x, (kernel.flip(0, 1) if flip else kernel)[None, None])[0, 0].numpy()


STATES = list(itertools.product(PICTURES, [name for name in KERNELS if name != OWN], [False, True]))


@pytest.mark.parametrize("picture", PICTURES)
def test_every_choice_shows_what_cnnlib_and_pytorch_compute(picture):
    states = [state for state in STATES if state[0] == picture]
    galleries = [KernelGallery(*state) for state in states]
    shown = call_view(KernelView, "((state) => ({...facts(state), values: [...facts(state).values]}))",
                      [[state_of(gallery)] for gallery in galleries])
    for (_, kernel, flip), gallery, facts in zip(states, galleries, shown, strict=True):
        right = judge(picture, KERNELS[kernel], flip)
        np.testing.assert_allclose(gallery.filtered(), right, atol=1e-9)
        np.testing.assert_allclose(np.reshape(facts["values"], right.shape), right, atol=1e-9)
        assert facts["least"] == pytest.approx(right.min()) and facts["most"] == pytest.approx(right.max())
        assert facts["symmetric"] == np.allclose(judge(picture, KERNELS[kernel], not flip), right)


def test_kernels_are_those_of_their_names():
    kernels = {name: np.reshape(weights, (3, 3)) for name, weights in KERNELS.items() if name != OWN}
    point = np.zeros((3, 3))
    point[1, 1] = 1
    along, across = (part.ravel() for part in cv2.getDerivKernels(1, 0, 3))
    np.testing.assert_array_equal(kernels["identity"], point)
    np.testing.assert_allclose(kernels["blur"], cv2.blur(point, (3, 3), borderType=cv2.BORDER_CONSTANT))
    np.testing.assert_array_equal(kernels["sobel_x"], np.outer(across, along))
    np.testing.assert_array_equal(kernels["sobel_y"], np.outer(along, across))
    np.testing.assert_array_equal(kernels["laplacian"], cv2.Laplacian(point, -1, borderType=cv2.BORDER_CONSTANT))
    np.testing.assert_array_equal(kernels["sharpen"], point - kernels["laplacian"])
    np.testing.assert_array_equal(kernels["emboss"] + kernels["emboss"][::-1, ::-1], 2 * point)  # light from one corner
    assert (np.sign(kernels["emboss"][[0, 0, 1], [0, 1, 0]]) == -1).all()


def test_own_kernels_are_used_as_they_are_written():
    rng = random.Random(0)
    for flip in (False, True):
        gallery = KernelGallery(kernel=OWN, flip=flip)
        weights = [rng.randint(-4, 4) / 2 for _ in NINE]
        for name, weight in zip(NINE, weights, strict=True):
            setattr(gallery.view, name, weight)
        right = judge("cat", weights, flip)
        [values] = call_view(KernelView, "((state) => [...facts(state).values])", [[state_of(gallery)]])
        np.testing.assert_allclose(np.reshape(values, right.shape), right, atol=1e-9)
        np.testing.assert_allclose(gallery.filtered(), right, atol=1e-9)


def test_pictures_travel_unchanged():
    view = KernelGallery().view
    for name, text, pixels in zip(PICTURES, view.pictures, call_view(
            KernelView, "((text) => [...fromBase64(text)])", [[text] for text in view.pictures]), strict=True):
        assert pixels == load_picture(name).ravel().tolist()
        assert call_view(KernelView, "((text) => toBase64(fromBase64(text)))", [[text]]) == [text]


def test_bitmap_holds_the_gray_values():
    gray = [[0, 128, 255], [1, 2, 3], [9, 8, 7]]
    flat = [value for row in gray for value in row]
    [address] = call_view(KernelView, "((gray, side) => bitmap(Uint8Array.from(gray), side))", [[flat, 3]])
    data = base64.b64decode(address.removeprefix("data:image/bmp;base64,"))
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "BMP" and np.asarray(picture.convert("L")).tolist() == gray
    assert struct.unpack_from("<HH", data, 26) == (1, 8)  # one plane, 8 bits a pixel


def test_words_under_the_picture():
    shown = [call_view(KernelView, "draw", [[state_of(KernelGallery("pattern", kernel, flip))]])[0]
             for kernel, flip in [("blur", False), ("sobel_x", True)]]
    assert "blur, cross-correlation" in shown[0] and "Flipping this kernel changes nothing." in shown[0]
    assert "Sobel x, true convolution" in shown[1] and "Flipping this kernel changes the picture." in shown[1]
    assert "shown as middle gray" in shown[1] and "shown as middle gray" not in shown[0]


@pytest.mark.parametrize(("options", "message"), [
    ({"picture": "dog"}, "KernelGallery: picture must be one of cat, pattern, got 'dog'"),
    ({"kernel": "sobel"}, "KernelGallery: kernel must be one of identity, blur, sharpen, sobel_x, sobel_y, laplacian, "
                          "emboss, your own, got 'sobel'"),
    ({"flip": 1}, "KernelGallery: flip must be True or False, got 1"),
])
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ValueError) as caught:
        KernelGallery(**options)
    assert str(caught.value) == message
