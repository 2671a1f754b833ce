"""The report stage: the page of a campaign, made from whatever products there are."""

from seisflow.archive.store import storage_errors
from seisflow.core.files import AnyPath, whole_file
from seisflow.core.reporting import SILENT, Reporter
from seisflow.engine.stage import Result, Single
from seisflow.errors import ConfigError
from seisflow.stages.report.config import ReportConfig

__all__ = ["SHOWN", "Report"]

SHOWN = ("waveforms", "labels", "model", "scores", "catalog", "comparison")
"""The products that a page shows, in the order in which they are made."""
COMPARISON = "comparison.json"


class Report(Single[ReportConfig]):
    """Products become one page of HTML."""

    name = "report"
    Config = ReportConfig
    reads, writes = ("WAVEFORMS", "LABELS", "MODEL", "SCORES", "CATALOG", "COMPARISON"), "PAGE"

    @property
    def output(self) -> AnyPath:
        """The page."""
        return self.config.page

    def check(self) -> None:
        """Refuse a page of nothing.

        Raises
        ------
        ConfigError
            It says what can be shown.
        """
        if not self.products():
            raise ConfigError(
                f"{self.output}: nothing to show; give one or more of {', '.join(SHOWN)}"
            )

    def products(self) -> dict[str, AnyPath]:
        """Return what the page shows, by name; a comparison in the folder of CATALOG too."""
        given = {name: path for name in SHOWN if (path := getattr(self.config, name)) is not None}
        if "catalog" in given and "comparison" not in given:
            beside = given["catalog"] / COMPARISON
            given |= {"comparison": beside} if beside.exists() else {}
        return given

    def run_here(self, reporter: Reporter = SILENT) -> Result:
        """Write the page; it has its name only when it is whole.

        Raises
        ------
        ConfigError
            Nothing is given, a path is not that of such a product, or a library is missing.
        DataError
            A product or file is damaged.
        StorageError
            The place cannot be written.
        """
        self.check()
        # only here: matplotlib takes a second to import, and may be missing
        from seisflow.stages.report.page.campaign import campaign_page

        text = campaign_page(self.products(), self.config.title)
        with storage_errors(self.output), whole_file(self.output) as file:
            file.write(text.encode())
        reporter.say(f"written: {self.output}")
        summary = {"product": str(self.output), "exit_code": 0}
        return Result(self.name, self.output, summary, opener=_read)


def _read(page: AnyPath) -> str:
    return page.read_text(encoding="utf-8")
