"""`./run bench [NAME …]`: the figures that the design promises, each beside a yardstick of the same run.

An absolute figure of a shared machine says little; the ratios say whether something has become slow. Names: served,
postgresql, recorder, growth, verify, trace, page; without any, all of them, which takes about ten minutes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console

from bench.figures import Figure, show
from bench.read_figures import first_page_figures, trace_figures, verify_figures
from bench.recorded_figures import growth_figures, recorder_figures
from bench.served_figures import served_figures
from heji_web.service.serving import spare_collector
from postgresql import Cluster, NoServer

Say = Callable[[str], None]


def main() -> None:
    """Measure what is named, and print."""
    console = Console()
    unknown = set(sys.argv[1:]) - SECTIONS.keys()
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    # As `heji serve` and `heji verify` do at their start.
    spare_collector()
    figures: list[Figure] = []
    for name in sys.argv[1:] or SECTIONS:
        with tempfile.TemporaryDirectory(prefix="heji-bench-") as folder, console.status(name) as status:
            figures += SECTIONS[name](Path(folder), status.update)
    show(console, figures)
    if any(each.is_met is False for each in figures):
        sys.exit(1)


@contextmanager
def _database() -> Iterator[str]:
    """A database on a PostgreSQL that keeps what a power cut must not take."""
    with closing(Cluster(durable=True)) as cluster, cluster.database(template="template0") as url:
        yield url


def _on_postgresql(root: Path, _say: Say) -> list[Figure]:
    try:
        with _database() as url:
            return served_figures(root, url)
    except NoServer as error:
        return [Figure("PostgreSQL", f"not measured: {error}")]


SECTIONS: dict[str, Callable[[Path, Say], list[Figure]]] = {
    "served": lambda root, _say: served_figures(root),
    "postgresql": _on_postgresql,
    "recorder": lambda root, _say: recorder_figures(root),
    "growth": growth_figures,
    "verify": verify_figures,
    "trace": trace_figures,
    "page": first_page_figures,
}


if __name__ == "__main__":
    main()
