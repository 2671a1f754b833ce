"""The page of a campaign: whole, alone, escaped; what is given is in it, and nothing else."""

import io
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import report_campaign
from matplotlib.figure import Figure
from matplotlib.image import imread
from report_campaign import CLASSES
from report_events import RATE, TIME_NS, section

import seisflow
from seisflow.archive.receipts import TaskPlan
from seisflow.archive.work import Progress, progress_of
from seisflow.core.amounts import human_moment
from seisflow.errors import ConfigError, DataError, StorageError
from seisflow.stages.report.figures.events import event_figure
from seisflow.stages.report.page import detections
from seisflow.stages.report.page.campaign import campaign_page, render_page
from seisflow.stages.report.page.elements import (
    SKETCH_SIZE,
    Cell,
    Image,
    Listing,
    Part,
    Sketch,
    image_of,
    mean_of_squares,
    number,
    sketch_of,
    smaller,
    table_of,
)
from seisflow.stages.report.page.products import MAX_LINES, problems_of, warnings_of

Parts = dict[str, Path]
"""Products by the name of the option of report."""
VOID = {"meta", "img", "br", "hr", "link", "input"}
HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=1>&amp;"
ANCHORS = ("waveforms", "labels", "model", "scores", "detections", "comparison", "cost")


class Page(HTMLParser):
    """What is in a page; refuses tags that are not closed in their order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style" and data.strip():
            self.words.append(" ".join(data.split()))

    def values(self, name: str) -> list[str]:
        return [value for _, attrs in self.tags for key, value in attrs.items()
                if key == name and value is not None]  # fmt: skip

    def sections(self) -> list[str | None]:
        return [attrs.get("id") for tag, attrs in self.tags if tag == "section"]


def check_whole(text: str) -> Page:
    """Read a page and refuse whatever would make it depend on something else."""
    page = Page(text)
    anchors = page.values("id")
    assert len(anchors) == len(set(anchors))
    for link in page.values("href"):
        assert link.startswith("#"), link
        assert link[1:] in anchors, link
    assert all(re.match("data:image/(png|webp);base64,", src) for src in page.values("src"))
    assert {"script", "link", "iframe", "object", "form"}.isdisjoint(t for t, _ in page.tags)
    assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on")]
    assert "://" not in text
    assert "url(" not in text
    assert "@import" not in text
    return page


@pytest.fixture(scope="module")
def drawn() -> bytes:
    """The figure of a detection, as PNG."""
    return image_of(event_figure(section(5)), "").data


def page_of(products: Parts) -> str:
    return campaign_page(products, "Seismic campaign")


def put(png: bytes, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(png)


@pytest.fixture(scope="module")
def parts(
    tmp_path_factory: pytest.TempPathFactory, plotted: tuple[Path, Path], drawn: bytes
) -> Parts:
    folder = tmp_path_factory.mktemp("campaign")
    found = section(3, n_quiet=2)
    second = replace(found.event, event="sf20140529T180000", time_ns=TIME_NS + 10**12)
    catalog = report_campaign.catalog(folder / "catalog", [found.event, second])
    put(drawn, catalog / "figures" / f"{found.event.event}.png")
    model = report_campaign.model(folder / "model")
    for name in ("confusion", "filters"):
        put(drawn, model / "figures" / f"{name}.png")
    return {
        "waveforms": plotted[1],
        "labels": plotted[0],
        "model": model,
        "scores": report_campaign.scores(folder / "scores.zarr", *report_campaign.some_scores()),
        "catalog": catalog,
        "comparison": report_campaign.comparison(folder / "comparison.json"),
    }


@pytest.fixture(scope="module")
def page(parts: Parts) -> Page:
    return check_whole(page_of(parts))


def test_all_parts_are_in_the_page_in_their_order(page: Page) -> None:
    assert page.sections() == list(ANCHORS)
    assert page.words.count("Detections") == 2, "in the head and as a heading"


@pytest.mark.parametrize("kind", ["labels", "model", "scores", "catalog", "comparison"])
def test_one_part_alone_makes_a_page(kind: str, parts: Parts) -> None:
    found = check_whole(page_of({kind: parts[kind]}))
    own = "detections" if kind == "catalog" else kind
    cost = [] if kind in ("model", "comparison") else ["cost"]
    assert found.sections() == [own, *cost]


def test_what_came_in_is_said(page: Page) -> None:
    facts = facts_of(page)
    assert facts["stations"] == "2"
    assert (facts["from"], facts["to"]) == ("2014-05-29T00:00:00Z", "2014-05-31T00:00:00Z")
    # 12 minutes of two stations, one with a gap of 7 s, of two days
    assert facts["recorded"] == "0.4 of 96 station-hours (0.4%)"
    assert facts["samples"] == f"{2 * 720 * 20 - 7 * 20:,}"


def facts_of(page: Page) -> dict[str, str]:
    """Return the first value of each fact; names and values take turns."""
    words: list[tuple[str, str]] = list(zip(page.words, page.words[1:], strict=False))
    found: dict[str, str] = {}
    for name, value in words:
        found.setdefault(name, value)
    return found


def test_the_model_has_its_table_and_its_figures(page: Page) -> None:
    at = page.words.index("Classes, test split")
    assert page.words[at + 1 : at + 6] == ["class", "precision", "recall", "F1", "wavelets"]
    rows = page.words[at + 6 : at + 21]
    assert rows[::5] == [name.replace("_", " ") for name in CLASSES]
    assert rows[1:5] == ["0.912", "0.875", "0.893", "1,255"]
    facts = facts_of(page)
    assert facts["accuracy"] == "0.9838"
    assert facts["macro F1"] == "-"
    assert facts["threshold on the probability of an earthquake"] == "0.6461"
    assert facts["95 % interval of the recall"] == "0.993 to -"
    texts = page.values("alt")
    assert sum(text.startswith("Confusion matrix") for text in texts) == 1
    assert not any("filters" in text for text in texts)


def test_a_model_without_metrics_says_so(tmp_path: Path) -> None:
    model = report_campaign.model(tmp_path / "model", metrics={})
    found = check_whole(page_of({"model": model}))
    assert "the model was not evaluated: model.json holds no metrics" in found.words


def test_detections_stand_in_a_table_with_small_figures_that_lead_to_large_ones(
    page: Page, parts: Parts
) -> None:
    at = page.words.index("Detections by time")
    rows = page.words[at + 12 : at + 30]
    drawn, other = rows[:9], rows[9:]
    assert drawn == ["2014-05-29 17:03:42.118", "sf20140529T170342", "7 of 9 (10)", "0.970",
                     "0.83", "14.2", "237", "2.50", "12.0"]  # fmt: skip
    assert other[:2] == ["2014-05-29 17:20:22.118", "sf20140529T180000"]
    links = page.values("href")
    assert "#figure-0" in links
    assert "#event-0" in links
    assert "#figure-1" not in links, "the second was not drawn"
    png = (parts["catalog"] / "figures" / "sf20140529T170342.png").read_bytes()
    for width in (None, detections.THUMBNAIL_PIXELS):
        assert Image(smaller(png, width), "", kind="webp").address in page.values("src")


def test_the_stack_of_every_detection_is_sketched_with_its_onset(page: Page) -> None:
    sketches = [attrs["points"] for tag, attrs in page.tags if tag == "polyline"]
    assert len(sketches) == 2
    assert sketches[0] is not None
    x, y = np.array([point.split(",") for point in sketches[0].split()], dtype=float).T
    stack = section(3, n_quiet=2).event.stack
    width, height = SKETCH_SIZE
    assert (x[0], x[-1], x.size) == (0, width, stack.size)
    np.testing.assert_allclose(y, height / 2 * (1 - 0.95 * stack / np.abs(stack).max()), atol=0.06)
    facts = facts_of(page)
    assert (facts["events"], facts["asked"]) == ("4", "min nodes 10, threshold 0.6461")
    (mark, _) = (float(attrs["x1"] or "nan") for tag, attrs in page.tags if tag == "line")
    assert mark == pytest.approx(0.5 * RATE / (stack.size - 1) * width, abs=0.06)


def test_what_cannot_be_sketched_is_left_out() -> None:
    for values in (np.empty(0), np.ones(1), np.array([0.0, np.nan])):
        assert sketch_of(values, 0, "") is None
    flat = sketch_of(np.zeros(3), 1, "flat")
    assert flat is not None
    assert flat.points == "0.0,28.0 75.0,28.0 150.0,28.0"


def test_a_comparison_is_shown_whatever_it_counts(page: Page) -> None:
    facts = facts_of(page)
    assert facts["matched"] == "12,345"
    assert facts["recall interval"] == "0.52, 0.96"
    at = page.words.index("by magnitude")
    assert page.words[at + 1 : at + 9] == ["band", "n", "recall", "low", "0 to 1", "5", "0.6", "-"]
    assert facts["complete"] == "yes"
    at = page.words.index("baselines")
    assert page.words[at + 1 : at + 9] == ["matched", "new", "sta lta", "10", "-", "mb18", "11",
                                           "20"]  # fmt: skip


def test_the_cost_of_every_stage_is_in_the_table(page: Page) -> None:
    at = page.words.index("Throughput and cost of every stage")
    rows = page.words[at + 12 :]
    assert [rows[11 * k] for k in range(4)] == ["ingest", "label", "infer", "detect"]
    assert rows[33:44] == ["detect", "2 array-hours", "0", "0", "11 min 30 s", "10.4", "1",
                           "312 MB", "400 MB", "10 MB", "14 kB"]  # fmt: skip


def test_failed_and_missing_tasks_and_problems_are_said(tmp_path: Path) -> None:
    catalog = report_campaign.catalog(
        tmp_path / "catalog", [], ["one", "two"], failed="OSError: no such shard"
    )
    found = check_whole(page_of({"catalog": catalog}))
    assert "1 of 2 tasks failed (second: OSError: no such shard)" in found.words
    assert "problems: 2 of 2 shown" in found.words
    assert found.words.index("two") == found.words.index("one") + 1
    assert facts_of(found)["detections"] == "0"
    progress = replace(progress_of(catalog), failed={}, missing=("a", "b"))
    assert warnings_of(progress) == ["2 of 2 tasks have not run"]


def test_many_problems_are_cut_and_none_are_not_shown() -> None:
    problems = tuple(f"problem {k}" for k in range(2 * MAX_LINES))
    plan = TaskPlan((), "tasks", 0, 0, 0, 0)
    progress = Progress(plan, (), {}, (), {}, problems, 1000, *[0] * 6)
    (listing,) = problems_of(progress)
    assert listing.title == "problems: 50 of 1,000 shown"
    assert listing.lines == problems[:MAX_LINES]
    assert problems_of(replace(progress, n_problems=0, problems=())) == []


def test_hostile_names_are_text(tmp_path: Path) -> None:
    event = section(3).event
    catalog = report_campaign.catalog(tmp_path / "catalog", [event], [HOSTILE], failed=HOSTILE)
    report_campaign.rename(catalog, HOSTILE)
    model = report_campaign.model(tmp_path / "model", network={"name": HOSTILE}, key=HOSTILE)
    comparison = report_campaign.comparison(
        tmp_path / "c.json", **{HOSTILE: HOSTILE, "rows": [{HOSTILE: HOSTILE}]}
    )
    products = {"model": model, "catalog": catalog, "comparison": comparison}
    found = check_whole(campaign_page(products, title=HOSTILE))
    assert sum(HOSTILE in word for word in found.words) >= 9


@pytest.mark.parametrize(
    "part",
    [
        Part("a", HOSTILE),
        Part("a", "", facts=[(HOSTILE, HOSTILE)]),
        Part("a", "", warnings=[HOSTILE]),
        Part("a", "", images=[Image(b"", HOSTILE)]),
        Part("a", "", gallery=[Image(b"", HOSTILE, HOSTILE, "a")]),
        Part("a", "", tables=[table_of(HOSTILE, [HOSTILE], [[HOSTILE]])]),
        Part("a", "", tables=[table_of("", [""], [[Cell("", Image(b"", HOSTILE), HOSTILE)]])]),
        Part("a", "", tables=[table_of("", [""], [[Cell("", Sketch(HOSTILE, "0,0", 0))]])]),
        Part("a", "", listings=[Listing(HOSTILE, (HOSTILE,))]),
    ],
)
def test_no_place_of_the_template_takes_html(part: Part) -> None:
    found = check_whole(render_page("title", [part]))
    places = ("alt", "id", "aria-label")
    assert HOSTILE in [*found.words, *(v for place in places for v in found.values(place))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<p><b>open</p>", None),
        ("<p>", "not closed: .*p"),
        ("</p>", "closes nothing"),
        ('<a href="#nowhere">x</a>', "nowhere"),
        ('<a href="https:/x">x</a>', "https"),
        ('<p id="a"></p><p id="a"></p>', None),
        ('<img src="x.png">', None),
        ("<script>1</script>", None),
        ('<p onclick="1">x</p>', None),
        ("<p>see http://x.org</p>", None),
        ("<style>p { background: url(x) }</style>", None),
    ],
)
def test_the_check_of_pages_can_fail(text: str, said: str | None) -> None:
    with pytest.raises(AssertionError, match=said):
        check_whole(text)


def test_a_name_never_leads_out_of_the_folder_of_figures(tmp_path: Path, drawn: bytes) -> None:
    catalog = report_campaign.catalog(tmp_path / "catalog", [section(3).event])
    report_campaign.rename(catalog, "../secret")
    (catalog / "figures").mkdir()
    put(drawn, catalog / "secret.png")
    found = check_whole(page_of({"catalog": catalog}))
    assert "../secret" in found.words
    assert found.values("src") == []


def test_a_damaged_figure_is_said_and_left_out(tmp_path: Path, drawn: bytes) -> None:
    found = section(3)
    catalog = report_campaign.catalog(tmp_path / "catalog", [found.event])
    put(drawn[:100], catalog / "figures" / f"{found.event.event}.png")
    page = check_whole(page_of({"catalog": catalog}))
    assert f"figures that cannot be read: {found.event.event}" in page.words
    assert page.values("src") == []


@pytest.fixture
def many(tmp_path: Path) -> tuple[Path, list[float]]:
    """A catalogue of twelve, and their mean correlations, one of them not known."""
    quality = [0.5, 0.9, 0.1, np.nan, 0.8, 0.3, 0.7, 0.2, 0.6, 0.4, 0.95, 0.15]
    event = section(3).event
    events = [
        replace(event, event=f"e{k}", time_ns=TIME_NS + k * 10**9, mean_cc=cc)
        for k, cc in enumerate(quality)
    ]
    return report_campaign.catalog(tmp_path / "catalog", events), quality


def shown_events(page: Page) -> list[str]:
    return [word for word in page.words if re.fullmatch(r"e\d+", word)]


def test_of_many_detections_the_best_are_shown_by_time(
    many: tuple[Path, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detections, "MAX_ROWS", 4)
    page = check_whole(page_of({"catalog": many[0]}))
    assert shown_events(page) == ["e1", "e4", "e6", "e10"]
    assert any(word.startswith("the 4 of 12 detections with the best") for word in page.words)
    assert facts_of(page)["detections"] == "12"
    monkeypatch.setattr(detections, "MAX_ROWS", 12)
    page = check_whole(page_of({"catalog": many[0]}))
    assert shown_events(page) == [f"e{k}" for k in range(12)]


def test_large_figures_end_where_the_page_would_grow_too_large(
    many: tuple[Path, list[float]], drawn: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(3):
        put(drawn, many[0] / "figures" / f"e{k}.png")
    size = len(smaller(drawn))
    monkeypatch.setattr(detections, "FIGURE_BYTES", int(2.5 * size))
    page = check_whole(page_of({"catalog": many[0]}))
    assert [link for link in page.values("href") if link.startswith("#figure")] == [
        "#figure-0",
        "#figure-1",
    ]
    assert len(page.values("src")) == 3 + 2


def test_small_pictures_are_means_of_squares() -> None:
    pixels = np.random.default_rng(0).random((47, 61, 3)).astype(np.float32)
    small = mean_of_squares(pixels, 3)
    assert small.shape == (15, 20, 3)
    assert small[4, 7] == pytest.approx(pixels[12:15, 21:24].mean(axis=(0, 1)))


def test_packed_pictures_are_smaller_and_look_the_same(drawn: bytes) -> None:
    full, small = (imread(io.BytesIO(smaller(drawn, w)), format="webp") for w in (None, 200))
    assert full.shape[:2] == (1000, 1250)
    assert small.shape[:2] == (1000 // 6, 1250 // 6)
    expected = imread(io.BytesIO(drawn), format="png")[..., :3]
    assert np.abs(full[..., :3] / 255 - expected).mean() < 0.01
    reduced = mean_of_squares(expected, 6)
    assert np.abs(small[..., :3] / 255 - reduced).mean() < 0.02
    assert len(smaller(drawn)) < 0.6 * len(drawn)
    grey = io.BytesIO()
    Figure(figsize=(1, 1)).savefig(grey, format="png")
    assert smaller(grey.getvalue(), 30).startswith(b"RIFF")
    with pytest.raises(ValueError, match="not a PNG"):
        smaller(b"GIF89a", 20)


def test_numbers_that_are_not_known_are_a_dash() -> None:
    assert [number(v, ".2f") for v in (1.005, None, np.nan, np.inf)] == ["1.00", "-", "-", "-"]
    table = table_of("", ["", ""], [["1.5 MB", "-"], ["3 of a text", "word"]])
    assert human_moment(10**9 + 499_999) == "1970-01-01 00:00:01.000"
    assert human_moment(10**9 + 759_500_000) == "1970-01-01 00:00:01.760"
    assert [[c.is_number for c in row] for row in table.rows] == [[True, True], [False, False]]
    mixed = table_of("", ["what", "how many"], [["a text", "1"], ["2", "-"]])
    assert mixed.columns == [("what", False), ("how many", True)]
    assert table_of("", ["none"], []).columns == [("none", False)]


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (
            lambda p, _: Parts(),
            ConfigError,
            "nothing to show; give one or more of waveforms, labels, m",
        ),
        (lambda p, _: Parts(waveforms=p["labels"]), ConfigError, "WAVEFORMS product is need"),
        (lambda p, _: Parts(catalog=p["scores"]), ConfigError, "a CATALOG product is needed"),
        (lambda p, t: Parts(scores=t / "no"), ConfigError, "no does not exist"),
        (lambda p, t: Parts(model=t), ConfigError, r"model\.json does not exist"),
        (lambda p, t: Parts(comparison=t / "bad.json"), DataError, "is no JSON file"),
        (lambda p, t: Parts(comparison=t / "list.json"), DataError, "holds a list"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    given: Callable[[Parts, Path], Parts],
    error: type[Exception],
    said: str,
    parts: Parts,
    tmp_path: Path,
) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    page = tmp_path / "page.html"
    with pytest.raises(error, match=said):
        seisflow.report(page, **given(parts, tmp_path))
    assert not page.exists()


def test_the_page_is_written_whole(parts: Parts, tmp_path: Path) -> None:
    only = {"comparison": parts["comparison"]}
    path = tmp_path / "pages" / "page.html"
    result = seisflow.report(path, **only, title="Größe", progress=False)
    assert path.read_text(encoding="utf-8") == campaign_page(only, "Größe")
    assert [p.name for p in path.parent.iterdir()] == ["page.html"]
    assert (result.path, result.open()) == (path, path.read_text(encoding="utf-8"))
    assert result.summary == {"product": str(path), "exit_code": 0}
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write to"):
        seisflow.report(tmp_path / "file" / "page.html", **only)


def test_a_comparison_in_the_folder_of_the_catalogue_is_shown_unless_another_is_given(
    parts: Parts, tmp_path: Path
) -> None:
    catalog = shutil.copytree(parts["catalog"], tmp_path / "catalog")
    report_campaign.comparison(catalog / "comparison.json", tolerance_s=7.5)
    page = tmp_path / "page.html"
    for given, tolerance in (({}, "7.5"), ({"comparison": parts["comparison"]}, "2")):
        seisflow.report(page, catalog=catalog, **given, progress=False)
        found = check_whole(page.read_text(encoding="utf-8"))
        assert found.sections() == ["detections", "comparison", "cost"]
        assert facts_of(found)["tolerance s"] == tolerance
