"""The comparator of products finds what it is for."""

import shutil
from pathlib import Path

import pytest
from programs import differences, receipts, refuse_unfinished


@pytest.fixture
def copy(waveforms: Path, tmp_path: Path) -> Path:
    path = tmp_path / "copy.zarr"
    shutil.copytree(waveforms, path)
    return path


def test_a_copy_does_not_differ(waveforms: Path, copy: Path) -> None:
    assert differences(waveforms, copy) == []
    refuse_unfinished(copy)


def test_one_byte_is_found(waveforms: Path, copy: Path) -> None:
    file = copy / "waveform" / "c" / "1" / "0"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert differences(waveforms, copy) == ["differs: waveform/c/1/0"]


def test_an_extra_file_is_found(waveforms: Path, copy: Path) -> None:
    (copy / "waveform" / "c" / "9").write_bytes(b"")
    assert differences(waveforms, copy) == [f"only in {copy}: waveform/c/9"]


def test_a_missing_file_is_found(waveforms: Path, copy: Path) -> None:
    (copy / "coverage" / "c" / "0" / "0").unlink()
    assert differences(waveforms, copy) == [f"only in {waveforms}: coverage/c/0/0"]


def test_receipts_are_left_aside_but_judged(waveforms: Path, copy: Path) -> None:
    receipt = receipts(copy)[0]
    text = receipt.read_text()
    receipt.write_text(text.replace('"state":"done"', '"state":"failed"'))
    assert differences(waveforms, copy) == []
    with pytest.raises(AssertionError):
        refuse_unfinished(copy)
    receipt.write_text(text)
    (copy / "waveform" / "c" / "0.partial").touch()
    with pytest.raises(AssertionError):
        refuse_unfinished(copy)
    (copy / "waveform" / "c" / "0.partial").unlink()
    receipt.unlink()
    with pytest.raises(AssertionError):
        refuse_unfinished(copy)


def test_a_product_that_is_not_there_is_no_equal(waveforms: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        differences(waveforms, tmp_path / "nowhere")
