from mnistx_export.formats.base import Conversion, format_named


def test_ort_comes_with_the_operators_that_a_reduced_build_needs(conversion: Conversion) -> None:
    files = format_named("ort").write(conversion)
    lines = files[".required_operators.config"].decode().splitlines()
    assert any(line.startswith("ai.onnx;12;MaxPool") for line in lines)
    assert not any("/" in line for line in lines)
