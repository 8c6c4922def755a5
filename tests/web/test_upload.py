from __future__ import annotations

import io
import re
from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient
from web.doors import PASSWORD
from werkzeug.test import TestResponse

from county import CYCLE, PRODUCT, County

HTML = {"Accept": "text/html"}
HARVEST = f"时间,责任主体,生产周期,产出批次,产品,数量,单位\n{{day}},fg-litchi-coop,{CYCLE},UP-1,{PRODUCT},120.5,斤\n"
RAPID = (
    "检测点名称,被检单位,档口编号,样品名称,检测项目,限定值,检测值,检测结论,检测人员,检测时间,审核人员姓名,"
    "上报人员姓名,检测设备名称,检测模块,检测方法,仪器生产厂家,备注\n"
    "佛冈快检室,fg-litchi-coop,,荔枝,有机磷,50,13.12,合格,王工,{day} 09:00:00,陈工,,DY-3500,分光,抑制率法,达元,\n"
)


class Uploader:
    """Somebody at a browser who uploads files."""

    def __init__(self, county: County, who: str) -> None:
        self.county = county
        self.client: FlaskClient = county.client
        self.client.post("/sign-in", data={"name": who, "password": PASSWORD})

    def csrf(self) -> str:
        page = self.client.get("/desk/upload", headers=HTML).get_data(as_text=True)
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found is not None
        return found[1]

    def upload(self, text: str | bytes, name: str = "采收.csv", **form: str) -> str:
        """The address of the page on which the file is checked."""
        data = text.encode() if isinstance(text, str) else text
        fields = {"csrf": self.csrf(), "file": (io.BytesIO(data), name), **form}
        answer = self.client.post(
            "/desk/upload", data=fields, headers=HTML, content_type="multipart/form-data"
        )
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return answer.headers["Location"]

    def see(self, address: str) -> str:
        answer = self.client.get(address, headers=HTML)
        assert answer.status_code == 200
        return answer.get_data(as_text=True)

    def decide(self, address: str, form: Mapping[str, object] | None = None) -> TestResponse:
        return self.client.post(address, data={"csrf": self.csrf(), **(form or {})}, headers=HTML)


@pytest.fixture
def day(county: County) -> str:
    return county.at(24)[:10]


def test_a_sheet_is_checked_confirmed_and_recorded_once(county: County, day: str) -> None:
    person, before = Uploader(county, "producer"), county.size
    address = person.upload(HARVEST.format(day=day))
    assert "确认并记录 1 条" in person.see(address)
    assert county.size == before
    assert person.decide(address, {"record": "1"}).status_code == 303
    assert county.size == before + 1
    assert person.decide(address, {"record": "1"}).status_code == 303
    assert county.size == before + 1
    again = person.see(person.upload(HARVEST.format(day=day)))
    assert "以前已经记录过" in again
    assert f'<td class="number">{before + 1}</td>' in again
