from __future__ import annotations

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from flask import Flask, url_for
from jinja2.ext import extract_from_ast
from markupsafe import Markup

import heji_web
from county import County
from heji_web.requests.languages import chinese, gettext, language, ngettext, spoken, switched_address
from labelled import check_batch, label
from web.doors import Browser
from web.people import Person

PACKAGE = Path(heji_web.__file__).parent
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))
CATALOGUES = sorted((PACKAGE / "translations").rglob("*.po"))
CJK = re.compile(r"[\u3400-\u9fff]")
# The sign in the seal is the mark of the project, not a word.
MARKS = {"禾", "heji"}
# A voice that reads a list to choose from takes the language of the page.
UNMARKED = {"title", "script", "style", "option"}
VOID = {"meta", "link", "input", "img", "br", "path", "circle"}
SHOWN_ATTRIBUTES = {"alt", "aria-label", "placeholder", "title"}


def sentences_of_templates(app: Flask) -> set[str]:
    found: set[str] = set()
    for path in TEMPLATES:
        tree = app.jinja_env.parse(path.read_text("utf-8"))
        for _line, _function, message in extract_from_ast(tree):
            found |= {part for part in (message if isinstance(message, tuple) else (message,)) if part}
    return found


def sentences_of_code() -> set[str]:
    """What modules hand to gettext as a literal."""
    return {
        call.args[0].value
        for path in PACKAGE.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) in ("gettext", "_")
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def test_every_sentence_of_pages_and_code_has_its_translation(app: Flask) -> None:
    used = sentences_of_templates(app) | sentences_of_code()
    assert used - chinese().keys() == set()
    assert len(used) > 20


def test_every_translation_is_chinese_and_keeps_its_placeholders() -> None:
    for message, text in chinese().items():
        assert CJK.search(text), message
        names = re.compile(r"%\((\w+)\)s")
        assert set(names.findall(message)) == set(names.findall(text)), message


def test_no_catalogue_holds_a_doubtful_or_a_forgotten_entry() -> None:
    assert CATALOGUES
    for path in CATALOGUES:
        with path.open("rb") as stream:
            catalogue = read_po(stream)
        assert not catalogue.obsolete, path
        assert not [message.id for message in catalogue if message.fuzzy and message.id], path


class Words(HTMLParser):
    """The words that a page shows, of its texts and of the attributes that are read out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style", "code")
        self.found += [value or "" for name, value in attrs if name in SHOWN_ATTRIBUTES]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style", "code")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_shows_no_word_that_is_not_translated(path: Path) -> None:
    # What Jinja puts in is blanked; what is left is literal.
    text = re.sub(r"\{% block body_class %\}.*?\{% endblock %\}", "", path.read_text("utf-8"))
    literal = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
    words = Words()
    # Attributes that a macro puts into a tag stand outside of any here.
    words.feed(re.sub(r'(?<=[\s}])[a-z-]+="[^"<>]*"(?=[^<>]*(<|$))', " ", literal))
    left = {word for text in words.found for word in re.findall(r"[^\W\d_]{2,}|[\u3400-\u9fff]", text)}
    assert left - MARKS == set()


@pytest.mark.parametrize(
    "header, expected",
    [
        (None, "zh"),
        ("", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9", "en"),
        ("fr,de;q=0.9", "zh"),
        ("fr,en;q=0.2", "en"),
        ("en;q=0.3,zh-Hant;q=0.7", "zh"),
        ("en;q=0", "zh"),
        ("*", "zh"),
        (";;;,q=,=", "zh"),
        ("EN_us", "en"),
    ],
)
def test_the_browser_s_language_is_taken_and_chinese_where_it_says_neither(
    app: Flask, header: str | None, expected: str
) -> None:
    headers = {} if header is None else {"Accept-Language": header}
    with app.test_request_context("/", headers=headers):
        assert language() == expected


@pytest.mark.parametrize(
    "given, expected", [("en", "en"), ("zh", "zh"), ("fr", "zh"), ("", "zh"), ("en'", "zh")]
)
def test_the_address_has_the_last_word(app: Flask, given: str, expected: str) -> None:
    with app.test_request_context("/", query_string={"lang": given}):
        assert language() == expected


def test_links_carry_the_language_that_was_chosen_and_only_that(app: Flask) -> None:
    with app.test_request_context("/?lang=en"):
        assert url_for("home.desk") == "/desk?lang=en"
        assert url_for("static", filename="heji.css") == "/static/heji.css"
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        assert url_for("home.desk") == "/desk"


def test_the_switch_leads_to_the_same_page_with_its_query(app: Flask) -> None:
    with app.test_request_context("/desk/查?q=a%26b&q=荔枝&lang=zh"):
        assert switched_address("en") == "/desk/%E6%9F%A5?q=a%26b&q=%E8%8D%94%E6%9E%9D&lang=en"


def test_a_sentence_without_translation_stays_english(app: Flask) -> None:
    with app.test_request_context("/"):
        assert gettext("Sign in") == "登录"
        assert gettext("never translated") == "never translated"
        assert ngettext("one", "many", 1) == "many"
    with app.test_request_context("/?lang=en"):
        assert gettext("Sign in") == "Sign in"
        assert (ngettext("one", "many", 1), ngettext("one", "many", 2)) == ("one", "many")


def test_what_is_put_into_a_sentence_is_escaped(app: Flask) -> None:
    with app.test_request_context("/?lang=en"):
        template = app.jinja_env.from_string("{{ _('Row %(line)s', line='<b>') }}")
        template.environment.autoescape = True
        assert template.render() == "Row &lt;b&gt;"


def test_the_desk_speaks_both_languages(browser: Browser) -> None:
    browser.sign_in("producer")
    chinese_page = browser.client.get("/desk").get_data(as_text=True)
    english_page = browser.client.get("/desk?lang=en").get_data(as_text=True)
    assert "您要办理什么" in chinese_page
    assert '<html lang="en">' in english_page
    assert not CJK.search(re.sub(r">(禾|中文)<", "", english_page))


class _Unmarked(HTMLParser):
    """The Chinese texts of a page that stand in no part marked as Chinese."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        inherited = self._open[-1][1] if self._open else ""
        is_left = tag in UNMARKED or given.get("aria-hidden") == "true"
        if tag not in VOID:
            self._open.append((tag, "left" if is_left else given.get("lang") or inherited))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tongue = self._open[-1][1] if self._open else ""
        if CJK.search(data) and tongue not in ("zh-Hans", "left"):
            self.found.append(data.strip())


def unmarked(page: str) -> list[str]:
    parser = _Unmarked()
    parser.feed(page)
    return parser.found


@pytest.mark.parametrize(
    "text, marked",
    [
        ("litchi", "litchi"),
        ("", ""),
        (None, None),
        ("litchi (桂味)", 'litchi (<span lang="zh-Hans">桂味</span>)'),
        ("荔枝 5 千克装", '<span lang="zh-Hans">荔枝 5 千克装</span>'),
        ("<b>荔枝</b>", '&lt;b&gt;<span lang="zh-Hans">荔枝</span>&lt;/b&gt;'),
        (Markup("&amp; 荔枝"), '&amp; <span lang="zh-Hans">荔枝</span>'),
    ],
)
def test_chinese_parts_are_marked_and_everything_is_escaped(
    app: Flask, text: str | None, marked: str | None
) -> None:
    with app.test_request_context("/?lang=en"):
        assert spoken(text) == marked
    with app.test_request_context("/?lang=zh"):
        assert spoken(text) == text


def test_on_english_pages_all_that_is_chinese_is_marked_so(county: County) -> None:
    county.harvest("B-1", "100", hours_ago=30, note="雨后采收", details={"method": "人工剪采"})
    check_batch(county, "B-1", formal=True)
    issued = label(county, "B-1", "litchi-fresh")
    details = {"level": 2, "ordered": True, "reason": "克百威超标", "document": "佛市监召〔2026〕3 号"}
    recall = county.record("recall", "regulator", batches=["B-1"], details=details).event_id
    regulator = Person(county, "regulator")
    addresses = [
        f"/t/{issued.trace_code}",
        "/desk/events",
        "/desk/recalls",
        f"/desk/recalls/{recall}",
        f"/desk/events/{recall}",
        "/desk/batches/B-1",
        "/desk/organisations/fg-litchi-coop",
        "/desk/search?q=fg",
    ]
    for address in addresses:
        page = regulator.see(f"{address}{'&' if '?' in address else '?'}lang=en")
        assert unmarked(page) == [], address
    producer = Person(county, "producer")
    for address in (
        "/desk",
        "/desk/upload",
        "/desk/labels",
        "/desk/record/harvest",
        "/desk/record/input_application",
    ):
        assert unmarked(producer.see(f"{address}?lang=en")) == [], address
