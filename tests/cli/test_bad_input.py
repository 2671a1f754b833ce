"""Bad input: one clear error, the right exit code, and what was written before stays valid."""

import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from programs import Cluster, Ended, Launcher, differences, receipts, refuse_unfinished

from seisflow.formats.writing import MiniSeedWriter

START_NS = 1_401_321_600 * 10**9
RECORD_BYTES = 4096


@pytest.fixture
def run(launcher: Launcher, cluster: Cluster) -> Callable[..., Ended]:
    """Run a command on the shared cluster; no error may look like a bug."""

    def run(*argv: str | Path) -> Ended:
        ended = launcher.run(*argv, "--cluster", cluster.address)
        assert "Traceback" not in ended.err
        assert ended.err.count("error: ") <= 1
        return ended

    return run


@pytest.fixture
def raw(scene: Path, tmp_path: Path) -> Path:
    """Return a copy of the four good files, in one folder."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for file in sorted((scene / "waveforms").rglob("*.mseed")):
        shutil.copy2(file, folder / file.name)
    return folder


def write(file: Path, station: str, counts: np.ndarray, rate_hz: float = 20.0) -> Path:
    with file.open("wb") as handle:
        MiniSeedWriter(handle, station, rate_hz).append(START_NS, counts.astype("int32"))
    return file


def walk(n: int = 72_000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 100, n).cumsum()


def shards_of(product: Path, row: int) -> list[bytes]:
    names = [f"{name}/c/{row}/0" for name in ("waveform", "coverage")]
    return [(product / name).read_bytes() for name in names]


def file_of(raw: Path, number: int) -> Path:
    return sorted(raw.iterdir())[number]


def test_an_empty_folder(run: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    ended = run("ingest", tmp_path / "raw", tmp_path / "out.zarr")
    assert ended.code == 2
    assert f"error: folder '{tmp_path / 'raw'}' holds no files" in ended.err
    assert not (tmp_path / "out.zarr").exists()


def test_what_is_not_there_is_all_named(run: Callable[..., Ended], tmp_path: Path) -> None:
    ended = run("ingest", tmp_path / "*.mseed", tmp_path / "none", tmp_path / "out.zarr")
    assert ended.code == 2
    assert f"glob '{tmp_path}/*.mseed' matches no file" in ended.err
    assert f"'{tmp_path}/none' does not exist; give a file, a folder or a glob" in ended.err


@pytest.mark.slow
def test_a_file_without_permission_is_named_and_the_others_are_ingested(
    launcher: Launcher, raw: Path, waveforms: Path, tmp_path: Path
) -> None:
    file_of(raw, 2).chmod(0)
    output = tmp_path / "out.zarr"
    args = ["ingest", raw, output, "--workers", "1"]
    ended = launcher.run(*args, powerless=True, cwd=tmp_path)
    assert ended.code == 3, ended.err
    assert f"{file_of(raw, 2)}: cannot be opened: Permission denied" in ended.err
    assert "3 done, 0 failed, 0 not run" in ended.err  # of the three that were scanned
    assert shards_of(output, 2) == shards_of(waveforms, 3)
    refuse_unfinished(output)


def test_a_folder_without_permission_is_refused(
    launcher: Launcher, raw: Path, tmp_path: Path
) -> None:
    raw.chmod(0)
    args = ["ingest", raw, tmp_path / "out.zarr", "--workers", "1"]
    ended = launcher.run(*args, powerless=True, cwd=tmp_path)
    raw.chmod(0o755)
    assert ended.code == 3, ended.err
    assert f"{raw}: cannot be opened: Permission denied" in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "out.zarr").exists()


@pytest.mark.slow
def test_a_folder_within_without_permission_is_named(
    launcher: Launcher, raw: Path, tmp_path: Path
) -> None:
    closed = raw / "closed"
    closed.mkdir()
    shutil.move(file_of(raw, 0), closed)
    closed.chmod(0)
    args = ["ingest", raw, tmp_path / "out.zarr", "--workers", "1"]
    ended = launcher.run(*args, powerless=True, cwd=tmp_path)
    closed.chmod(0o755)
    assert ended.code == 3, ended.err
    assert f"{closed}: cannot be opened: Permission denied" in ended.err


@pytest.mark.slow
def test_an_output_without_permission(launcher: Launcher, raw: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    args = ["ingest", raw, closed / "out.zarr", "--workers", "1"]
    ended = launcher.run(*args, powerless=True, cwd=tmp_path)
    assert ended.code == 4, ended.err
    assert f"cannot write to {closed / 'out.zarr'}: Permission denied" in ended.err
    assert list(closed.iterdir()) == []


def test_what_is_not_seismic_is_named_and_the_others_are_ingested(
    run: Callable[..., Ended], raw: Path, waveforms: Path, tmp_path: Path
) -> None:
    (raw / "notes.txt").write_text("field notes, day 1\n")
    (raw / "empty.mseed").touch()
    (raw / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    ended = run("ingest", raw, tmp_path / "out.zarr")
    assert ended.code == 3
    assert f"problem: {raw / 'notes.txt'}: a text file; read are miniSEED" in ended.err
    assert f"problem: {raw / 'empty.mseed'}: an empty file" in ended.err
    assert f"problem: {raw / 'picture.png'}: " in ended.err
    for row in range(4):
        assert shards_of(tmp_path / "out.zarr", row) == shards_of(waveforms, row)


def test_nothing_seismic_at_all(run: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("field notes, day 1\n")
    ended = run("ingest", tmp_path / "notes.txt", tmp_path / "out.zarr")
    assert ended.code == 3
    assert "error: no samples to ingest in 1 files" in ended.err
    assert f"{tmp_path / 'notes.txt'}: a text file" in ended.err
    assert "give miniSEED, SAC, SEG-Y or RG16 files" in ended.err
    assert not (tmp_path / "out.zarr").exists()


def test_a_truncated_file(
    run: Callable[..., Ended], raw: Path, waveforms: Path, tmp_path: Path
) -> None:
    file = file_of(raw, 1)
    content = file.read_bytes()
    whole = len(content) // 2 // RECORD_BYTES * RECORD_BYTES
    file.write_bytes(content[: whole + 1000])
    output = tmp_path / "out.zarr"
    ended = run("ingest", raw, output)
    assert ended.code == 3
    assert f"problem: {file} at byte {whole}: a record is cut off" in ended.err
    for row in (0, 2, 3):
        assert shards_of(output, row) == shards_of(waveforms, row)
    clean, damaged = samples(waveforms, 1), samples(output, 1)
    there = damaged != np.iinfo("int32").min
    assert 0.3 < there.mean() < 0.7
    assert np.array_equal(damaged[there], clean[there])


def samples(product: Path, row: int) -> np.ndarray:
    import seisflow

    with seisflow.open(product, raw=True) as opened:
        return np.asarray(opened.waveform[row].values)


def test_a_flipped_bit(
    run: Callable[..., Ended], raw: Path, waveforms: Path, tmp_path: Path
) -> None:
    file = file_of(raw, 1)
    content = bytearray(file.read_bytes())
    record = 3 * RECORD_BYTES
    content[record + 2000] ^= 0x10
    file.write_bytes(content)
    output = tmp_path / "out.zarr"
    ended = run("ingest", raw, output)
    assert ended.code == 3
    assert f"problem: {file} at byte {record} (ZG.R0102..EHZ): " in ended.err
    (n_left_out,) = struct.unpack_from(">H", content, record + 30)
    assert f"its {n_left_out} samples are left out" in ended.err
    for row in (0, 2, 3):
        assert shards_of(output, row) == shards_of(waveforms, row)
    clean, damaged = samples(waveforms, 1), samples(output, 1)
    missing = damaged != clean
    assert missing.sum() == n_left_out
    assert set(damaged[missing]) == {np.iinfo("int32").min}


def test_several_rates(run: Callable[..., Ended], raw: Path, tmp_path: Path) -> None:
    write(raw / "fast.mseed", "XX.FAST..HHZ", walk(180_000), 50.0)
    output = tmp_path / "out.zarr"
    ended = run("ingest", raw, output)
    assert ended.code == 3
    assert "20 Hz: 4 stations (ZG.R0101..EHZ, ZG.R0102..EHZ" in ended.err
    assert "50 Hz: 1 station (XX.FAST..HHZ)" in ended.err
    assert "choose with --rate HZ" in ended.err
    assert not output.exists()
    ended = run("ingest", raw, output, "--rate", "100")
    assert ended.code == 3
    assert "no station is sampled at --rate 100 Hz; found 20 Hz" in ended.err
    ended = run("ingest", raw, output, "--rate", "50")
    assert ended.code == 0, ended.err
    assert "left out at 20 Hz: 4 stations" in ended.err
    assert "1 done" in ended.err


def test_a_station_twice_with_other_data(run: Callable[..., Ended], tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    counts = walk()
    write(raw / "a.mseed", "XX.A..HHZ", counts)
    other = counts.copy()
    other[1000:1250] += 7
    write(raw / "b.mseed", "XX.A..HHZ", other)
    ended = run("ingest", raw, tmp_path / "out.zarr")
    assert ended.code == 3
    assert "250 samples differ where files overlap; the first kept" in ended.err
    assert f"{72_000 - 250} samples twice and equal, 250 twice and different" in ended.err
    assert np.array_equal(samples(tmp_path / "out.zarr", 0), counts.astype("int32"))


def test_an_output_of_another_configuration(
    run: Callable[..., Ended], scene: Path, waveforms: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.zarr"
    shutil.copytree(waveforms, output)
    args = ["ingest", scene / "waveforms", output]
    ended = run(*args, "--select", "ZG.R0101.*.*", "--start", "2014-05-29T00:30")
    assert ended.code == 2
    assert f"error: {output} exists and belongs to another configuration:" in ended.err
    assert "select: asked ['ZG.R0101.*.*'], found []" in ended.err
    assert "start: asked '2014-05-29T00:30:00Z', found None" in ended.err
    assert "stations: asked None, found '" in ended.err
    assert "give another output, or remove that one" in ended.err
    assert differences(output, waveforms) == []
    refuse_unfinished(output)


def test_an_output_of_other_files(run: Callable[..., Ended], raw: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.zarr"
    assert run("ingest", raw, output).code == 0
    before = (output / "zarr.json").read_bytes()
    file = file_of(raw, 3)
    write(file, "ZG.R0104..EHZ", walk())
    ended = run("ingest", raw, output)
    assert ended.code == 2
    assert f"file {file.name}: asked '{file.stat().st_size} bytes, modified " in ended.err
    assert (output / "zarr.json").read_bytes() == before


@pytest.mark.parametrize("content", ["a file", "a folder"])
def test_an_output_that_is_no_product(
    content: str, run: Callable[..., Ended], raw: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.zarr"
    if content == "a file":
        output.write_text("my thesis")
    else:
        output.mkdir()
        (output / "thesis.txt").write_text("my thesis")
    ended = run("ingest", raw, output)
    assert ended.code == 2
    assert f"error: {output} is not a Zarr group" in ended.err
    thesis = output if content == "a file" else output / "thesis.txt"
    assert thesis.read_text() == "my thesis"


def test_an_output_below_a_file(run: Callable[..., Ended], raw: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("my thesis")
    ended = run("ingest", raw, tmp_path / "file" / "out.zarr")
    assert ended.code in (2, 4)
    assert str(tmp_path / "file") in ended.err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=320k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a small disk here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(
    run: Callable[..., Ended], scene: Path, waveforms: Path, small_disk: Path
) -> None:
    output = small_disk / "out.zarr"
    args = ["ingest", scene / "waveforms", output, "--stations", scene / "stations.csv"]
    ended = run(*args)
    assert ended.code == 4, ended.err
    assert f"error: cannot write to {small_disk}" in ended.err
    assert "No space left on device; make room or choose another place" in ended.err
    assert len(receipts(output)) < 4
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    ended = run(*args)
    assert ended.code == 0, ended.err
    assert differences(output, waveforms) == []
    refuse_unfinished(output)


@pytest.mark.parametrize(
    ("command", "options", "said"),
    [
        ("label", ["--method", "guess"], ["method: found 'guess'", "'calibrated' or 'reference'"]),
        ("label", ["--start", "yesterday"], ["not a time: 'yesterday'", "2014-05-29T17:00"]),
        ("ingest", ["--end", "29/05/2014"], ["not a time: '29/05/2014'", "give UTC as"]),
        ("ingest", ["--select", "R0101"], ["--select 'R0101' has 1 parts", "NET.STA.LOC.CHA"]),
        ("label", ["--select", "ZG.NONE.*.*"], ["no station matches", "ZG.R0101..EHZ"]),
        ("label", ["--precision", "float16"], ["precision: found 'float16'", "'float64'"]),
        ("label", ["--start", "2020-01-01"], ["2020-01-01T00:00:00Z", "2014-05-29T01:00:00Z"]),
        (
            "ingest",
            ["--start", "2014-05-30", "--end", "2014-05-29"],
            ["a span must end after it starts", "2014-05-30T00:00:00Z to 2014-05-29T00:00:00Z"],
        ),
        ("ingest", ["--rate", "-5"], ["rate: found '-5'", "greater than 0"]),
        ("ingest", ["--stations", "/none.csv"], ["station table /none.csv cannot be opened"]),
    ],
)
def test_bad_options(
    command: str,
    options: list[str],
    said: list[str],
    run: Callable[..., Ended],
    scene: Path,
    waveforms: Path,
    tmp_path: Path,
) -> None:
    source = scene / "waveforms" if command == "ingest" else waveforms
    ended = run(command, source, tmp_path / "out.zarr", *options)
    assert ended.code == 2, ended.err
    for words in said:
        assert words in ended.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["ingest", "label", "synth"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--workers", "0"], "workers: found 0: Input should be greater than or equal to 1"),
        (["--cluster", "somewhere"], "--cluster somewhere: no such profile; give local, slurm"),
        (["--cluster", "tcp://somewhere"], "such as tcp://host:8786"),
    ],
)
def test_bad_options_of_the_engine(
    command: str,
    options: list[str],
    said: str,
    launcher: Launcher,
    scene: Path,
    waveforms: Path,
    tmp_path: Path,
) -> None:
    source = {"ingest": [scene / "waveforms"], "label": [waveforms], "synth": []}[command]
    ended = launcher.run(command, *source, tmp_path / "out", *options)
    assert ended.code == 2, ended.err
    assert said in ended.err
    assert list(tmp_path.iterdir()) == []


def test_labelling_half_an_archive(
    run: Callable[..., Ended], waveforms: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half.zarr"
    shutil.copytree(waveforms, half)
    sorted(receipts(half))[0].unlink()
    ended = run("label", half, tmp_path / "labels.zarr")
    assert ended.code == 4
    assert f"error: {half} is not complete: 1 of 4 tasks have not run (ZG.R010" in ended.err
    assert "type the command that makes it again, then this one" in ended.err
    assert not (tmp_path / "labels.zarr").exists()


def test_labelling_something_else(run: Callable[..., Ended], scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "labels.zarr"
    for source, code, said in (
        (scene / "truth.zarr", 2, "is a TRUTH product; a WAVEFORMS product is needed here"),
        (scene / "waveforms", 3, "is not a Zarr group"),
        (scene / "nothing.zarr", 2, "does not exist; give the path of a product"),
    ):
        ended = run("label", source, output)
        assert ended.code == code, ended.err
        assert f"error: {source} {said}" in ended.err
        assert not output.exists()


def test_labelling_at_a_rate_that_is_not_whole(run: Callable[..., Ended], tmp_path: Path) -> None:
    write(tmp_path / "a.mseed", "XX.A..HHZ", walk(7 * 3600), 12.5)
    odd = tmp_path / "odd.zarr"
    ended = run("ingest", tmp_path / "a.mseed", odd)
    assert ended.code == 0, ended.err
    ended = run("label", odd, tmp_path / "labels.zarr")
    assert ended.code == 3
    assert f"error: {odd} is sampled at 12.5 Hz" in ended.err
    assert "needs a whole number of samples per second, at least 10" in ended.err
    assert not (tmp_path / "labels.zarr").exists()
