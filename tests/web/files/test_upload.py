from __future__ import annotations

import io
import re

import openpyxl
import pytest
from werkzeug.test import TestResponse

from county import CYCLE, PRODUCT, County
from heji_trace.desks.pending import import_of
from heji_trace.ledger.ledger import read_stored
from heji_web.files.checking import MOST_SHOWN, check_upload
from web.people import HTML, Person, fields_of

HEADINGS = "时间,责任主体,生产周期,产出批次,产品,数量,单位\n"
RAPID_HEADINGS = (
    "检测点名称,被检单位,档口编号,样品名称,检测项目,限定值,检测值,检测结论,检测人员,检测时间,审核人员姓名,"
    "上报人员姓名,检测设备名称,检测模块,检测方法,仪器生产厂家,备注\n"
)
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'


def undo_address(page: str) -> str:
    """Where the button leads that takes a whole file back."""
    found = re.search(r'action="(/desk/imports/[^"/]+/undo)"', page)
    assert found
    return found[1]


class Uploader(Person):
    """A person who uploads files."""

    def upload(self, text: str | bytes, name: str = "采收.csv", **form: str) -> str:
        """The address of the page on which the file is checked."""
        answer = self.try_upload(text, name, **form)
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return answer.headers["Location"]

    def try_upload(self, text: str | bytes, name: str = "采收.csv", **form: str) -> TestResponse:
        data = text.encode() if isinstance(text, str) else text
        csrf = fields_of(self.see("/desk/upload"))["csrf"]
        fields = {"csrf": csrf, "file": (io.BytesIO(data), name), **form}
        return self.client.post("/desk/upload", data=fields, headers=HTML)

    def decide(self, address: str, **form: str) -> TestResponse:
        """Press a button on the page of a file."""
        return self.send(address, self.see(address), form)


@pytest.fixture
def farmer(county: County) -> Uploader:
    return Uploader(county, "producer")


@pytest.fixture
def tester(county: County) -> Uploader:
    return Uploader(county, "laboratory")


@pytest.fixture
def day(county: County) -> str:
    return county.at(24)[:10]


def harvest(day: str, batch: str = "UP-1", quantity: str = "120.5") -> str:
    return f"{day},fg-litchi-coop,{CYCLE},{batch},{PRODUCT},{quantity},斤\n"


def result(day: str, value: str = "13.12", unit: str = "fg-litchi-coop") -> str:
    return f"佛冈快检室,{unit},,荔枝,有机磷,50,{value},合格,王工,{day} 09:00:00,陈工,,DY-3500,分光,抑制率法,达元,\n"


def test_a_sheet_is_checked_confirmed_and_recorded_once(farmer: Uploader, county: County, day: str) -> None:
    before, text = county.size, HEADINGS + harvest(day)
    address = farmer.upload(text)
    assert "确认并记录 1 条" in farmer.see(address)
    assert county.size == before
    for _ in range(2):
        assert farmer.decide(address, record="1").status_code == 303
        assert county.size == before + 1
    again = farmer.see(farmer.upload(text))
    assert "以前已经记录过" in again
    assert f'<td class="number">{before + 1}</td>' in again


def test_a_sheet_that_was_saved_again_asks_about_the_rows_it_repeats(
    farmer: Uploader, county: County, day: str
) -> None:
    county.harvest("B1", "100", hours_ago=30)
    rows = [f"{day} {clock},fg-litchi-coop,B1,5,kg\n" for clock in ("09:00", "10:00")]
    sheet = "时间,责任主体,批次,数量,单位\n" + rows[0]
    farmer.decide(farmer.upload(sheet, "销售.csv", kind="sale"), record="1")
    before = county.size
    address = farmer.upload(sheet + rows[1], "销售(1).csv", kind="sale")
    page = farmer.see(address)
    assert "<h2>可能重复上传：1 处</h2>" in page
    assert f"与账本第 {before} 条记录完全相同" in page


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_sheet_is_read_in_the_encodings_people_have(farmer: Uploader, day: str, encoding: str) -> None:
    address = farmer.upload((HEADINGS + harvest(day)).encode(encoding))
    assert "确认并记录 1 条" in farmer.see(address)


def test_wrong_cells_are_red_with_their_reasons_and_nothing_can_be_recorded(
    farmer: Uploader, county: County, day: str
) -> None:
    before = county.size
    address = farmer.upload(HEADINGS + harvest(day) + harvest(day, "UP 2", "many"))
    page = farmer.see(address)
    assert page.count('<td class="wrong"') == 2
    assert "“UP 2”不是有效的批次" in page
    assert "第 3 行" in page
    assert 'name="record"' not in page
    assert farmer.decide(address, record="1").status_code == 409
    assert county.size == before


def test_what_the_ledger_does_not_know_is_told_at_its_cell(farmer: Uploader, day: str) -> None:
    address = farmer.upload(HEADINGS + harvest(day).replace(PRODUCT, "no-such-product"))
    page = farmer.see(address)
    assert re.search(r'<td class="wrong"[^>]*>no-such-product', page)


def test_a_file_that_says_no_kind_is_read_once_the_kind_is_chosen(farmer: Uploader, day: str) -> None:
    address = farmer.upload(HEADINGS + harvest(day), "表1.csv")
    assert "看不出这是哪一类记录" in farmer.see(address)
    farmer.decide(address, kind="harvest")
    assert "确认并记录 1 条" in farmer.see(address)


def test_questions_are_asked_by_row_and_recorded_once_confirmed(
    farmer: Uploader, county: County, day: str
) -> None:
    county.harvest("B-1", "100", hours_ago=48)
    before = county.size
    text = (
        f"时间,责任主体,批次,数量,单位\n{day},fg-litchi-coop,B-1,150,千克\n{day},fg-litchi-coop,B-1,50,千克\n"
    )
    address = farmer.upload(text, "销售.csv")
    page = farmer.see(address)
    assert 'name="acknowledged.0" value="OVER_CONSUMPTION"' in page
    assert 'name="record"' not in page
    assert farmer.decide(address, acknowledge_all="OVER_CONSUMPTION").status_code == 303
    assert "确认并记录 2 条" in farmer.see(address)
    assert farmer.decide(address, record="1").status_code == 303
    assert county.size == before + 2


def test_an_instrument_s_row_without_a_batch_waits_for_a_choice(
    tester: Uploader, county: County, day: str
) -> None:
    county.harvest("B-1", "100", hours_ago=48)
    before = county.size
    address = tester.upload(RAPID_HEADINGS + result(day), "检测数据.csv")
    page = tester.see(address)
    assert "对应哪个样品或批次" in page
    assert '<option value="B-1">' in page
    assert 'name="record"' not in page
    tester.decide(address, **{"target.2": "NOT-THERE"})
    assert "没有这个样品或批次" in tester.see(address)
    tester.decide(address, **{"target.2": "B-1"})
    assert "确认并记录 2 条" in tester.see(address)
    assert tester.decide(address, record="1").status_code == 303
    with county.service.store.read() as connection:
        drawn, tested = (stored.event for stored in read_stored(connection, [before, before + 1]))
    assert (drawn.kind, drawn.batches) == ("sampling", ("B-1",))
    assert (tested.kind, tested.details["conclusion"]) == ("testing", "negative")
    assert tested.details["sample"] == drawn.details["samples"][0]["sample"]


def test_a_row_that_is_of_nothing_here_is_left_out_and_may_be_taken_up_later(
    tester: Uploader, county: County, day: str
) -> None:
    county.harvest("B-1", "100", hours_ago=48)
    address = tester.upload(RAPID_HEADINGS + result(day) + result(day, "20.1", "外县"), "检测数据.csv")
    tester.decide(address, **{"target.2": "B-1", "left_out": "3"})
    page = tester.see(address)
    assert "确认并记录 2 条" in page
    assert "不记录" in page
    before = county.size
    tester.decide(address, record="1")
    assert county.size == before + 2
    recorded = tester.see(address)
    assert "未记录的行" in recorded
    csrf = fields_of(tester.see("/desk/upload"))["csrf"]
    tester.client.post(address, data={"csrf": csrf, "anew": "3"})
    tester.decide(address, **{"target.3": "B-1"})
    assert "确认并记录" in tester.see(address)
    tester.decide(address, record="1")
    assert county.size == before + 4


def test_what_was_chosen_for_a_row_is_shown_before_it_is_recorded_and_can_be_chosen_anew(
    tester: Uploader, county: County, day: str
) -> None:
    for batch in ("B-1", "B-2"):
        county.harvest(batch, "100", hours_ago=48)
    address = tester.upload(RAPID_HEADINGS + result(day), "检测数据.csv")
    tester.decide(address, **{"target.2": "B-1"})
    assert "<b>B-1</b>" in tester.see(address)
    tester.decide(address, anew="2")
    assert 'name="target.2"' in tester.see(address)
    tester.decide(address, **{"target.2": "B-2"})
    before = county.size
    tester.decide(address, record="1")
    with county.service.store.read() as connection:
        assert read_stored(connection, [before])[0].event.batches == ("B-2",)


def test_a_file_of_which_every_row_is_left_out_has_nothing_to_record(tester: Uploader, day: str) -> None:
    address = tester.upload(RAPID_HEADINGS + result(day), "检测数据.csv")
    tester.decide(address, left_out="2")
    page = tester.see(address)
    assert "没有需要记录的内容" in page
    assert 'name="record"' not in page
    assert tester.decide(address, record="1").status_code == 409


def test_an_instrument_s_row_that_names_its_sample_needs_no_choice(
    tester: Uploader, county: County, day: str
) -> None:
    county.harvest("B-1", "100", hours_ago=48)
    sample = {"purpose": "commissioned", "samples": [{"sample": "S-1", "batch": "B-1"}]}
    county.record("sampling", "laboratory", hours_ago=30, batches=["B-1"], details=sample)
    text = RAPID_HEADINGS.replace("备注\n", "备注,样品编号\n") + result(day).replace(
        ",达元,\n", ",达元,,S-1\n"
    )
    address = tester.upload(text, "检测数据.csv")
    assert "确认并记录 1 条" in tester.see(address)
    assert tester.decide(address, record="1").status_code == 303
    assert "以前已经记录过" in tester.see(tester.upload(text, "另一个名字.csv"))


def test_a_suggestion_is_taken_with_its_button(tester: Uploader, county: County, day: str) -> None:
    county.harvest("B-1", "100", hours_ago=48)
    address = tester.upload(RAPID_HEADINGS + result(day), "检测数据.csv")
    page = tester.see(address)
    assert 'name="target.2" value="B-1" data-pick' in page
    data = [("csrf", fields_of(page)["csrf"][0]), ("target.2", ""), ("target.2", "B-1")]
    body = "&".join(f"{name}={value}" for name, value in data)
    tester.client.post(address, data=body, content_type="application/x-www-form-urlencoded")
    assert "确认并记录 2 条" in tester.see(address)


def test_hostile_cells_and_names_are_shown_as_text(farmer: Uploader, day: str) -> None:
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    row = f"{day},fg-litchi-coop,{CYCLE},{quoted},{PRODUCT},1,斤\n"
    for name in ("采收.csv", f"采收{HOSTILE}.csv"):
        page = farmer.see(farmer.upload(HEADINGS + row, name))
        assert "<img src=x" not in page
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01\x02", b"PK\x03\x04broken", b"=1+1,2\n", b"a,b\n1,2\n", b"\xff\xfe"]
)
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(farmer: Uploader, data: bytes) -> None:
    answer = farmer.try_upload(data, "x.csv")
    page = (
        answer.get_data(as_text=True) if answer.status_code == 422 else farmer.see(answer.headers["Location"])
    )
    assert 'role="alert"' in page
    assert 'name="record"' not in page


def test_the_upload_of_another_does_not_exist(farmer: Uploader, county: County, day: str) -> None:
    address = farmer.upload(HEADINGS + harvest(day))
    stranger = Uploader(county, "neighbour")
    stranger.see(address, 404)
    own = stranger.see("/desk/upload")
    assert stranger.send(address, own, {"record": "1"}).status_code == 404


@pytest.mark.parametrize("address", ["/desk/upload", "/desk/upload/0"])
def test_an_upload_without_the_session_s_token_is_refused(farmer: Uploader, address: str) -> None:
    data = {"file": (io.BytesIO(b"x"), "x.csv"), "csrf": "wrong"}
    assert farmer.client.post(address, data=data, headers=HTML).status_code == 403


def test_rows_for_another_organisation_are_refused_by_line(
    farmer: Uploader, county: County, day: str
) -> None:
    before = county.size
    address = farmer.upload(HEADINGS + harvest(day).replace("fg-litchi-coop", "fg-plum-coop"))
    page = farmer.see(address)
    assert "第 2 行" in page
    assert "没有为“fg-plum-coop”代录此类记录的授权" in page
    assert farmer.decide(address, record="1").status_code == 409
    assert county.size == before


def test_a_long_file_shows_the_lines_in_question(farmer: Uploader, day: str) -> None:
    rows = [harvest(day, f"UP-{number}") for number in range(MOST_SHOWN + 50)]
    rows[-1] = harvest(day, "UP LAST")
    page = farmer.see(farmer.upload(HEADINGS + "".join(rows)))
    assert page.count('<th scope="row"') == MOST_SHOWN
    assert "“UP LAST”不是有效的批次" in page


def test_a_template_is_given_for_each_kind_with_a_form(farmer: Uploader) -> None:
    answer = farmer.client.get("/desk/templates/harvest.xlsx")
    assert answer.data.startswith(b"PK")
    assert farmer.client.get("/desk/templates/label_issue.xlsx").status_code == 404


def test_lines_of_the_same_unit_and_name_are_matched_together_on_request(
    tester: Uploader, county: County, day: str
) -> None:
    county.harvest("B-1", "100", hours_ago=48)
    rows = result(day) + result(day, "20.1") + result(day, "9.5", "别的单位")
    address = tester.upload(RAPID_HEADINGS + rows, "检测数据.csv")
    tester.decide(address, **{"target.2": "B-1", "alike": "1"})
    page = tester.see(address)
    assert 'name="target.4"' in page
    assert 'name="target.3"' not in page


def test_a_whole_file_is_taken_back_with_one_tap(farmer: Uploader, county: County, day: str) -> None:
    address = farmer.upload(HEADINGS + harvest(day, "UP-1") + harvest(day, "UP-2"))
    farmer.decide(address, record="1")
    page, before = farmer.see(address), county.size
    assert "撤回整个文件（2 条）" in page
    for _ in range(2):
        assert farmer.send(undo_address(page), page, {}).status_code == 303
    assert county.size == before + 1
    page = farmer.see(address)
    assert "已全部撤回" in page
    assert "/undo" not in page


def test_a_whole_file_is_not_taken_back_without_the_session_s_token(
    farmer: Uploader, county: County, day: str
) -> None:
    address = farmer.upload(HEADINGS + harvest(day))
    farmer.decide(address, record="1")
    before = county.size
    page = farmer.see(address)
    assert farmer.send(undo_address(page), page, {"csrf": "x"}).status_code == 403
    assert county.size == before


def test_what_the_ledger_refuses_is_told_with_what_is_wrong_in_other_rows(
    farmer: Uploader, county: County, day: str
) -> None:
    county.harvest("UP-2", "5", hours_ago=3)
    size = county.size
    rows = harvest(day, "UP-1", "viel") + harvest(day, "UP-2") + harvest("2999-01-01", "UP-3")
    address = farmer.upload(HEADINGS + rows)
    page = farmer.see(address)
    for line in (2, 3, 4):
        assert f"<li><b>第 {line} 行</b>" in page
    assert "确认并记录" not in page
    assert farmer.decide(address, record="1").status_code == 409
    assert county.size == size


def test_what_rests_on_a_row_that_is_to_be_mended_is_not_called_wrong_itself(county: County) -> None:
    operator = Uploader(county, "operator")
    text = (
        "时间,责任主体,主体编号,名称,主体类型,角色\n"
        "2026-05-28,fg-county,new-1,合作社,没有,producer\n"
        "2026-05-28,new-1,new-2,合作社,cooperative,producer\n"
        "2026-05-28,new-9,new-3,合作社,cooperative,producer\n"
    )
    page = operator.see(operator.upload(text, "主体.csv", kind="organisation"))
    assert "<li><b>第 2 行</b>" in page
    assert "<li><b>第 3 行</b>" not in page
    assert "<li><b>第 4 行</b>" in page


def test_the_example_of_a_template_is_no_line_and_a_missing_cell_is_marked_under_its_own_heading(
    farmer: Uploader, county: County, day: str
) -> None:
    book = openpyxl.load_workbook(io.BytesIO(farmer.client.get("/desk/templates/harvest.xlsx").data))
    sheet = book.worksheets[0]
    headings = [cell.value for cell in sheet[1]]
    given = {"时间*": day, "生产周期": CYCLE, "产品*": PRODUCT, "数量*": "5", "单位*": "千克"}
    for heading, value in given.items():
        at = next(i for i, each in enumerate(headings, 1) if each and each.rstrip("*") == heading.rstrip("*"))
        sheet.cell(row=3, column=at, value=value)
    stream = io.BytesIO()
    book.save(stream)
    address = farmer.upload(stream.getvalue(), "采收.xlsx")
    page = farmer.see(address)
    assert "<b>1</b>行" in page
    assert re.search(r'<td class="wrong"[^>]*>—<small>', page)
    marked = openpyxl.load_workbook(io.BytesIO(farmer.client.get(f"{address}/errors.xlsx").data)).worksheets[
        0
    ]
    at = next(i for i, each in enumerate(marked[1]) if each.value == "批次*")
    assert marked[3][at].fill.fgColor.rgb == "FFFFC7CE"


def test_registered_names_may_stand_for_codes_in_a_sheet(farmer: Uploader, county: County, day: str) -> None:
    row = f"{day},fg-litchi-coop 单位,{CYCLE},UP-1,鲜荔枝,5,斤\n"
    address = farmer.upload(HEADINGS + row)
    assert farmer.decide(address, record="1").status_code == 303
    with county.service.store.read() as connection:
        body = read_stored(connection, [county.size - 1])[0].event.body
    assert (body["organisation"], body["outputs"][0]["product"]) == ("fg-litchi-coop", PRODUCT)
    page = farmer.see(farmer.upload(HEADINGS + row.replace("鲜荔枝", "青苹果").replace("UP-1", "UP-2")))
    assert "没有找到“青苹果”，请从列表中选择。" in page


def test_what_was_read_of_a_file_that_waits_goes_with_an_erasure(county: County) -> None:
    noted = county.harvest("B1", note="王小二")
    uploader, author, service = Uploader(county, "producer"), county.authors["producer"], county.service
    row = f"2026-05-28 08:00,,{CYCLE},王小二,{PRODUCT},1,kg\n"
    address = uploader.upload(HEADINGS + row, kind="harvest")
    import_id = address.rpartition("/")[2]
    with service.store.read() as connection:
        upload = import_of(connection, author.account, import_id)
    key = (author.account, import_id)
    job = service.jobs.start(key, "check", lambda job: check_upload(service, author, upload, job))
    # Whoever waited for it has gone away, and comes back after somebody was forgotten.
    assert job.wait(60)
    values = [{"event": noted.event_id, "pointers": ["/note"]}]
    county.record("erasure", "operator", details={"values": values, "ground": "consent_withdrawn"})
    for each in ("", "/progress.json", "/errors.xlsx"):
        assert "王小二" not in uploader.see(f"{address}{each}", 404)
