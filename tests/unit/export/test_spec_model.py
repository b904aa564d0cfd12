import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file

from mnistx_export.spec_file import read_spec
from mnistx_export.spec_model import load_weights, model_from_spec
from mnistx_runtime import BadInput
from own_network import SPEC, write_own_network


def edited(spec: Path, *pairs: tuple[str, str]) -> Path:
    text = spec.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    spec.write_text(text)
    return spec


def test_a_network_its_weights_and_its_pictures_become_a_model(tmp_path: Path) -> None:
    model = model_from_spec(read_spec(write_own_network(tmp_path)))
    assert model.test is not None and model.validation is not None and model.calibration is not None
    assert model.test.images.shape == (18, 3, 24, 32) and sorted(set(model.test.labels)) == [0, 1, 2]
    assert len(model.calibration) + len(model.validation) == 18
    assert not model.module.training


@pytest.mark.parametrize("how", ["safetensors", "wrapped", "parallel"])
def test_weights_are_read_as_people_keep_them(how: str, tmp_path: Path) -> None:
    spec = write_own_network(tmp_path)
    expected = model_from_spec(read_spec(spec)).parameters
    state = torch.load(tmp_path / "weights.pt", weights_only=True)
    if how == "safetensors":
        save_file(state, tmp_path / "weights.safetensors")
        edited(spec, ("weights.pt", "weights.safetensors"))
    elif how == "wrapped":
        torch.save({"epoch": 3, "model_state_dict": state}, tmp_path / "weights.pt")
    else:
        torch.save({f"module.{name}": tensor for name, tensor in state.items()}, tmp_path / "weights.pt")
    found = model_from_spec(read_spec(spec)).parameters
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_a_network_that_refuses_a_state_dict_without_a_version_is_loaded_as_others_are(tmp_path: Path) -> None:
    torch.manual_seed(0)
    wanted = torchvision.models.mnasnet0_5(num_classes=3).state_dict()
    save_file(wanted, tmp_path / "weights.safetensors")
    load_weights(network := torchvision.models.mnasnet0_5(num_classes=3), tmp_path / "weights.safetensors")
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in network.state_dict().items())


def test_weights_that_do_not_fit_name_the_keys(tmp_path: Path) -> None:
    spec = write_own_network(tmp_path)
    state = torch.load(tmp_path / "weights.pt", weights_only=True)
    state["head.weight"] = state.pop("last.weight")
    torch.save(state, tmp_path / "weights.pt")
    with pytest.raises(BadInput, match=r"it lacks last.weight and has unexpected head.weight"):
        model_from_spec(read_spec(spec))
    state["last.weight"] = torch.zeros(4, 8)
    del state["head.weight"]
    torch.save(state, tmp_path / "weights.pt")
    with pytest.raises(BadInput, match=r"last.weight is \(4, 8\), the network's is \(3, 8\)"):
        model_from_spec(read_spec(spec))


def test_a_pickle_that_would_run_something_is_not_run(tmp_path: Path) -> None:
    spec, touched = write_own_network(tmp_path), tmp_path / "touched"

    class Runs:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (touched,)

    (tmp_path / "weights.pt").write_bytes(pickle.dumps({"first.weight": Runs()}))
    with pytest.raises(BadInput, match="may run code and is never read"):
        model_from_spec(read_spec(spec))
    torch.save({"first.weight": Runs()}, tmp_path / "weights.pt")
    with pytest.raises(BadInput, match="may run code and is never read"):
        model_from_spec(read_spec(spec))
    assert not touched.exists()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("net.py:build", "nett.py:build", "nett.py"),
        ("net.py:build", "net.py:bulid", "no function or class 'bulid'"),
        ("net.py:build", "net.py", "write FILE.py:FACTORY"),
        ("net.py:build", "net.py:broken", "no such layer"),
        ("net.py:build", "net.py:nothing", "NoneType"),
        ("weights.pt", "none.pt", "no such weights file"),
        ("weights.pt", "net.py", "can't be read as weights"),
        ('"logits"', '"scores"', "output must be one of"),
        ('"logits"', '"probabilities"', 'write output = "logits"'),
        (', "triangle"]', "]", "3 numbers an image, and 2 classes are named"),
        ("height = 24", "height = 24\npreprocess = 'none'\n#", "TOML"),
        ('pictures = "pictures"', 'pictures = "elsewhere"', "no such folder"),
        ('pictures = "pictures"', 'pictures = "net.npz"', "no such file"),
    ],
)
def test_everything_is_checked_against_the_module(old: str, new: str, why: str, tmp_path: Path) -> None:
    spec = edited(write_own_network(tmp_path, pictures=1), (old, new))
    with pytest.raises(BadInput, match=why) as caught:
        model_from_spec(read_spec(spec))
    assert "\n" not in str(caught.value)


def test_arrays_in_an_npz_do_as_well(tmp_path: Path) -> None:
    spec = write_own_network(tmp_path)
    model = model_from_spec(read_spec(spec))
    assert model.test is not None
    images = model.test.images.transpose(0, 2, 3, 1)
    np.savez(tmp_path / "test.npz", images=images, labels=model.test.labels)
    edited(spec, ('"pictures"', '"test.npz"'))
    again = model_from_spec(read_spec(spec)).test
    assert again is not None and np.array_equal(again.images, model.test.images)
    np.savez(tmp_path / "test.npz", images=images.astype(np.float32), labels=model.test.labels)
    with pytest.raises(BadInput, match="images must be uint8"):
        model_from_spec(read_spec(spec))


def test_pictures_to_give_away_lie_in_the_certificate(tmp_path: Path) -> None:
    spec = read_spec(write_own_network(tmp_path))
    model = model_from_spec(spec, tmp_path / "pictures")
    golden, answers = model.golden_answers
    assert golden.in_distribution == 16 and len(answers) == len(golden.images) == 32
    assert "pictures" in SPEC
