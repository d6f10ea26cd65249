"""Self-checks of chapter 11: CBAM's channel gate, attention with a mask, the start of a ViT, pairs in a window."""
import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.scratch import linear, local_mask, relu, scaled_dot_product_attention, sigmoid, softmax


def _layers(z, w1, b1, w2, b2):
    return linear(relu(linear(z, w1, b1)), w2, b2)


def _pools(x):
    return x.mean(axis=(2, 3)), x.max(axis=(2, 3))


def _channel_gate(x, *weights):
    return sigmoid(sum(_layers(z, *weights) for z in _pools(x)))


def _relu_after_the_sum(x, w1, b1, w2, b2):
    return sigmoid(linear(relu(sum(linear(z, w1, b1) for z in _pools(x))), w2, b2))


def _weights_only(x, w1, b1, w2, b2):
    return _channel_gate(x, w1, 0 * b1, w2, 0 * b2)


_numbers = np.random.default_rng(11)


def _gate_case(count, channels, hidden, size):
    shapes = ((count, channels, *size), (hidden, channels), (hidden,), (channels, hidden), (channels,))
    return tuple(_numbers.integers(-4, 6, shape) / 4 for shape in shapes)


CHANNEL_GATE = Exercise(
    name="channel_gate",
    objective=1,
    reference=_channel_gate,
    cases=(_gate_case(1, 2, 1, (1, 2)), _gate_case(1, 4, 2, (2, 3)), _gate_case(2, 4, 4, (3, 3)),
           _gate_case(3, 6, 2, (4, 3))),
    mistakes=(
        Mistake("mean-alone",
                "that is the gate of squeeze and excitation. CBAM asks for one more number of each map.",
                lambda x, *weights: sigmoid(_layers(_pools(x)[0], *weights))),
        Mistake("maximum-alone",
                "you look at the maximum of each map. Its mean passes the layers, too.",
                lambda x, *weights: sigmoid(_layers(_pools(x)[1], *weights))),
        Mistake("two-gates-added",
                "you take a sigmoid of each and add: a gate can be 2. What is added before the sigmoid?",
                lambda x, *weights: sum(sigmoid(_layers(z, *weights)) for z in _pools(x))),
        Mistake("pools-joined-first",
                "mean and maximum go through your layers together, as a sum or side by side. With biases and a ReLU "
                "inside that is not the same as one after the other.",
                lambda x, *weights: sigmoid(_layers(sum(_pools(x)), *weights))),
        Mistake("relu-after-the-sum",
                "your ReLU comes after mean and maximum are added. Each way has its own.",
                _relu_after_the_sum),
        Mistake("no-relu",
                "there is no ReLU between your two layers: together they are one.",
                lambda x, w1, b1, w2, b2: sigmoid(sum(linear(linear(z, w1, b1), w2, b2) for z in _pools(x)))),
        Mistake("no-sigmoid",
                "your gates are not between 0 and 1. What turns a score into a gate?",
                lambda x, *weights: sum(_layers(z, *weights) for z in _pools(x))),
        Mistake("softmax",
                "your gates sum to 1. Each channel has a gate of its own: all may be open.",
                lambda x, *weights: softmax(sum(_layers(z, *weights) for z in _pools(x)))),
        Mistake("biases-forgotten",
                "both layers have a bias.",
                _weights_only),
        Mistake("maps-scaled",
                "you return the scaled maps. The exercise asks for the gates, (N, C).",
                lambda x, *weights: x * _channel_gate(x, *weights)[:, :, None, None]),
    ),
)


def _attention(query, key, value, mask=None):
    return scaled_dot_product_attention(query, key, value, mask=mask)


def _scored(divide):
    """Return attention whose scores are divided by another number."""
    def wrong(query, key, value, mask=None):
        factor = np.sqrt(query.shape[1]) / divide(query, key)
        return scaled_dot_product_attention(query * factor, key, value, mask=mask)
    return wrong


def _shares(query, key, mask=None):
    return scaled_dot_product_attention(query, key, np.eye(len(key)), mask=mask)


def _over_queries(query, key, value, mask=None):
    scores = query @ key.T / np.sqrt(query.shape[1])
    if mask is not None:
        scores = np.where(mask, scores, -1e30)
    return softmax(scores.T).T @ value


def _masked_after(query, key, value, mask=None):
    weights = _shares(query, key)
    return (weights if mask is None else weights * mask) @ value


def _zero_scores(query, key, value, mask=None):
    scores = query @ key.T / np.sqrt(query.shape[1])
    return softmax(scores if mask is None else scores * mask) @ value


def _opposite(query, key, value, mask=None):
    return _attention(query, key, value, mask=None if mask is None else ~mask)


def _no_softmax(query, key, value, mask=None):
    scores = query @ key.T / np.sqrt(query.shape[1])
    return (scores if mask is None else scores * mask) @ value


def _attention_case(queries, keys, width, values, mask=False):
    arrays = tuple(_numbers.integers(-4, 5, shape) / 2 for shape in ((queries, width), (keys, width), (keys, values)))
    if not mask:
        return arrays
    allowed = _numbers.random((queries, keys)) < 0.5
    allowed[:, 0] = True
    allowed[:, 1] = False
    return *arrays, allowed


ATTENTION = Exercise(
    name="attention",
    objective=2,
    reference=_attention,
    cases=(_attention_case(1, 2, 4, 1), _attention_case(2, 3, 4, 2), _attention_case(3, 3, 4, 4),
           _attention_case(2, 4, 9, 3, mask=True), _attention_case(4, 4, 16, 16, mask=True)),
    mistakes=(
        Mistake("not-divided",
                "your scores are not divided. Long vectors would decide everything at once.",
                _scored(lambda q, k: 1)),
        Mistake("divided-by-d",
                "you divide by d. Which power of d do the scores spread like?",
                _scored(lambda q, k: q.shape[1])),
        Mistake("divided-by-tokens",
                "you divide by the root of the number of keys. The spread comes from the numbers *in* a token.",
                _scored(lambda q, k: np.sqrt(len(k)))),
        Mistake("softmax-over-queries",
                "your weights sum to 1 over the queries. Each query shares out 1 among the keys.",
                _over_queries),
        Mistake("no-softmax",
                "you mix the values with the scores themselves. What makes them shares?",
                _no_softmax),
        Mistake("mask-ignored",
                "you do not use the mask.",
                lambda query, key, value, mask=None: _attention(query, key, value)),
        Mistake("mask-after-softmax",
                "you put zeros into the weights after the softmax, so the rest does not sum to 1.",
                _masked_after),
        Mistake("zero-for-forbidden",
                "you give forbidden pairs the score 0. The softmax makes e⁰ = 1 of it, not 0.",
                _zero_scores),
        Mistake("mask-upside-down",
                "you forbid where the mask is True. Here True means allowed, as in PyTorch's function.",
                _opposite),
        Mistake("keys-for-values",
                "you mix the keys. What is handed over are the values.",
                lambda query, key, value, mask=None: _attention(query, key, key, mask=mask)),
        Mistake("weights-alone",
                "you return the weights. They still have to mix the values.",
                lambda query, key, value, mask=None: _shares(query, key, mask)),
    ),
)


def _vit_start(image_size, patch_size, hidden_dim):
    return _counted(image_size, patch_size, hidden_dim)


def _counted(image_size, patch_size, hidden_dim, *, patches=None, inside=None, bias=1):
    """Return the three numbers, with parts of the count replaced."""
    patches = (image_size // patch_size) ** 2 if patches is None else patches
    inside = 3 * patch_size**2 if inside is None else inside
    return patches + 1, inside, hidden_dim * (inside + bias + 1 + patches + 1)


def _without_class_token(image_size, patch_size, hidden_dim):
    tokens = (image_size // patch_size) ** 2
    return tokens, 3 * patch_size**2, hidden_dim * (3 * patch_size**2 + 1 + tokens)


def _no_projection(image_size, patch_size, hidden_dim):
    tokens, inside, count = _vit_start(image_size, patch_size, hidden_dim)
    return tokens, inside, count - hidden_dim * (inside + 1)


def _projection_alone(image_size, patch_size, hidden_dim):
    tokens, inside, _ = _vit_start(image_size, patch_size, hidden_dim)
    return tokens, inside, hidden_dim * (inside + 1)


VIT_START = Exercise(
    name="vit_start",
    objective=6,
    reference=_vit_start,
    cases=((8, 4, 2), (32, 8, 48), (224, 16, 768), (224, 32, 768), (224, 14, 1280)),
    mistakes=(
        Mistake("class-token-forgotten",
                "your count knows the patches alone. What goes to the head at the end?",
                _without_class_token),
        Mistake("one-vector-short",
                "you are one vector of hidden_dim numbers short: did you count the bias of the projection, the class "
                "token itself, *and* its position?",
                lambda i, p, d: _counted(i, p, d, bias=0)),
        Mistake("one-side",
                "you count the patches of one row. They are a square grid.",
                lambda i, p, d: _counted(i, p, d, patches=i // p)),
        Mistake("channels-forgotten",
                "a pixel of an RGB image is three numbers.",
                lambda i, p, d: _counted(i, p, d, inside=p * p)),
        Mistake("no-projection",
                "you take the patch for the token. Which learned layer stands between them?",
                _no_projection),
        Mistake("projection-alone",
                "you count the projection. Class token and positions are learned, too.",
                _projection_alone),
        Mistake("one-number-for-a-place",
                "you count one number for each position. It is a vector, as long as a token.",
                lambda i, p, d: (*_vit_start(i, p, d)[:2], _projection_alone(i, p, d)[2] + d + (i // p) ** 2 + 1)),
    ),
)


def _local_pairs(height, width, window):
    return int(local_mask((height, width), window=window).sum())


def _along(places, window):
    return int(local_mask(places, window=window).sum())


def _one_side(places, window):
    return (_along(places, window) + places) // 2


LOCAL_PAIRS = Exercise(
    name="local_pairs",
    objective=3,
    reference=_local_pairs,
    cases=((1, 3, 3), (4, 4, 3), (8, 8, 3), (6, 9, 5), (2, 5, 7), (14, 14, 7)),
    mistakes=(
        Mistake("border-ignored",
                "you give each token a whole window. At the border a part of it is missing.",
                lambda h, w, k: h * w * k * k),
        Mistake("all-pairs",
                "those are all pairs. The window forbids most of them.",
                lambda h, w, k: (h * w) ** 2),
        Mistake("inner-tokens-alone",
                "you count the tokens whose window fits. Those at the border see something, too.",
                lambda h, w, k: max(0, h - k + 1) * max(0, w - k + 1) * k * k),
        Mistake("itself-forgotten",
                "you leave each token itself out. It stands in the middle of its window.",
                lambda h, w, k: _local_pairs(h, w, k) - h * w),
        Mistake("a-line",
                "you put the tokens in one line. On the grid a window has rows, too.",
                lambda h, w, k: _along(h * w, k)),
        Mistake("axes-added",
                "you add the pairs of the two axes. Each step along one goes with each step along the other.",
                lambda h, w, k: _along(h, k) + _along(w, k)),
        Mistake("radius-for-width",
                "your window reaches `window` places to each side. That is its whole width.",
                lambda h, w, k: _local_pairs(h, w, 2 * k + 1)),
        Mistake("one-direction",
                "you count each pair of different places once along an axis. A sees B, and B sees A.",
                lambda h, w, k: _one_side(h, k) * _one_side(w, k)),
    ),
)

EXERCISES = {each.name: each for each in (CHANNEL_GATE, ATTENTION, VIT_START, LOCAL_PAIRS)}
check_channel_gate, check_attention, check_vit_start, check_local_pairs = (
    exercise.check for exercise in EXERCISES.values()
)
