import numpy as np
import pytest

from mnistx_runtime.benchmark.evaluation_set import EvaluationSet


def test_golden_images_have_no_labels_and_a_set_does_not_change() -> None:
    found = EvaluationSet(np.zeros((2, 1, 8, 8), np.uint8), np.zeros((2, 3)), None, "2 golden images")
    assert found.labels is None and len(found.images) == len(found.log_probs)
    with pytest.raises(AttributeError):
        found.what = "others"  # type: ignore[misc]
