import io
import zipfile

from mnistx_export.formats.base import Conversion, format_named


def test_a_pt2_archive_holds_no_pickle(conversion: Conversion) -> None:
    archive = zipfile.ZipFile(io.BytesIO(format_named("pt2").write(conversion)[".pt2"]))
    inputs = [entry for entry in archive.infolist() if entry.filename.endswith((".pt", ".pkl"))]
    assert all(entry.file_size == 0 for entry in inputs)
