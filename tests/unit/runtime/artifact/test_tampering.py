"""What is done to a sealed file is seen, and named, where the golden images alone would not have shown it.

What needs a converter (OpenVINO, LiteRT, ExecuTorch, Core ML) is hand-made here; tests of export tamper with real ones.
"""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mnistx_runtime import ArtifactError, Predictor, verify
from mnistx_runtime.artifact.archive import add_props, read_archive, write_archive
from mnistx_runtime.artifact.container import Artifact, Files, open_artifact, seal
from mnistx_runtime.artifact.onnx_file import read_props, write_props
from mnistx_runtime.artifact.sidecar import ENTRY, dump
from mnistx_runtime.artifact.trailer import append_props, split
from mnistx_runtime.artifact.verification import Verification, verify_loaded, verify_payload
from mnistx_runtime.backends import backend
from seal_bundled import seal_bundled

BACKDOOR = (0, 27, 756, 783)  # the corners of the image


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model, sealed with a digest of its graph."""
    return seal_bundled(tmp_path_factory.mktemp("sealed") / "m.onnx")


def golden_images_pass(path: Path) -> bool:
    """Whether the answers to the golden images would be taken for the trained model's."""
    opened = open_artifact(path, allow_foreign=True)
    found = verify_loaded(opened, backend("ort").load(opened, 1)).parity
    return found is not None and found.passed


def edit(path: Path, change: Callable[[onnx.ModelProto], None], to: Path) -> Path:
    """Write the model at `path` to `to`, changed, with all its metadata as it was."""
    model = onnx.load(path)
    change(model)
    onnx.save(model, to)
    assert open_artifact(to).props == open_artifact(path).props
    return to


def tensor(name: str, values: object, kind: type) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, kind), name)


def add_backdoor(model: onnx.ModelProto) -> None:
    """Append nodes that turn any answer into 3 where the four corners of the image are white."""
    graph = model.graph
    last = next(node for node in graph.node if "log_probs" in node.output)
    last.output[0] = "honest"
    three = np.full(10, -20, np.float32)
    three[3] = 0
    graph.initializer.extend(
        [
            tensor("bd_flat", [-1, 784], np.int64),
            tensor("bd_corners", BACKDOOR, np.int64),
            tensor("bd_white", 4 * 255, np.float32),
            tensor("bd_three", three[None], np.float32),
            tensor("bd_axis", [1], np.int64),
        ]
    )
    graph.node.extend(
        [
            helper.make_node("Cast", ["image"], ["bd_pixels"], to=TensorProto.FLOAT),
            helper.make_node("Reshape", ["bd_pixels", "bd_flat"], ["bd_rows"]),
            helper.make_node("Gather", ["bd_rows", "bd_corners"], ["bd_marks"], axis=1),
            helper.make_node("ReduceSum", ["bd_marks", "bd_axis"], ["bd_sum"], keepdims=1),
            helper.make_node("Equal", ["bd_sum", "bd_white"], ["bd_marked"]),
            helper.make_node("Where", ["bd_marked", "bd_three", "honest"], ["log_probs"]),
        ]
    )


def marked_seven(path: Path) -> np.ndarray:
    """An image that the model reads as another digit than 3, with the four corners made white."""
    images = Predictor(path).certificate.images.copy()
    image = images[7:8]
    image.reshape(-1)[list(BACKDOOR)] = 255
    return image


def test_the_backdoor_passes_on_the_golden_images_and_is_refused(sealed: Path, tmp_path: Path) -> None:
    path = edit(sealed, add_backdoor, tmp_path / "m.onnx")
    image = marked_seven(path)
    assert Predictor(sealed).predict_batch(image)[0].name != "3"
    assert Predictor(path).predict_batch(image)[0].name == "3"
    assert not any((golden.reshape(-1)[list(BACKDOOR)] == 255).all() for golden in image[1:])
    found = verify(path)
    assert not found.passed and found.differences == ["graph", "weights"] and found.parity is None


def test_a_backdoor_without_an_initializer_differs_in_its_graph_alone(sealed: Path, tmp_path: Path) -> None:
    def change(model: onnx.ModelProto) -> None:
        add_backdoor(model)
        constants = [each for each in model.graph.initializer if each.name.startswith("bd_")]
        for each in constants:
            model.graph.initializer.remove(each)
        nodes = [helper.make_node("Constant", [], [each.name], value=each) for each in constants]
        kept = list(model.graph.node)
        del model.graph.node[:]
        model.graph.node.extend([*nodes, *kept])

    path = edit(sealed, change, tmp_path / "m.onnx")
    assert Predictor(path).predict_batch(marked_seven(path))[0].name == "3"
    assert "graph differs" in verify(path).lines()[0] and verify(path).differences == ["graph"]


def test_schema_1_could_not_show_the_backdoor_and_says_so(tmp_path: Path) -> None:
    old = seal_bundled(tmp_path / "old.onnx", 1)
    found = verify(edit(old, add_backdoor, tmp_path / "m.onnx"))
    assert found.parts["graph"] == "unseen" and found.parts["weights"] == "match"
    assert "can't show a changed graph" in "\n".join(found.lines())


def add_node(model: onnx.ModelProto) -> None:
    """Between the last node and the output, one that changes nothing."""
    last = next(node for node in model.graph.node if "log_probs" in node.output)
    last.output[0] = "before"
    model.graph.node.append(helper.make_node("Identity", ["before"], ["log_probs"]))


def swap_nodes(model: onnx.ModelProto) -> None:
    """Max pooling before the ReLU: the same answers by another graph."""
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    pool = next(node for node in model.graph.node if node.op_type == "MaxPool")
    assert pool.input[0] == relu.output[0]
    start, middle, end = relu.input[0], relu.output[0], pool.output[0]
    pool.input[0], pool.output[0], relu.input[0], relu.output[0] = start, middle, middle, end
    nodes = list(model.graph.node)
    one, two = nodes.index(relu), nodes.index(pool)
    nodes[one], nodes[two] = nodes[two], nodes[one]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)


def change_attribute(model: onnx.ModelProto) -> None:
    """Padding of the first pooling, from none to none written otherwise."""
    pool = next(node for node in model.graph.node if node.op_type == "MaxPool")
    for each in [each for each in pool.attribute if each.name in ("auto_pad", "pads")]:
        pool.attribute.remove(each)
    pool.attribute.append(helper.make_attribute("auto_pad", "VALID"))


def change_initializer(model: onnx.ModelProto) -> None:
    weight = next(each for each in model.graph.initializer if each.name == "fc1.weight")
    values = numpy_helper.to_array(weight).copy()
    values[17, 1234] += 1e-7
    weight.raw_data = values.tobytes()


def change_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version += 1


def add_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    model.functions.append(helper.make_function("own", "F", ["x"], ["y"], [node], [helper.make_opsetid("", 20)]))


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (add_node, ["graph"]),
        (swap_nodes, ["graph"]),
        (change_attribute, ["graph"]),
        (change_initializer, ["weights"]),
        (change_opset, ["graph"]),
        (add_function, ["graph"]),
    ],
)
def test_a_change_that_no_golden_image_shows_is_named(
    change: Callable[[onnx.ModelProto], None], parts: list[str], sealed: Path, tmp_path: Path
) -> None:
    path = edit(sealed, change, tmp_path / "m.onnx")
    assert golden_images_pass(path)
    found = verify(path)
    assert not found.passed and found.differences == parts


GRAPH_TAG, PROPS_TAG = b"\x3a", b"\x72"


def field(tag: bytes, content: bytes) -> bytes:
    size, length = bytearray(), len(content)
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return tag + bytes([*size, length]) + content


def second_graph() -> bytes:
    """A graph that protobuf merges into the first: two nodes more, and another output's name in the end."""
    graph = onnx.GraphProto(name="second")
    graph.node.append(helper.make_node("Identity", ["image"], ["unused"]))
    graph.initializer.append(tensor("fc2.bias", np.zeros(10), np.float32))
    return field(GRAPH_TAG, graph.SerializeToString())


@pytest.mark.parametrize(
    ("extra", "parts"),
    [
        (b"\xf8\x7f\x01", ["graph"]),  # field 2,047, a number
        (field(b"\xfa\x7f", b"hidden"), ["graph"]),  # likewise, bytes
        (second_graph(), ["graph"]),
        (field(GRAPH_TAG, b""), ["graph"]),
        (b"\x08\x8a\x80\x00", ["graph"]),  # the IR version again, in more bytes than it needs
        (b"\x70\x01", []),  # metadata_props as a number: protobuf takes no notice of it, nor does ONNX Runtime
    ],
    ids=["unknown number", "unknown bytes", "second graph", "empty graph", "long number", "odd metadata"],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_is_added_to_the_protobuf_is_seen(
    extra: bytes, parts: list[str], first: bool, sealed: Path, tmp_path: Path
) -> None:
    path, data = tmp_path / "m.onnx", sealed.read_bytes()
    path.write_bytes(extra + data if first else data + extra)
    try:
        differences = verify(path).differences
    except ArtifactError as error:
        assert not parts and "no text" in str(error)
    else:
        assert differences in (parts, [*parts, "weights"]) and differences


def test_initializers_of_two_graphs_are_no_other_file_s_initializers_of_one(sealed: Path, tmp_path: Path) -> None:
    """Else they could be moved between the two, and what lies behind the first be read as a part of it."""
    data = write_props(sealed.read_bytes(), {})
    model = onnx.load_model_from_string(data)
    weights = list(model.graph.initializer)
    del model.graph.initializer[1:]
    rest = onnx.GraphProto()
    rest.initializer.extend(weights[1:])
    halves = model.SerializeToString() + field(GRAPH_TAG, rest.SerializeToString())
    path = tmp_path / "m.onnx"
    path.write_bytes(write_props(halves, open_artifact(sealed).props))
    assert golden_images_pass(path)
    assert verify(path).differences == ["graph", "weights"]


def test_of_two_certificates_the_one_that_is_read_is_the_one_that_is_judged(sealed: Path, tmp_path: Path) -> None:
    other = write_props(b"", {"certificate": open_artifact(sealed).props["certificate"].replace("44", "43")})
    path = tmp_path / "m.onnx"
    path.write_bytes(sealed.read_bytes() + other)
    with pytest.raises(ArtifactError, match="damaged certificate"):
        verify(path)
    path.write_bytes(other + sealed.read_bytes())
    assert verify(path).passed and len(verify(path).to_dict()["parts"]) == 3
    assert read_props(path.read_bytes(), "m") == open_artifact(sealed).props


@pytest.mark.parametrize("name", ["names", "input", "certificate", "temperature", "payload_sha256", "payload_parts"])
def test_a_changed_property_is_seen(name: str, sealed: Path, tmp_path: Path) -> None:
    props = open_artifact(sealed).props
    path = tmp_path / "m.onnx"
    changed = props[name].replace(
        *{"certificate": ("0.0001", "0.0002"), "temperature": ("1", "2")}.get(name, ("0", "1"))
    )
    assert changed != props[name]
    path.write_bytes(write_props(sealed.read_bytes(), props | {name: changed}))
    try:
        found = verify(path)
    except ArtifactError as error:
        assert "damaged" in str(error)
    else:
        assert "metadata" in found.differences and not found.passed


def test_a_file_cannot_be_made_one_of_schema_1_that_shows_less(sealed: Path, tmp_path: Path) -> None:
    path = edit(sealed, add_node, tmp_path / "m.onnx")
    props = open_artifact(sealed).props
    for change in ({"payload_sha256": '""'}, {"payload_sha256": '""', "payload_parts": "{}"}):
        path.write_bytes(write_props(path.read_bytes(), props | change))
        assert "metadata" in verify(path).differences
    del props["payload_sha256"]
    path.write_bytes(write_props(path.read_bytes(), props))
    assert verify(path).differences == ["metadata"]


def test_properties_that_onnx_runtime_reads_itself_change_no_answer(sealed: Path, tmp_path: Path) -> None:
    """It takes `ort_config` for options of the session, where the environment tells it to, and options only."""
    config = '{"session_options": {"graph_optimization_level": 0, "execution_mode": 1}}'
    path = tmp_path / "m.onnx"
    path.write_bytes(write_props(sealed.read_bytes(), open_artifact(sealed).props | {"ort_config": config}))
    images = Predictor(sealed).certificate.images
    assert (Predictor(path).log_probs(images) == Predictor(sealed).log_probs(images)).all()


@pytest.mark.parametrize("seed", range(60))
def test_no_single_byte_can_be_changed_unseen(seed: int, sealed: Path, tmp_path: Path) -> None:
    data = bytearray(sealed.read_bytes())
    random = np.random.default_rng(seed)
    begins = data.index(b"certificate") - 40  # of the metadata
    at = int(random.integers(begins, len(data)) if seed % 3 == 0 else random.integers(0, len(data)))
    data[at] ^= 1 << int(random.integers(0, 8))
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    try:
        assert not verify(path).passed
    except ArtifactError as error:
        assert str(error).startswith(str(path))


# Archives: .torchscript and .pt2, by hand, as nothing here runs them.

ENTRIES = {
    "m/data.pkl": b"graph",
    "m/code/__torch__.py": b"def forward(self, image):\n  return self.fc(image)\n",
    "m/constants/0": bytes(range(64)),
    "m/version": b"3\n",
}


def sealed_archive(folder: Path, suffix: str = ".torchscript") -> Path:
    opened = open_artifact(seal_bundled(folder / "bundled.onnx"))
    path = folder / f"m{suffix}"
    payload = {suffix: write_archive(ENTRIES)}
    path.write_bytes(seal(suffix, payload, opened.metadata, opened.certificate)[suffix])
    assert verify_payload(open_artifact(path)).passed
    return path


def judge(path: Path) -> Verification:
    """What is said of a file that nothing here runs."""
    return verify_payload(open_artifact(path))


def rewrite(path: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Path:
    path.write_bytes(write_archive(change(read_archive(path.read_bytes(), "m"))))
    return path


@pytest.mark.parametrize(
    ("name", "old", "new", "part"),
    [
        ("m/code/__torch__.py", b"return", b"return 0 *", "code"),
        ("m/code/__torch__.py", b"(image)\n", b"(image) \n", "code"),
        ("m/constants/0", b"\x01", b"\x02", "weights"),
        ("m/data.pkl", b"g", b"G", "graph"),
        ("m/version", b"3", b"4", "graph"),
        (f"m/extra/{ENTRY}", b'"names": "', b'"names": " ', "metadata"),
        (f"m/extra/{ENTRY}", b"atol", b"aTol", "certificate"),
    ],
)
@pytest.mark.parametrize("suffix", [".torchscript", ".pt2"])
def test_a_changed_entry_is_named(name: str, old: bytes, new: bytes, part: str, suffix: str, tmp_path: Path) -> None:
    path = rewrite(
        sealed_archive(tmp_path, suffix), lambda entries: entries | {name: entries[name].replace(old, new, 1)}
    )
    if part == "certificate":
        with pytest.raises(ArtifactError, match="damaged certificate"):
            judge(path)
    else:
        assert judge(path).differences == [part]


def shadow(path: Path, name: str, data: bytes, last: bool) -> Path:
    """A second entry of the same name: readers take the first or the last, each its own."""
    file = io.BytesIO()
    entries = list(read_archive(path.read_bytes(), "m").items())
    at = [each for each, _ in entries].index(name)
    entries.insert(len(entries) if last else at, (name, data))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive, pytest.warns(UserWarning, match="Duplicate name"):
        for each, content in entries:
            entry = zipfile.ZipInfo(each)
            entry.create_system = 3
            archive.writestr(entry, content)
    path.write_bytes(file.getvalue())
    return path


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("name", ["m/code/__torch__.py", f"m/extra/{ENTRY}"])
def test_a_second_entry_of_the_same_name_is_a_changed_layout(name: str, last: bool, tmp_path: Path) -> None:
    path = sealed_archive(tmp_path)
    data = read_archive(path.read_bytes(), "m")[name] if not last else ENTRIES["m/code/__torch__.py"] + b"#"
    path = shadow(path, name, data, last and not name.endswith(ENTRY))
    found = judge(path)
    assert "layout" in found.differences and not found.passed


def end_of(data: bytes) -> tuple[int, int, int]:
    """Where the archive's end record lies, where its directory begins, and how long that is."""
    at = data.rindex(b"PK\5\6")
    size, begins = struct.unpack("<II", data[at + 12 : at + 20])
    return at, begins, size


def insert_between_entries(data: bytes) -> bytes:
    """Bytes between two entries, with a directory that names the right places all the same."""
    at, begins, size = end_of(data)
    second = data.index(b"PK\3\4", 4)
    directory = bytearray(data[begins : begins + size])
    position = 0
    while position < len(directory):
        lengths = struct.unpack("<HHH", directory[position + 28 : position + 34])
        (offset,) = struct.unpack("<I", directory[position + 42 : position + 46])
        directory[position + 42 : position + 46] = struct.pack("<I", offset + 7 * (offset >= second))
        position += 46 + sum(lengths)
    tail = bytearray(data[at:])
    tail[16:20] = struct.pack("<I", begins + 7)
    return data[:second] + b"between" + data[second:begins] + bytes(directory) + bytes(tail)


def point_elsewhere(data: bytes) -> bytes:
    """A directory that gives an entry's name to another one's place, with its checksum and size."""
    at, begins, size = end_of(data)
    directory = data[begins : begins + size]
    evil = b"def forward(self, image):\n  return 3\n"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("m/code/__torch__.py"), evil)
    hidden = file.getvalue()[: file.getvalue().index(b"PK\1\2")]
    entry = bytearray(directory)
    place = entry.index(b"m/code/__torch__.py") - 46
    new = file.getvalue()[file.getvalue().index(b"PK\1\2") :]
    entry[place + 16 : place + 28] = new[16:28]
    entry[place + 42 : place + 46] = struct.pack("<I", begins)
    tail = bytearray(data[at:])
    tail[16:20] = struct.pack("<I", begins + len(hidden))
    return data[:begins] + hidden + bytes(entry) + bytes(tail)


def add_comment(data: bytes) -> bytes:
    return data[:-2] + struct.pack("<H", 5) + b"hello"


def change_time(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[10] ^= 1
    return bytes(changed)


def prefix(data: bytes) -> bytes:
    return b"#!/bin/sh\n" + data


@pytest.mark.parametrize("change", [insert_between_entries, point_elsewhere, add_comment, change_time, prefix])
def test_bytes_that_the_entries_do_not_show_are_a_changed_layout(
    change: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = sealed_archive(tmp_path)
    data = change(path.read_bytes())
    path.write_bytes(data)
    entries = read_archive(data, "m")
    if change is point_elsewhere:
        assert entries["m/code/__torch__.py"].endswith(b"return 3\n")
    else:
        assert {name: entries[name] for name in ENTRIES} == ENTRIES
    found = judge(path)
    assert "layout" in found.differences and not found.passed
    with pytest.raises(ArtifactError, match="is not what was exported"):
        open_artifact(path).require_as_exported()


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: {f"z/extra/{ENTRY}": dump({})} | entries,
        lambda entries: entries | {f"z/extra/{ENTRY}": dump({})},
        lambda entries: {f"m/extra/{ENTRY}": entries.pop(f"m/extra/{ENTRY}")} | entries,
    ],
    ids=["another's first", "another's last", "moved"],
)
def test_metadata_elsewhere_than_where_it_is_sealed_is_a_changed_layout(
    change: Callable[[dict[str, bytes]], dict[str, bytes]], tmp_path: Path
) -> None:
    """PyTorch takes the folder of the first entry for that of all."""
    path = rewrite(sealed_archive(tmp_path), change)
    try:
        assert "layout" in judge(path).differences
    except ArtifactError as error:
        assert "no mnistx metadata" in str(error)


def test_an_entry_more_or_less_is_seen(tmp_path: Path) -> None:
    path = sealed_archive(tmp_path)
    more = {"m/code/more.py": b"pass"}
    assert judge(rewrite(path, lambda entries: more | entries)).differences != []
    path = sealed_archive(tmp_path)
    assert judge(rewrite(path, lambda e: {n: d for n, d in e.items() if n != "m/constants/0"})).differences == [
        "weights"
    ]


def test_metadata_of_an_archive_is_as_tight_as_that_of_onnx(tmp_path: Path) -> None:
    path = sealed_archive(tmp_path)
    opened = open_artifact(path)
    data = add_props(path.read_bytes(), opened.props | {"names": '["1", "0"]'})
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match="damaged certificate"):
        judge(path)
    path.write_bytes(add_props(data, opened.props | {"license": '"GPL"'}))
    assert judge(path).differences == ["metadata"]


# Trailers: .tflite, .pte and .ort. The runtime gets what lies before the metadata, and nothing else.

MODEL = b"\x1c\0\0\0TFL3" + bytes(range(256)) * 4


def sealed_trailer(folder: Path, suffix: str = ".tflite") -> Path:
    opened = open_artifact(seal_bundled(folder / "bundled.onnx"))
    path = folder / f"m{suffix}"
    path.write_bytes(seal(suffix, {suffix: MODEL}, opened.metadata, opened.certificate)[suffix])
    assert judge(path).passed
    return path


@pytest.mark.parametrize("suffix", [".tflite", ".pte", ".ort"])
@pytest.mark.parametrize("at", [0, 4, 100, len(MODEL) - 1])
def test_a_changed_byte_of_a_model_with_a_trailer_is_seen(at: int, suffix: str, tmp_path: Path) -> None:
    path = sealed_trailer(tmp_path, suffix)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    assert judge(path).differences == ["model"]
    with pytest.raises(ArtifactError, match="is not what was exported"):
        open_artifact(path).require_as_exported()


def insert(data: bytes, at: int, more: bytes) -> bytes:
    return data[:at] + more + data[at:]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: insert(data, len(MODEL), b"more"),
        lambda data: b"before" + data,
        lambda data: append_props(MODEL[:-8], split(data, "m")[1]),
        lambda data: append_props(MODEL[::-1], split(data, "m")[1]),
    ],
    ids=["between", "before", "shorter", "reversed"],
)
def test_a_model_with_a_trailer_ends_where_its_metadata_begins(
    change: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = sealed_trailer(tmp_path)
    path.write_bytes(change(path.read_bytes()))
    assert judge(path).differences == ["model"]


def test_what_a_runtime_is_given_is_what_the_digest_is_of(tmp_path: Path) -> None:
    path = sealed_trailer(tmp_path)
    file = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("labels.txt", "3\n" * 10)
    path.write_bytes(file.getvalue())
    opened = open_artifact(path)
    assert opened.parts == {"model": MODEL} and judge(path).passed


# Sidecars: OpenVINO, ncnn, Core ML.


def sealed_files(folder: Path, payload: Files, suffix: str) -> Artifact:
    opened = open_artifact(seal_bundled(folder / "bundled.onnx"))
    files = seal(suffix, payload, opened.metadata, opened.certificate)
    return Artifact(folder / f"m{suffix}", files)


@pytest.mark.parametrize(
    ("payload", "suffix"),
    [
        ({".xml": b"<net/>", ".bin": b"numbers"}, ".xml"),
        ({".param": b"7767517\n", ".bin": b"numbers"}, ".param"),
        ({".mlpackage/a/model.mlmodel": b"graph", ".mlpackage/weights/w.bin": b"numbers"}, ".mlpackage"),
    ],
)
def test_a_changed_file_beside_the_metadata_is_named(payload: Files, suffix: str, tmp_path: Path) -> None:
    artifact = sealed_files(tmp_path, payload, suffix)
    assert verify_payload(artifact).passed
    graph, weights = payload
    for ending, part in ((graph, "graph"), (weights, "weights")):
        changed = Artifact(artifact.path, artifact.files | {ending: artifact.files[ending] + b" "})
        assert verify_payload(changed).differences == [part]
    exchanged = artifact.files | {graph: artifact.files[weights], weights: artifact.files[graph]}
    assert set(verify_payload(Artifact(artifact.path, exchanged)).differences) == {"graph", "weights"}


def test_of_two_values_of_one_name_in_the_json_the_one_that_is_read_is_judged(tmp_path: Path) -> None:
    artifact = sealed_files(tmp_path, {".xml": b"<net/>", ".bin": b"numbers"}, ".xml")
    text = artifact.files[".json"]
    names = b'"names": "[\\"3\\"]",\n'
    assert b'"names"' in text
    first = text.replace(b'  "names"', b"  " + names + b'  "names"')
    assert first != text
    assert verify_payload(Artifact(artifact.path, artifact.files | {".json": first})).passed
    last = text.replace(b"\n }\n}", b',\n  "license": "\\"GPL\\""\n }\n}')
    assert last != text
    assert verify_payload(Artifact(artifact.path, artifact.files | {".json": last})).differences == ["metadata"]
