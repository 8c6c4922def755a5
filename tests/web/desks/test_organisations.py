from __future__ import annotations

import csv
import io

from county import PACKED, PRODUCT, County
from web.people import Person


def packed(county: County) -> str:
    """What the packer has of a batch that is held, and awaits."""
    county.harvest("LZ-1", "800")
    county.hand_over("LZ-1", "600", "producer", "packer")
    county.make("packaging", {"LZ-1": "500"}, {"PK-1": "480"}, "packer")
    county.move("shipping", "LZ-1", "100", "producer", to="packer")
    county.record("hold", "packer", batches=["PK-1"], details={"reason": "待复检"})
    return "/desk/organisations/fg-packing"


def stock_of(person: Person, address: str) -> list[list[str]]:
    answer = person.client.get(f"{address}/stock.csv")
    assert answer.headers["Content-Disposition"] == "attachment; filename=stock-fg-packing.csv"
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


def test_the_page_shows_stock_and_live_warnings(county: County) -> None:
    address = packed(county)
    page = Person(county, "regulator").see(address)
    assert "PK-1" in page
    assert "480 千克" in page
    assert "暂停销售" in page
    assert f'href="{address}/stock.csv"' in page
    Person(county, "regulator").see("/desk/organisations/nobody", 404)
    Person(county, "regulator").see("/desk/organisations/nobody/stock.csv", 404)


def test_the_table_has_what_is_held_and_what_is_on_its_way(county: County) -> None:
    headings, *rows = stock_of(Person(county, "regulator"), packed(county))
    assert headings == ["批次", "产品", "所在", "存量", "生效警示", "依据账本至第几条", "截至时间"]
    assert [row[:4] for row in rows] == [
        ["PK-1", "荔枝 5 千克装", "在库", "480 kg"],
        ["LZ-1", "鲜荔枝", "在库", "100 kg"],
        ["LZ-1", "鲜荔枝", "在途（发往该单位）", "100 kg"],
    ]
    assert "暂停销售" in rows[0][4]


def test_of_more_batches_than_a_page_holds_it_shows_the_newest_and_says_so(county: County) -> None:
    county.harvest("H1", "1000")
    county.hand_over("H1", "1000", "producer", "packer")
    source = [{"batch": "H1", "quantity": "1", "unit": "kg"}]
    county.recorder.submit_all(
        [
            county.event(
                "packaging",
                "packer",
                inputs=source,
                outputs=[{"batch": f"P{at}", "product": PACKED, "quantity": "1", "unit": "kg"}],
            )
            for at in range(201)
        ],
        county.authors["packer"],
    )
    person = Person(county, "packer")
    page = person.see("/desk/organisations/fg-packing")
    assert page.count("显示最近的 200 个") == 2
    assert (page.count(">P200<"), page.count(">P0<")) == (2, 0)
    rows = stock_of(person, "/desk/organisations/fg-packing")[1:]
    assert {row[0] for row in rows} == {"H1", *(f"P{at}" for at in range(201))}


def test_a_name_that_would_run_as_a_formula_is_text_in_the_table(county: County) -> None:
    county.harvest("H1", "10")
    county.record("product", "operator", details={"code": PRODUCT, "name": "=1+1", "commodity": "荔枝"})
    answer = Person(county, "producer").client.get("/desk/organisations/fg-litchi-coop/stock.csv")
    [row] = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))[1:]
    assert row[1] == "'=1+1"
