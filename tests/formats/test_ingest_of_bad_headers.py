"""``seisflow ingest`` of headers that say what cannot be: named, and the rest is used."""

from pathlib import Path
from struct import pack_into

import numpy as np
import obspy
import zarr
from format_samples import noise, sac_file, segy_file
from programs import Cluster, Launcher

VALUES = noise(5000, dtype="float32")


def test_what_cannot_be_is_named_and_the_rest_is_used(
    launcher: Launcher, cluster: Cluster, tmp_path: Path
) -> None:
    raw, output = tmp_path / "raw", tmp_path / "out.zarr"
    raw.mkdir()
    (raw / "good.sac").write_bytes(sac_file(VALUES, order=">", delta=0.002))
    (raw / "day_366.sac").write_bytes(sac_file(VALUES, nzjday=366, delta=0.002))
    (raw / "nzmsec.sac").write_bytes(sac_file(VALUES, nzmsec=490_000, delta=0.002))
    (raw / "no_place.sac").write_bytes(sac_file(VALUES, nzhour=1, delta=0.002, stla=95, stlo=10))
    footer = {"b": 3723.456789, "delta": 0.002}
    (raw / "v7.sac").write_bytes(sac_file(VALUES, nzhour=2, delta=0.002, footer=footer))
    traces = bytearray(segy_file([VALUES[:500]] * 3, 5))
    for k in range(2):
        pack_into(">h", traces, 3600 + k * 2240 + 160, 99)
    (raw / "hour_99.sgy").write_bytes(bytes(traces))
    ended = launcher.run("ingest", raw, output, "--cluster", cluster.address)
    assert ended.code == 3, ended.err
    assert "Traceback" not in ended.err
    problems = [line for line in ended.err.splitlines() if line.startswith("problem: ")]
    named = [
        f"{raw / 'day_366.sac'}: SAC header with a time that cannot be: day 366 of 2023",
        f"{raw / 'hour_99.sgy'} at byte 3600: 2 SEG-Y traces with a time that cannot be (hour 99",
        f"{raw / 'no_place.sac'} (.STA..): place in the SAC header not used: latitude 95",
        f"{raw / 'nzmsec.sac'}: SAC header with a time that cannot be: millisecond 490000",
    ]
    assert len(problems) == len(named)
    for problem, start in zip(sorted(problems), named, strict=True):
        assert problem.startswith(f"problem: {start}")
    product = zarr.open_group(output, mode="r")
    assert list(product["station"][:]) == [".7..3", ".STA.."]
    midnight = obspy.UTCDateTime("2023-11-15")
    for begin in ("00:00:00", "01:00:00", "03:02:03.456"):
        k = round((obspy.UTCDateTime(f"2023-11-15T{begin}") - midnight) * 500)
        assert np.array_equal(product["waveform"][1, k : k + 5000], VALUES), begin
