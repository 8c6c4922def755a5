from __future__ import annotations

import re

import pytest

from county import PRODUCT, County
from web.events.test_forms import newest
from web.events.test_forms_for_many import found_households
from web.files.test_upload import Uploader

# The heading of the organisation is missing: the page says for whom the rows are.
HEADINGS = "时间,生产周期,产出批次,产品,数量,单位\n"


@pytest.fixture
def station(county: County) -> Uploader:
    found_households(county)
    return Uploader(county, "station")


def harvest(county: County) -> str:
    return f"{HEADINGS}{county.at()[:16]},c-7,H-7,{PRODUCT},12.5,kg\n"


def test_of_very_many_for_whom_a_file_may_be_one_is_named_and_none_is_listed(
    station: Uploader, county: County
) -> None:
    page = station.see("/desk/upload")
    assert "农户7号" not in page
    assert re.search(r'<input id="organisation" name="organisation" value=""', page)
    address = station.upload(harvest(county), organisation="农户7")
    assert "农户8号" not in station.see(address)
    assert station.decide(address, record="1").status_code == 303
    assert newest(county)["organisation"] == "hh-007"


@pytest.mark.parametrize("named", ["农户", "nobody"])
def test_a_name_of_several_or_of_none_is_told_and_the_file_kept(
    station: Uploader, county: County, named: str
) -> None:
    before = county.size
    address = station.upload(harvest(county), organisation=named)
    page = station.see(address)
    assert f"没有或不止一个叫“{named}”" in page
    assert station.decide(address, record="1").status_code == 409
    assert county.size == before
    station.decide(address, organisation="hh-007")
    assert station.decide(address, record="1").status_code == 303
    assert newest(county)["organisation"] == "hh-007"
