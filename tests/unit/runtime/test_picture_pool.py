import os
from multiprocessing import active_children

from mnistx_runtime.errors import UnreadablePicture
from mnistx_runtime.picture_pool import PicturePool
from picture_work import process_of


def test_processes_stay_for_more_pictures_and_end_when_the_pool_is_closed() -> None:
    with PicturePool(process_of, 1) as pool:
        first, second = [*pool.prepare(["a.png"])], [*pool.prepare(["b.png"])]
        assert first == second and first != [os.getpid()]
    assert not active_children()


def test_one_that_ends_its_process_costs_no_other_its_answer() -> None:
    with PicturePool(process_of, 1) as pool:
        before, deadly, after = pool.prepare(["a.png", "deadly.png", "b.png"])
        assert isinstance(before, int) and isinstance(after, int)
        assert isinstance(deadly, UnreadablePicture)
        assert str(deadly).startswith("deadly.png can't be read as a picture: its decoder crashed")
        assert [*pool.prepare(["c.png"])] != [os.getpid()]
