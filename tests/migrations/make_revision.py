"""Write down a small county as the product kept it at the revision that it is at: `<revision>.sql` and its head.

To be run once, when the next revision is about to be written, with the tree as it is before:

    PYTHONPATH=trace:web:scanners:migrations:tests python tests/migrations/make_revision.py tests/migrations/revisions

What it wrote is never written again: it is what an operator's database of that day looks like.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from county import CYCLE, PACKED, PLOT, PRODUCT, County, opened_county
from heji_migrations import upgrade
from heji_trace.proving.keys import Signer, write_signer

SIGNER = Signer("log.heji.example", bytes(range(7, 39)))


def live(county: County) -> None:
    """A season in few events, one of each kind that moves or judges something."""
    keeps = {"code": PRODUCT, "name": "鲜荔枝", "commodity": "荔枝", "shelf_life_days": 7}
    county.record("product", "operator", details=keeps)
    county.record(
        "input_application",
        hours_ago=24 * 20,
        site=PLOT,
        cycles=[CYCLE],
        details={
            "input_type": "pesticide",
            "name": "毒死蜱乳油",
            "active_substances": ["毒死蜱"],
            "dose": "30",
        },
        note="三十一号地，张师傅",
    )
    for number in range(1, 5):
        county.harvest(f"A{number}", str(100 * number), hours_ago=24 + number)
    county.make("grading", {"A1": "100"}, {"G1": "60", "G2": "38"}, product=PRODUCT)
    county.make("packaging", {"G1": "60", "A2": "140"}, {"P1": "200"}, product=PACKED)
    county.hand_over("P1", "120", "producer", "shop")
    county.move("sale", "P1", "40", "shop", details={"counterparty": "街坊"})
    county.move("sale", "A3", "900", acknowledged=["OVER_CONSUMPTION"])
    mistaken = county.harvest("X1", "5")
    replacement = county.raw(
        "harvest",
        cycles=[CYCLE],
        outputs=[{"batch": "X2", "product": PRODUCT, "quantity": "50", "unit": "kg"}],
    )
    county.record(
        "correction",
        details={"corrects": [mistaken.event_id], "reason": "批次号写错", "replacement": replacement},
    )
    county.record("hold", "regulator", batches=["A4"], details={"reason": "待检"})
    county.record(
        "recall", "regulator", batches=["P1"], details={"level": 2, "ordered": True, "reason": "检出超标"}
    )


def main(folder: Path) -> None:
    """Write the files of the newest revision into a folder; those that are there are left alone."""
    with TemporaryDirectory() as place:
        write_signer(Path(place) / "signing.key", SIGNER)
        with opened_county(Path(place)) as county:
            live(county)
            head = county.service.head.read_note()
        with closing(sqlite3.connect(Path(place) / "heji.db")) as connection:
            dump = "\n".join(connection.iterdump()) + "\n"
    for name, text in ((f"{upgrade.head()}.sql", dump), (f"{upgrade.head()}.head", head or "")):
        with (folder / name).open("x", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
