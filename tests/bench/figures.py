"""Figures and the table they are shown in."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One line of the table; `is_met` None where it is only shown."""

    name: str
    value: str
    target: str = ""
    is_met: bool | None = None


def at_least(name: str, ratio: float, target: float) -> Figure:
    """A ratio that is to be no smaller than its target."""
    return Figure(f"  {name}", f"{ratio:.2f}", f"≥ {target:g}", ratio >= target)


def at_most(name: str, ratio: float, target: float) -> Figure:
    """A ratio that is to be no greater than its target."""
    return Figure(f"  {name}", f"{ratio:.2f}", f"≤ {target:g}", ratio <= target)


def show(console: Console, figures: Sequence[Figure]) -> None:
    """One table, and what it was measured on."""
    table = Table(title="heji bench")
    for column in ("figure", "measured", "target", ""):
        table.add_column(column, justify="left" if column in ("figure", "") else "right")
    verdicts = {None: "", True: "[green]✓[/]", False: "[red]✗[/]"}
    for each in figures:
        table.add_row(each.name, each.value, each.target, verdicts[each.is_met])
    console.print(table)
    load = os.getloadavg()[0]
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}"
    )
