"""Counts of right and wrong predictions against scikit-learn."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as judge

from cnnlib.metrics import accuracy, confusion_matrix, precision_recall, top_k_accuracy
from tests.judge import refused


@given(seed=st.integers(0, 10_000), count=st.integers(2, 60), classes=st.integers(3, 9))
@settings(max_examples=200, deadline=None)
def test_equal_scikit_learn(seed, count, classes):
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(size=(count, classes)), rng.integers(0, classes, count)
    predicted, names = scores.argmax(1), np.arange(classes)
    assert accuracy(scores, labels) == accuracy(predicted, labels) == judge.accuracy_score(labels, predicted)
    counts = confusion_matrix(scores, labels)
    np.testing.assert_array_equal(counts, judge.confusion_matrix(labels, predicted, labels=names))
    assert top_k_accuracy(scores, labels, k=2) == judge.top_k_accuracy_score(labels, scores, k=2, labels=names)
    precision, recall = precision_recall(counts)
    for ours, theirs in ((precision, judge.precision_score), (recall, judge.recall_score)):
        right = theirs(labels, predicted, labels=names, average=None, zero_division=np.nan)
        np.testing.assert_allclose(ours, right)


def test_rows_are_the_right_classes():
    assert confusion_matrix([0, 0, 0], [1, 1, 0]).tolist() == [[1, 0], [2, 0]]
    assert confusion_matrix([0, 0, 0], [1, 1, 0]).T.tolist() != [[1, 0], [2, 0]]
    assert confusion_matrix([0], [0], classes=3).shape == (3, 3)
    assert confusion_matrix([0, 0], [0, 0], classes=1).tolist() == [[2]]
    refused(confusion_matrix, "confusion_matrix: classes must be a whole number of at least 1, got 0", [0], [0],
            classes=0)
    assert top_k_accuracy([[0.1, 0.9]], [0], k=2) == 1


@pytest.mark.parametrize("call, message", [
    (lambda: accuracy([[0.1, 0.9]], [2]), "accuracy: labels must be below the number of classes, 2, got 2"),
    (lambda: accuracy([1, 0], [1]), "accuracy: scores and labels must be as many, got 2 and 1"),
    (lambda: accuracy([], []),
     "accuracy: predicted classes must be whole numbers (N,) of at least 0, got float64 (0,)"),
    (lambda: accuracy([[np.nan, 1]], [1]), "accuracy: scores must be numbers, got nan"),
    (lambda: accuracy([0], [-1]), "accuracy: labels must be whole numbers (N,) of at least 0, got int64 (1,)"),
    (lambda: top_k_accuracy([0, 1], [0, 1]), "top_k_accuracy: scores must be numbers (N, classes), got int64 (2,)"),
    (lambda: top_k_accuracy([[0.0, 1.0]], [0], k=3),
     "top_k_accuracy: k must be at most the number of classes, 2, got 3"),
    (lambda: confusion_matrix([0, 4], [0, 1], classes=3), "confusion_matrix: classes must be at least 5, got 3"),
    (lambda: precision_recall([[1, 2]]), "precision_recall: counts must be a square of counts, got int64 (1, 2)"),
    (lambda: precision_recall([[-1]]), "precision_recall: counts must be a square of counts, got int64 (1, 1)"),
])
def test_bad_input(call, message):
    refused(call, message)


def test_uneven_rows_and_endless_tables_are_refused():
    refused(accuracy, "accuracy: labels must be whole numbers (N,) of at least 0, got object ()", [0], [[1], [1, 2]])
    refused(precision_recall, "precision_recall: counts must be a square of counts, got object ()", [[1], [1, 2]])
    refused(confusion_matrix, "confusion_matrix: the matrix must have at most 1073741824 numbers, got the shape "
            "(2147483649, 2147483649)", [2**31], [0])
