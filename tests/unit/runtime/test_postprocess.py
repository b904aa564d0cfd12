import numpy as np

from command import PICTURES
from mnistx_runtime.batch import found_in, prepare_picture
from mnistx_runtime.postprocess import Postprocess, images_in, only_digit
from mnistx_runtime.predictor import Predictor
from mnistx_runtime.preprocess import preprocess_for


def test_rows_that_were_computed_elsewhere_are_read_as_the_predictor_reads_them() -> None:
    predictor = Predictor()
    picture = str(PICTURES / "three.jpg")
    lines = found_in(prepare_picture(picture, preprocess_for(predictor.metadata.input)))
    rows = predictor.log_probs(np.stack(images_in([lines])))
    reading, places = Postprocess(predictor.metadata).read(lines, rows, 1.0, picture)
    found = only_digit(reading)
    expected = predictor.predict(picture)
    assert (
        (found.name, found.source, found.box)
        == (expected.name, expected.source, expected.box)
        == ("3", picture, found.box)
    )
    assert places == [[0]] and found.log_probs.tobytes() == expected.log_probs.tobytes()
