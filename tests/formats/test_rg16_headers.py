"""Numbers of RG16 headers, checked against what they can be."""

from pathlib import Path
from struct import pack_into

import numpy as np
import pytest
from format_samples import noise, read_all, rg16_file

TRACES = [noise(60, k, "float32") for k in range(3)]
FIRST_BYTE = 32 * 6
TRACE_BYTES = 20 + 4 * 32 + 4 * 60


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.fcnt"


def second_trace(field: int, value: bytes) -> bytes:
    """Return a file with a field of its second trace header changed."""
    content = bytearray(rg16_file(TRACES))
    at = FIRST_BYTE + TRACE_BYTES + field
    content[at : at + len(value)] = value
    return bytes(content)


@pytest.mark.parametrize("start_us", [0, 315_964_800_000_000, 2**63, 2**64 - 1])
def test_a_trace_at_a_time_that_cannot_be_is_left_out_by_name(path: Path, start_us: int) -> None:
    """Clocks that were never set start in 1970 or, with GPS, in 1980."""
    path.write_bytes(second_trace(84, start_us.to_bytes(8, "big")))
    reading = read_all(path)
    (problem,) = reading.problems
    assert problem.reason.startswith("1 RG16 traces with a time that cannot be (a start in ")
    assert problem.byte == FIRST_BYTE + TRACE_BYTES
    kept = np.concatenate([TRACES[0], TRACES[2]]) + np.float32(2)
    assert np.array_equal(reading.values["3.256.1.DP2"], kept)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (9, b"\x02"),  # extensions that do not reach the time
        (9, b"\x0b"),
        (40, b"\x00"),  # a component that there is not
        (40, b"\x4d"),
        (27, b"\x00\x00\x00"),
        (27, b"\xff\xff\xff"),
    ],
)
def test_what_is_no_trace_header_ends_the_file_by_name(
    path: Path, field: int, value: bytes
) -> None:
    path.write_bytes(second_trace(field, value))
    reading = read_all(path)
    (problem,) = reading.problems
    assert "promises 3 traces, 1 are whole" in problem.reason
    assert problem.byte == FIRST_BYTE + TRACE_BYTES
    assert list(reading.values) == ["3.256.1.DP2"]
    assert np.array_equal(reading.values["3.256.1.DP2"], TRACES[0] + np.float32(2))


@pytest.mark.parametrize("interval", [0, 3, 7, 33, 255])
def test_an_interval_that_there_is_not_is_named(path: Path, interval: int) -> None:
    content = bytearray(rg16_file(TRACES))
    content[22] = interval
    path.write_bytes(content)
    reading = read_all(path)
    (problem,) = reading.problems
    assert f"a base scan interval of {interval}/16 ms" in problem.reason
    assert reading.values == {}


def test_channel_sets_that_are_no_decimal_number_are_named(path: Path) -> None:
    content = bytearray(rg16_file(TRACES))
    content[28] = 0x0A
    path.write_bytes(content)
    (problem,) = read_all(path).problems
    assert "0x0a channel sets" in problem.reason


@pytest.mark.parametrize("n_slices", [0, 2, 4])
def test_another_number_of_traces_than_promised_is_named(path: Path, n_slices: int) -> None:
    content = bytearray(rg16_file(TRACES))
    pack_into(">I", content, 64 + 32 + 48, n_slices)
    path.write_bytes(content)
    reading = read_all(path)
    (problem,) = reading.problems
    assert f"promises {n_slices} traces, 3 are whole; 0 bytes not used" in problem.reason
    assert reading.n_samples == 180


def test_headers_that_promise_nothing_and_reach_beyond_the_file_are_named(path: Path) -> None:
    content = bytearray(rg16_file(TRACES))
    pack_into(">I", content, 64 + 32 + 48, 0)
    content[39:42] = b"\x7f\xff\xff"
    path.write_bytes(content)
    (problem,) = read_all(path).problems
    assert "promises 0 traces, 0 are whole" in problem.reason
