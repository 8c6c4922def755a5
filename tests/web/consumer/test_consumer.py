from __future__ import annotations

import gzip
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from werkzeug.test import TestResponse

from county import PACKED, PRODUCT, County
from heji_trace.errors import Untrusted
from heji_trace.identifiers.codes import dump_trace_code
from heji_trace.labelling.label_issue import IssuedLabel
from heji_trace.ledger.head import replace_durably
from heji_trace.proving.checkpoint import dump_checkpoint, sign_note
from heji_trace.proving.proof import check_bundle
from heji_web.app import create_app
from heji_web.service.service import open_service
from labelled import check_batch, label, register_product
from ledger_check import tampering
from web.doors import CHEAP

GTIN = "06901234567892"
NOBODYS_CODE = "0000000000000000"
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Encoding": "gzip, deflate, br"}
MOST_FIRST = 14 * 1024
MOST_IN_ALL = 60 * 1024


@pytest.fixture
def issued(county: County) -> IssuedLabel:
    """A label on a batch with everything that a page can show."""
    register_product(
        county, name_en="Litchi, 5 kg", shelf_life_days=7, test_policy="laboratory", claims=["green_food"]
    )
    details = {"number": "LB-1", "scheme": "green_food", "holder": county.code("producer")}
    county.record(
        "certificate", "operator", details=details | {"valid_from": "2025-01-01", "checked_at": "2026-05-01"}
    )
    use = {"input_type": "pesticide", "name": "x", "active_substances": ["高效氯氟氰菊酯"]}
    county.record("input_application", cycles=["2026-litchi-031"], details=use)
    county.now.seconds += 20 * 86_400
    county.harvest("H1")
    county.make("grading", {"H1": "90"}, {"P1": "50", "P2": "40"})
    county.certify("H1", "90")
    county.hand_over("P1", "10", "producer", "shop")
    check_batch(county, "P1")
    return label(county, "P1")


def get(county: County, path: str, **headers: str) -> TestResponse:
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    return county.client.get(path, headers=PAGE | given, buffered=True)


def page_of(answer: TestResponse) -> str:
    assert answer.headers["Content-Encoding"] == "gzip"
    return unescape(gzip.decompress(answer.data).decode())


def text_of(html: str) -> str:
    """What a person reads: without the style sheet and the tags, blanks made one."""
    # What is marked as of another language is read in one go.
    html = re.sub(r'<span lang="zh-Hans">([^<]*)</span>', r"\1", html)
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL))


def sentences_in(panels: Any, language: str) -> list[str]:
    """Every text in a language, anywhere in the JSON."""
    if isinstance(panels, dict):
        own = [panels[language]] if set(panels) == {"zh", "en"} else []
        return own + [text for value in panels.values() for text in sentences_in(value, language)]
    if isinstance(panels, list):
        return [text for value in panels for text in sentences_in(value, language)]
    return []


def test_the_first_answer_fits_into_fourteen_kilobytes(county: County, issued: IssuedLabel) -> None:
    answer = get(county, f"/t/{issued.trace_code}")
    assert answer.status_code == 200
    assert len(answer.data) < MOST_FIRST


def test_everything_that_the_page_loads_fits_into_sixty_kilobytes(
    county: County, issued: IssuedLabel
) -> None:
    answer = get(county, f"/t/{issued.trace_code}")
    loaded = re.findall(
        r'(?:src|href)="([^"]+)"', " ".join(re.findall(r"<(?:img|link|script)[^>]*>", page_of(answer)))
    )
    assert all(address.startswith("/") for address in loaded)
    assert len(answer.data) + sum(len(get(county, address).data) for address in loaded) < MOST_IN_ALL


def test_the_page_sets_no_cookie_and_runs_no_script(county: County, issued: IssuedLabel) -> None:
    answer = get(county, f"/t/{issued.trace_code}")
    assert "Set-Cookie" not in answer.headers
    assert not re.search(r"<script|\son[a-z]+=|javascript:", page_of(answer))


def test_the_policy_permits_nothing_but_the_style_sheet_inside_the_page(
    county: County, issued: IssuedLabel
) -> None:
    answer = get(county, f"/t/{issued.trace_code}")
    policy = answer.headers["Content-Security-Policy"]
    [style] = re.findall(r"<style>(.*?)</style>", gzip.decompress(answer.data).decode(), re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "script-src" not in policy
    assert " style=" not in page_of(answer)


def test_the_verdict_comes_before_everything_else(county: County, issued: IssuedLabel) -> None:
    html = page_of(get(county, f"/t/{issued.trace_code}"))
    assert "本批次无生效警示；已检 1 项均符合 GB 2763-2021" in re.findall(r"<h1>(.*?)</h1>", html)[0]
    assert html.index("</h1>") < html.index("<h2>")


@pytest.mark.parametrize(
    "accepted, language",
    [
        (None, "zh-Hans"),
        ("*", "zh-Hans"),
        ("fr-FR,fr;q=0.9", "zh-Hans"),
        ("zh-TW,en;q=0.5", "zh-Hans"),
        ("en-GB,zh;q=0.5", "en"),
    ],
)
def test_the_language_is_the_browser_s_and_chinese_where_it_says_neither(
    county: County, issued: IssuedLabel, accepted: str | None, language: str
) -> None:
    headers = {"Accept_Language": accepted} if accepted else {}
    answer = get(county, f"/t/{issued.trace_code}", **headers)
    assert f'<html lang="{language}">' in page_of(answer)
    assert {"Accept-Language", "Accept-Encoding", "Accept"} <= set(answer.vary)


def test_the_language_can_be_switched_on_the_page(county: County, issued: IssuedLabel) -> None:
    path = f"/t/{issued.trace_code}"
    assert f'href="{path}?lang=en"' in page_of(get(county, path))
    switched = page_of(get(county, f"{path}?lang=en", Accept_Language="zh"))
    assert "No live warning for this batch" in switched
    assert f'href="{path}?lang=zh"' in switched


def test_no_chinese_is_left_on_an_english_page_but_names_and_the_switch(
    county: County, issued: IssuedLabel
) -> None:
    text = text_of(page_of(get(county, f"/t/{issued.trace_code}?lang=en")))
    names = ("中文", "禾", "单位", "荔枝", "克百威", "高效氯氟氰菊酯")
    for name in names:
        text = text.replace(name, "")
    assert re.findall(r"[\u4e00-\u9fff]+", text) == []


def test_large_text_is_a_link_away_and_stays(county: County, issued: IssuedLabel) -> None:
    path = f"/t/{issued.trace_code}"
    assert f'href="{path}?large=1"' in page_of(get(county, path))
    large = page_of(get(county, f"{path}?large=1"))
    assert '<body class="large">' in large
    assert f'href="{path}?large=1&lang=en"' in large


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_json_holds_the_same_facts_as_the_page(
    county: County, issued: IssuedLabel, language: str
) -> None:
    panels = county.client.get(f"/t/{issued.trace_code}.json").get_json()
    text = text_of(page_of(get(county, f"/t/{issued.trace_code}?lang={language}")))
    told = [re.sub(r"\s+", " ", each) for each in sentences_in(panels, language)]
    assert len(told) > 20
    assert [each for each in told if each not in text] == []


def test_a_program_asks_for_json_by_its_header(county: County, issued: IssuedLabel) -> None:
    by_header = county.client.get(f"/t/{issued.trace_code}", headers={"Accept": "application/json"})
    assert by_header.mimetype == "application/json"
    assert by_header.get_json() == county.client.get(f"/t/{issued.trace_code}.json").get_json()
    assert set(by_header.get_json()) >= {
        "verdict",
        "product",
        "origin",
        "journey",
        "tests",
        "warnings",
        "integrity",
    }


def test_the_proof_can_be_checked_without_this_service(county: County, issued: IssuedLabel) -> None:
    answer = county.client.get(f"/t/{issued.trace_code}/proof")
    shown = check_bundle(answer.data, [county.service.signer.verifier])
    panels = county.client.get(f"/t/{issued.trace_code}.json").get_json()
    assert [each.seq + 1 for each in shown] == panels["integrity"]["entries"]
    assert county.client.get("/t/3K7TQ9W2MX4RA6BC/proof").status_code == 404


@pytest.mark.parametrize("typed", [str.lower, dump_trace_code, lambda code: f" {code[:8]} {code[8:]} "])
def test_a_code_is_read_as_people_write_it(county: County, issued: IssuedLabel, typed: Any) -> None:
    assert get(county, f"/t/{quote(typed(issued.trace_code))}").status_code == 200


def test_a_code_can_be_typed_into_a_form(county: County, issued: IssuedLabel) -> None:
    assert 'name="code"' in page_of(get(county, "/t"))
    for typed in (
        dump_trace_code(issued.trace_code).lower(),
        issued.phone_code,
        f"https://x.example/t/{issued.trace_code}",
    ):
        answer = county.client.get("/t", query_string={"code": typed})
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/t/{issued.trace_code}")


def test_a_form_filled_with_nonsense_is_a_mistyped_code(county: County) -> None:
    for typed in ("<script>alert(1)</script>", "(01)69", "\x00\ud7ff", "9" * 300):
        answer = county.client.get("/t", query_string={"code": typed}, headers=PAGE)
        assert answer.status_code == 404
        assert "输入有误" in page_of(answer)
        assert "<script" not in gzip.decompress(answer.data).decode()


@pytest.mark.parametrize("typed", ["3K7T-Q9W2-MX4R-A6BD", "3K7TQ9W2MX4RA6B", "123 456", '"><b>x'])
def test_a_mistyped_code_is_told_apart_and_stays_in_the_box(county: County, typed: str) -> None:
    by_form = county.client.get("/t", query_string={"code": typed}, headers=PAGE)
    pages = [by_form, get(county, f"/t/{quote(typed)}")] if "/" not in typed else [by_form]
    for answer in pages:
        html = gzip.decompress(answer.data).decode()
        assert answer.status_code == 404
        assert f'value="{escape(typed)}"' in html
        text = text_of(unescape(html))
        assert "这个编码不完整或有一位输错，请对照包装改正后再查。" in text
        assert "仿冒" not in text
        assert 'class="button" href="tel:12315"' not in html
    panels = county.client.get(f"/t/{quote(typed)}.json").get_json()
    assert (panels["standing"], panels["verdict"]["word"]["en"]) == ("mistyped", "Mistyped")


def test_every_mistyped_code_is_answered_alike_and_none_is_counted(
    county: County, issued: IssuedLabel
) -> None:
    right = issued.trace_code
    signs = (sign for sign in "23456789" if sign != right[-1])
    wrong = [right[:-1] + next(signs), right[:-1], "0" * 15 + "2", right[:8]]
    said = {page_of(get(county, f"/t/{code}")).replace(code, "CODE").partition("<main>")[2] for code in wrong}
    assert len(said) == 1
    assert {get(county, f"/t/{wrong[0]}").status_code for _ in range(70)} == {404}


def test_a_whole_code_of_nobody_stays_in_the_box_and_may_be_a_copy(county: County) -> None:
    html = page_of(get(county, f"/t/{NOBODYS_CODE}"))
    assert 'value="0000-0000-0000-0000"' in html
    assert "可能是仿冒" in html


def test_telephone_codes_cannot_be_tried_one_after_the_other(county: County, issued: IssuedLabel) -> None:
    answers = [
        county.client.get("/t", query_string={"code": issued.phone_code}).status_code for _ in range(31)
    ]
    assert (answers[29], answers[30]) == (303, 429)


def test_unknown_codes_cannot_be_tried_without_end_and_known_ones_go_on(
    county: County, issued: IssuedLabel
) -> None:
    answers = [get(county, f"/t/{NOBODYS_CODE}").status_code for _ in range(61)]
    assert (answers[59], answers[60]) == (404, 429)
    assert get(county, f"/t/{issued.trace_code}").status_code == 200


def test_unknown_void_and_unbound_codes_differ_in_words(county: County, issued: IssuedLabel) -> None:
    county.record("correction", details={"corrects": [issued.event_id], "reason": "印错"})
    unbound = label(county, None)
    for code, status, words in (
        (NOBODYS_CODE, 404, "查无此码，可能是仿冒或录入错误"),
        (issued.trace_code, 410, "该码已作废"),
        (unbound.trace_code, 200, "该码尚未启用"),
    ):
        answer = get(county, f"/t/{code}")
        assert (answer.status_code, words in page_of(answer)) == (status, True)
        assert "tel:12315" in page_of(answer)
        panels = county.client.get(f"/t/{code}.json")
        assert (panels.status_code, words in panels.get_json()["verdict"]["sentence"]["zh"]) == (status, True)


def test_a_digital_link_with_the_trace_code_as_serial_is_the_same_page(
    county: County, issued: IssuedLabel
) -> None:
    linked = county.client.get(
        f"/01/{GTIN}/10/P1/21/{issued.trace_code}", headers={"Accept": "application/json"}
    )
    assert linked.get_json() == county.client.get(f"/t/{issued.trace_code}.json").get_json()


@pytest.mark.parametrize("path", ["/01/{gtin}/10/P2/21/{code}", "/01/06921168509256/10/P1/21/{code}"])
def test_a_digital_link_that_does_not_fit_its_serial_is_an_unknown_code(
    county: County, issued: IssuedLabel, path: str
) -> None:
    assert get(county, path.format(gtin=GTIN, code=issued.trace_code)).status_code == 404


def test_a_digital_link_without_serial_tells_product_and_recall_alone(
    county: County, issued: IssuedLabel
) -> None:
    html = page_of(get(county, f"/01/{GTIN}/10/P1"))
    assert "没有召回" in html
    assert issued.trace_code not in html
    assert "高效氯氟氰菊酯" not in html
    county.record("recall", "regulator", batches=["H1"], details={"level": 1, "ordered": True, "reason": "x"})
    assert county.client.get(f"/01/{GTIN}/10/P1", headers={"Accept": "application/json"}).get_json()[
        "is_recalled"
    ]


@pytest.mark.parametrize("path", ["/01/06901234567892/10/NO", "/01/06901234567890/10/P1", "/01/x/10/P1"])
def test_a_digital_link_to_nothing_is_an_unknown_code(county: County, issued: IssuedLabel, path: str) -> None:
    assert get(county, path).status_code == 404


def test_a_recall_is_on_the_page_at_once(county: County, issued: IssuedLabel) -> None:
    path = f"/t/{issued.trace_code}"
    before = get(county, path)
    county.record(
        "recall", "regulator", batches=["H1"], details={"level": 1, "ordered": True, "reason": "克百威超标"}
    )
    html = page_of(get(county, path, If_None_Match=before.headers["ETag"]))
    assert "该批次已召回，请停止食用并退货" in html
    assert "请立即停止食用，退回购买处，可拨打 12315/12345。" in html


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_paused_batch_says_in_its_verdict_whether_to_eat_it_on_the_page_and_in_the_json(
    county: County, issued: IssuedLabel, language: str
) -> None:
    county.record("hold", "producer", batches=["P1"], details={"reason": "复核"})
    html = page_of(get(county, f"/t/{issued.trace_code}?lang={language}"))
    act = county.client.get(f"/t/{issued.trace_code}.json").get_json()["verdict"]["act"]
    assert act["zh"] == "结果出来前请先不要食用，保留包装。"
    assert act[language] in html[html.index('class="verdict') : html.index("</section>")]


def test_a_page_that_has_not_changed_is_not_sent_again(county: County, issued: IssuedLabel) -> None:
    path = f"/t/{issued.trace_code}"
    tag = get(county, path).headers["ETag"]
    again = get(county, path, If_None_Match=tag)
    assert (again.status_code, again.data) == (304, b"")
    assert get(county, f"{path}?lang=en", If_None_Match=tag).status_code == 200


@pytest.mark.parametrize("statement", ["hold", "product", "organisation", "correction"])
def test_a_kept_page_is_made_anew_when_what_it_rests_on_changes(
    county: County, issued: IssuedLabel, statement: str
) -> None:
    path = f"/t/{issued.trace_code}"
    sold = county.move("sale", "P1", "1", details={"market": "江南市场"})
    before = page_of(get(county, path))
    if statement == "hold":
        county.record("hold", batches=["H1"], details={"reason": "x"})
    elif statement == "product":
        register_product(county, name="改了名的荔枝")
    elif statement == "organisation":
        details = {"code": county.code("producer"), "name": "改了名的合作社", "subject_type": "cooperative"}
        county.record("organisation", "operator", details=details | {"roles": ["producer"]})
    else:
        county.record("correction", details={"corrects": [sold.event_id], "reason": "x"})
    assert page_of(get(county, path)) != before


def test_a_kept_page_does_not_outlive_its_day(county: County, issued: IssuedLabel) -> None:
    path = f"/t/{issued.trace_code}"
    assert "临近保质期" not in page_of(get(county, path))
    county.now.seconds += 8 * 86_400
    assert "已过最佳食用日期" in page_of(get(county, path))


def test_a_ledger_that_was_tampered_with_turns_kept_pages_red_within_a_minute(
    county: County, issued: IssuedLabel
) -> None:
    path = f"/t/{issued.trace_code}"
    get(county, path)
    harvest = int(county.client.get(f"{path}.json").get_json()["journey"][1]["entries"][0]) - 1
    with tampering(county.service.settings.database_url) as connection:
        record = connection.execute("SELECT record FROM entries WHERE seq = ?", (harvest,)).fetchone()[0]
        other = record.replace(b"H1", b"H2")
        connection.execute("UPDATE entries SET record = ? WHERE seq = ?", (other, harvest))
    county.now.seconds += 61
    html = page_of(get(county, path))
    assert f"数据校验失败，请勿信任本页（账本第 {harvest + 1} 条）" in html
    assert "已检" not in html
    panels = county.client.get(f"{path}.json").get_json()
    assert (panels["verdict"]["level"], panels["verdict"]["code"]) == ("red", "TAMPERED")


@contextmanager
def started_again(county: County) -> Iterator[FlaskClient]:
    """The service as it comes up on what it finds, whatever that is."""
    county.service.close()
    service = open_service(county.service.settings, county.service.clock, passwords=CHEAP)
    with closing(service):
        service.start()
        yield create_app(service).test_client()


def test_another_history_behind_the_head_is_no_unchanged_record(county: County, issued: IssuedLabel) -> None:
    signer = county.service.signer
    replace_durably(
        county.service.head.folder / "head",
        sign_note(dump_checkpoint(signer.name, county.size - 1, bytes(32)), signer).encode(),
    )
    with started_again(county) as client:
        html = unescape(client.get(f"/t/{issued.trace_code}").text)
        panels = client.get(f"/t/{issued.trace_code}.json").get_json()
    assert "已停止写入" in html
    assert "未被改动" not in html
    assert (panels["verdict"]["code"], panels["integrity"]["whole"]) == ("TAMPERED", False)


def test_where_the_remembered_head_is_gone_the_pages_say_so(county: County, issued: IssuedLabel) -> None:
    (county.service.head.folder / "head").unlink()
    with started_again(county) as client:
        for path in ("/t", f"/t/{issued.trace_code}"):
            assert f"已停止写入。 {Untrusted('head-missing').sentence('zh')}" in unescape(
                client.get(path).text
            )


def test_a_client_that_takes_no_gzip_gets_the_page_as_it_is(county: County, issued: IssuedLabel) -> None:
    answer = county.client.get(f"/t/{issued.trace_code}", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in answer.headers
    assert answer.data.startswith(b"<!doctype html>")


def test_a_page_of_a_real_ledger_does_not_say_demonstration(county: County, issued: IssuedLabel) -> None:
    assert "演示" not in page_of(get(county, f"/t/{issued.trace_code}"))


def test_a_page_without_any_record_but_its_making_stands(county: County) -> None:
    county.harvest("H1")
    issued = label(county, "H1", PRODUCT)
    assert PACKED not in page_of(get(county, f"/t/{issued.trace_code}"))
