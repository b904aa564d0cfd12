from typing import Any

import pytest
import torch

from mnistx_export import rounding
from mnistx_export.rounding import im2col, round_layers, round_weights


def correlated(count: int, seed: int) -> torch.Tensor:
    """Rows of inputs that go together, as a layer's do."""
    torch.manual_seed(seed)
    return torch.randn(count, 8) @ torch.randn(8, 24) + 0.1 * torch.randn(count, 24)


def test_sums_are_nearer_than_those_of_the_nearest_multiples() -> None:
    inputs, weights = correlated(500, 0), torch.randn(16, 24)
    scale = weights.abs().amax(1) / 8
    multiples = round_weights(weights, scale, 8, (inputs.T @ inputs).double())
    assert multiples.dtype == torch.int8 and int(multiples.abs().max()) <= 8

    def error(chosen: torch.Tensor) -> float:
        return float((inputs @ (chosen * scale[:, None] - weights).T).square().mean())

    assert error(multiples) < 0.3 * error((weights / scale[:, None]).round())


def test_inputs_that_go_with_no_other_leave_the_nearest_multiples() -> None:
    weights = torch.tensor([[0.4, 1.6, -2.4, 9.0]])
    assert round_weights(weights, torch.ones(1), 5, torch.eye(4).double()).tolist() == [[0, 2, -2, 5]]


def test_a_layer_makes_up_for_those_before_it() -> None:
    torch.manual_seed(2)
    network = torch.nn.Sequential(torch.nn.Linear(24, 24), torch.nn.ReLU(), torch.nn.Linear(24, 5)).requires_grad_(
        False
    )
    batches = torch.split(correlated(4000, 1), 100)
    scales = {name: w.abs().amax(1) / 8 for name, w in network.named_parameters() if w.ndim > 1}
    found = round_layers(network, batches, scales, 8)

    def error(multiples: dict[str, torch.Tensor]) -> float:
        twin = torch.nn.Sequential(torch.nn.Linear(24, 24), torch.nn.ReLU(), torch.nn.Linear(24, 5))
        weights = {name: multiples[name] * scales[name][:, None] for name in multiples}
        twin.load_state_dict(network.state_dict() | weights)
        with torch.no_grad():
            return float(torch.cat([twin(batch) - network(batch) for batch in batches]).square().mean())

    first = torch.nn.Sequential(network[0], network[1])
    alone = {"0.weight": found["0.weight"]}
    wanted = torch.cat([first(batch) for batch in batches])
    alone["2.weight"] = round_weights(
        network.get_parameter("2.weight"), scales["2.weight"], 8, (wanted.T @ wanted).double()
    )
    nearest = {name: (network.get_parameter(name) / scales[name][:, None]).round() for name in scales}
    assert error(found) < 0.95 * error(alone) < 0.95 * error(nearest)


def test_asked_again_it_computes_only_what_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(6, 4)).requires_grad_(False)
    batches, scales = [torch.rand(20, 6)], {"0.weight": torch.ones(4) / 63}
    first = round_layers(network, batches, scales, 63)
    calls: list[int] = []

    def noted(weights: torch.Tensor, scale: torch.Tensor, limit: int, gram: torch.Tensor) -> torch.Tensor:
        calls.append(limit)
        return round_weights(weights, scale, limit, gram)

    monkeypatch.setattr(rounding, "round_weights", noted)
    again = round_layers(network, batches, scales, 63)
    assert not calls and torch.equal(again["0.weight"], first["0.weight"])
    network.load_state_dict({"0.weight": network.state_dict()["0.weight"] + 1}, strict=False)
    changed = round_layers(network, batches, scales, 63)
    assert calls == [63] and not torch.equal(changed["0.weight"], first["0.weight"])
    round_layers(network, [batches[0] + 1], scales, 63)
    round_layers(network, [batches[0] + 1], {"0.weight": torch.ones(4) / 60}, 63)
    round_layers(network, [batches[0] + 1], {"0.weight": torch.ones(4) / 60}, 60)
    assert calls == [63, 63, 63, 60]


@pytest.mark.parametrize("options", [{"padding": "same"}, {"padding": 2, "padding_mode": "reflect"}, {"stride": 2}])
def test_rows_are_what_a_convolution_sums(options: dict[str, Any]) -> None:
    torch.manual_seed(3)
    layer = torch.nn.Conv2d(2, 3, (3, 4), dilation=(1, 2), **options).requires_grad_(False)
    inputs = torch.randn(2, 2, 9, 11)
    assert layer.bias is not None
    sums = im2col(layer, inputs).float() @ layer.weight.flatten(1).T + layer.bias
    torch.testing.assert_close(sums, layer(inputs).flatten(2).transpose(1, 2).flatten(0, 1))


def test_it_is_computed_on_one_thread_whatever_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several, their number decides how torch rounds its sums, and so a byte of the file here and there."""
    seen: list[int] = []
    real = rounding.round_weights

    def spy(*args: Any) -> torch.Tensor:
        seen.append(torch.get_num_threads())
        return real(*args)

    monkeypatch.setattr(rounding, "round_weights", spy)
    layer = torch.nn.Linear(6, 4)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        round_layers(torch.nn.Sequential(layer).eval(), [torch.rand(8, 6)], {"0.weight": torch.ones(4) / 63}, 63)
        assert seen == [1] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_layer_whose_inputs_are_all_0_gets_the_nearest_multiples() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3)).requires_grad_(False)
    torch.nn.init.constant_(network.get_parameter("0.bias"), -100)
    scales = {name: w.abs().amax(1) / 64 for name, w in network.named_parameters() if w.ndim > 1}
    found = round_layers(network, [torch.rand(20, 6)], scales, 64)
    nearest = (network.get_parameter("2.weight") / scales["2.weight"][:, None]).round()
    assert torch.equal(found["2.weight"], nearest.to(torch.int8))
