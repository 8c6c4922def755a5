from __future__ import annotations

import pytest

from county import CYCLE, PRODUCT, County
from web.files.test_upload import HEADINGS, Uploader, harvest, undo_address
from web.people import Person


@pytest.fixture
def farmer(county: County) -> Uploader:
    return Uploader(county, "producer")


@pytest.fixture
def day(county: County) -> str:
    return county.at(24)[:10]


def record(farmer: Uploader, text: str, name: str = "采收.csv") -> str:
    """Upload and record a file; the address from which it is taken back."""
    address = farmer.upload(text, name)
    assert farmer.decide(address, record="1").status_code == 303
    return undo_address(farmer.see(address)).removesuffix("/undo")


def test_the_imports_of_one_s_organisation_are_listed_with_their_state(farmer: Uploader, day: str) -> None:
    assert "还没有导入过文件" in farmer.see("/desk/imports")
    first = record(farmer, HEADINGS + harvest(day, "UP-1"), "采收一月.csv")
    record(farmer, HEADINGS + harvest(day, "UP-2") + harvest(day, "UP-3"), "采收二月.csv")
    page = farmer.see("/desk/imports")
    assert page.index("采收二月.csv") < page.index("采收一月.csv")
    assert "2 行" in page
    assert page.count("有效") == 2
    farmer.send(f"{first}/undo", farmer.see(first), {"reason": "重复"})
    page = farmer.see("/desk/imports")
    assert (page.count("有效"), page.count("已撤回"), page.count('class="struck"')) == (1, 1, 1)


def test_one_import_shows_its_records_and_why_it_was_taken_back(
    farmer: Uploader, county: County, day: str
) -> None:
    address = record(farmer, HEADINGS + harvest(day, "UP-1") + harvest(day, "UP-2"))
    assert farmer.see(address).count("/desk/events/") == 2
    size = county.size
    answer = farmer.send(f"{address}/undo", farmer.see(address), {"reason": "称错了"})
    assert answer.status_code == 303
    assert county.size == size + 1
    page = farmer.see(answer.headers["Location"])
    assert "已全部撤回" in page
    assert "/undo" not in page
    assert "称错了" in farmer.see(f"/desk/events/{last_event(county)}")


def test_a_file_taken_back_by_mistake_is_recorded_after_a_change_of_it_as_its_page_says(
    farmer: Uploader, county: County, day: str
) -> None:
    headings, row = HEADINGS.replace("单位", "单位,备注"), harvest(day, "UP-1")[:-1]
    address = record(farmer, f"{headings}{row},\n")
    page = farmer.see(address)
    assert "请改动文件中的任意内容" not in page
    page = farmer.see(farmer.send(f"{address}/undo", page, {}).headers["Location"])
    assert "请改动文件中的任意内容" in page
    size = county.size
    again = farmer.upload(f"{headings}{row},\n", "采收.csv")
    assert "请改动文件中的任意内容" in farmer.see(again)
    record(farmer, f"{headings}{row},重录\n")
    assert county.size == size + 1


def last_event(county: County) -> str:
    found: str = county.get("/api/v1/events?kind=correction").get_json()["events"][0]["event"]["id"]
    return found


def test_the_imports_of_others_do_not_exist(farmer: Uploader, county: County, day: str) -> None:
    address = record(farmer, HEADINGS + harvest(day))
    other = Person(county, "neighbour")
    size = county.size
    for path in (address, f"{address}/progress.json"):
        assert other.client.get(path).status_code == 404
    page = other.see("/desk/imports")
    assert "采收.csv" not in page
    assert other.send(f"{address}/undo", page, {"reason": "x"}).status_code == 404
    assert county.size == size


def test_an_import_of_hundreds_is_taken_back_and_its_correction_can_be_looked_at(
    farmer: Uploader, county: County, day: str
) -> None:
    rows = "".join(f"{day},fg-litchi-coop,{CYCLE},H-{at},{PRODUCT},1,斤\n" for at in range(130))
    address = record(farmer, HEADINGS + rows)
    farmer.send(f"{address}/undo", farmer.see(address), {})
    page = farmer.see(f"/desk/events/{last_event(county)}")
    assert "共 130 项" in page
    assert "录入有误" in page


@pytest.mark.parametrize("name", ["no-such-import", "x" * 300, "批次"])
def test_an_import_that_nobody_made_is_unknown(farmer: Uploader, name: str) -> None:
    assert farmer.client.get(f"/desk/imports/{name}").status_code == 404
