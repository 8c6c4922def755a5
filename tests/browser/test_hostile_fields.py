"""Hostile text in every free field of every kind of event, on every page that shows it: as written, and harmless."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from jinja2 import Environment
from openpyxl import load_workbook
from playwright.sync_api import Browser

from browser.harm import WATCH, harm_in
from browser.listening import listening
from browser.walks import DESKTOP, PHONE, SIZES, Walker, both_languages
from county import CYCLE, PEOPLE, PRODUCT, County, opened_county
from faults.length import LONG
from heji_trace.events.kinds import KINDS, Field, parts_of
from heji_trace.events.kinds.fields import ListOf, Table, Text
from hostile import MARKUP, PLAIN, SHORTEST
from hostile_telling import REGISTERED, Story, tell_stories
from web.doors import Browser as SignedIn

pytestmark = pytest.mark.browser

MARKED = " ".join(MARKUP)
FORBIDDING = """<meta http-equiv="Content-Security-Policy" content="script-src 'none'">"""


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    with opened_county(tmp_path_factory.mktemp("hostile")) as county:
        yield county


@pytest.fixture(scope="module")
def stories(county: County) -> tuple[Story, ...]:
    return tell_stories(county)


@pytest.fixture(scope="module")
def address(county: County, stories: tuple[Story, ...]) -> Iterator[str]:
    assert stories
    with listening(county.client.application, replace(county.service.settings, port=0)) as address:
        yield address


@pytest.fixture(scope="module")
def everything(stories: tuple[Story, ...]) -> list[str]:
    """All texts, the longest first."""
    texts = {text for story in stories for told in story.told for text in told.said.values()}
    return sorted(texts, key=len, reverse=True)


class Looker:
    """Looks at pages on a phone and at a desk, and notes what harm was done."""

    def __init__(self, walker: Walker, everything: list[str]) -> None:
        self.walker = walker
        self.everything = everything
        self.found: list[str] = []

    def at(self, path: str, *shown: str) -> None:
        """Open a page, on which `shown` must stand as it was written."""
        self.walker.open(path)
        self.here(*shown)

    def here(self, *shown: str) -> None:
        page = self.walker.page
        for screen in (DESKTOP, PHONE):
            width, height = SIZES[screen]
            page.set_viewport_size({"width": width, "height": height})
            harm = harm_in(page, shown, [*shown, *self.everything])
            self.found += [f"{page.url} {screen}: {each}" for each in harm]


@pytest.fixture
def look(arrive: Callable[..., Walker], everything: list[str]) -> Iterator[Looker]:
    """A person who looks pages over; what was wrong with any of them fails the test."""
    walker = arrive()
    walker.page.add_init_script(WATCH)
    looker = Looker(walker, everything)
    yield looker
    assert looker.found == []


def test_every_kind_is_told_with_hostile_text_in_every_free_place(stories: tuple[Story, ...]) -> None:
    """All of it may be said but where a text must name a value; the label alone has a door that asks for no text."""
    for story in stories:
        assert {told.kind for told in story.told} == set(KINDS) - {"label_issue"}
        refused = {told.kind: told.refused for told in story.told if told.refused}
        wrong = dict.fromkeys((f"/details/values/0/pointers/{at}" for at in range(2)), "no-such-sealed-value")
        assert refused == {"erasure": wrong}


def free_places(fields: Iterable[Field], at: str) -> Iterator[str]:
    """The pointers, as patterns, of all places where people write freely, by the declarations alone."""
    for each in fields:
        place = f"{at}/{each.name}"
        match each.type:
            case Text():
                yield place
            case ListOf(item=Text()):
                yield f"{place}/*"
            case Table(columns=tuple() as columns):
                yield from free_places(columns, f"{place}/*")
            case Table():
                yield f"{place}/*/*"
            case _:
                pass


def test_no_free_place_of_any_kind_is_left_out(stories: tuple[Story, ...]) -> None:
    left_out = []
    for kind in KINDS.values():
        tried = {
            pointer
            for story in stories
            for told in story.told
            if told.kind == kind.name
            for pointer in (*told.said, *told.refused)
        }
        places = [*free_places(parts_of(kind), ""), *free_places(kind.fields, "/details")]
        left_out += [(kind.name, each) for each in places if not any(fnmatchcase(one, each) for one in tried)]
    # The kind is a word of the format, and labels have a door of their own that asks for no text.
    assert {place for kind, place in left_out if kind != "label_issue"} == {"/kind"}


@both_languages
def test_the_record_of_every_kind_shows_every_text_as_it_was_written(
    look: Looker, stories: tuple[Story, ...], spoken: str
) -> None:
    look.walker.sign_in("regulator")
    for story in stories:
        # Each half of the texts in one language; in a long run in both.
        if LONG or (story.turn == 0) == (spoken == "zh"):
            for told in story.told:
                shown = [text for pointer, text in told.said.items() if "/acknowledged/" not in pointer]
                look.at(f"/desk/events/{told.event_id}", *shown)


@both_languages
def test_consumers_read_every_text_as_it_was_written(
    look: Looker, stories: tuple[Story, ...], spoken: str
) -> None:
    last = stories[-1]
    for story in stories:
        name = story.said("product", "/details/name" if spoken == "zh" else "/details/name_en")
        packed = story.said("packaging", "/details/batch_number")
        goods = [
            story.said("product", f"/details/{each}") for each in ("net_content", "pack_spec", "standard")
        ]
        way = [story.said(kind, "/details/process") for kind in ("collection", "processing", "packaging")]
        way += [story.said("receiving", "/details/inspection"), story.said("sale", "/details/market")]
        grown = [story.said("planting", f"/details/{each}") for each in ("crop", "variety")]
        used = story.said("input_application", "/details/active_substances/0")
        certified = [story.said("certificate", f"/details/{each}") for each in ("number", "issuer")]
        tested = [story.said("testing", "/details/method", 0)]
        tested += [
            story.said("testing", f"/details/results/0/{each}", 0)
            for each in ("analyte", "value", "unit", "edition")
        ]
        maker = last.name_of("producer")
        why = story.said("recall", "/details/reason")
        shown = (name, packed, *goods, *way, *grown, used, *certified, *tested, maker, why)
        for large in ("", "?large=1"):
            look.at(f"/t/{story.trace_code}{large}", *shown)
        look.at(f"/01/{story.gtin}/10/{story.packed}", name, goods[0])
    for typed in MARKUP:
        look.at(f"/t/{quote(typed, safe='')}")


@both_languages
def test_regulators_read_every_text_as_it_was_written(
    look: Looker, stories: tuple[Story, ...], spoken: str
) -> None:
    look.walker.sign_in("regulator")
    last = stories[-1]
    names = [last.name_of(who) for who in REGISTERED]
    contact = last.said("organisation", "/details/contact", 0)
    for story in stories:
        goods = story.said("product", "/details/name" if spoken == "zh" else "/details/name_en")
        packed = story.said("packaging", "/details/batch_number")
        recall = [story.said("recall", f"/details/{each}") for each in ("reason", "scope", "document")]
        look.at(f"/desk/batches/{story.packed}", goods, packed, *names[:2], contact)
        look.at(f"/desk/batches/{story.harvested}/recall")
        look.at(f"/desk/recalls/{story.recall}", *recall, goods, *names[:2], contact)
        look.at("/desk/recalls", recall[0])
        analyte = story.said("testing", "/details/results/0/analyte")
        look.at("/desk/releases", story.said("testing", "/details/method"), analyte)
    for who in REGISTERED:
        look.at(f"/desk/organisations/{PEOPLE[who][0]}", last.name_of(who))
    # What was typed is said back in one place, whatever the language around it.
    for text in (MARKED[:200], *MARKUP, *PLAIN, *names) if LONG or spoken == "zh" else (MARKED[:200],):
        look.at(f"/desk/search?q={quote(text)}", text)
    for form in ("sampling", "hold", "release", "recall_update"):
        look.at(f"/desk/record/{form}")
    look.at(f"/desk/{quote(MARKED[:300], safe='')}")


@both_languages
def test_whoever_records_reads_every_text_as_it_was_written(
    look: Looker, stories: tuple[Story, ...], spoken: str
) -> None:
    last = stories[-1]
    look.walker.sign_in("producer")
    for path in ("/desk", "/desk/events", "/desk/recalls"):
        look.at(path)
    for story in stories:
        goods = story.said("product", "/details/name" if spoken == "zh" else "/details/name_en")
        look.at(f"/desk/batches/{story.harvested}", last.name_of("producer"))
        look.at("/desk/labels", goods)
        look.at(f"/desk/labels/{story.run}", goods)
        look.at(f"/desk/events/{story.recall}", story.said("recall", "/details/reason"))
    site, crop, variety = (
        last.said(kind, pointer)
        for kind, pointer in (
            ("site", "/details/name"),
            ("planting", "/details/crop"),
            ("planting", "/details/variety"),
        )
    )
    look.at("/desk/record/harvest", site, crop, variety, goods)
    look.at(f"/desk/record/harvest?corrects={last.id_of('harvest')}", last.said("harvest", "/details/method"))
    for form in ("shipping", "packaging", "sampling", "planting", "product", "certificate"):
        look.at(f"/desk/record/{form}")


@both_languages
def test_a_form_that_is_refused_gives_every_text_back_as_it_was_typed(look: Looker) -> None:
    walker = look.walker
    walker.sign_in("producer")
    reason, scope, note = MARKED[:200], MARKED[:400], " ".join((*PLAIN, *MARKUP))[:1000]
    walker.open("/desk/record/hold")
    # No batch is chosen.
    for name, text in (("details.reason", reason), ("details.scope", scope)):
        walker.choose(f'[name="{name}"]', text)
    walker.page.locator("details.more summary").click()
    walker.choose('[name="note"]', note)
    walker.press(walker.page.locator(".send button.main"))
    assert walker.page.locator(".problem").count() or walker.page.locator(".refusal").count()
    look.here(reason, scope, note)


def sheet_of(story: Story, texts: Sequence[str], quantity: str) -> bytes:
    """A harvest in a spreadsheet's text, every free cell of which is hostile."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(("时间", "生产周期", "产出批次", "产品", "数量", "单位", "采收方式", "等级", "备注"))
    for at, text in enumerate(texts):
        note = story.said("harvest", "/note")
        cells = ("2026-05-28 08:00", CYCLE, f"UP-{story.turn}-{at}", PRODUCT, quantity, "kg")
        writer.writerow((*cells, text[:40], text[:20], note))
    return written.getvalue().encode()


@both_languages
def test_a_file_of_hostile_cells_is_shown_checked_and_given_back_as_it_was_written(
    look: Looker, stories: tuple[Story, ...], spoken: str, tmp_path: Path
) -> None:
    story, walker = stories[spoken == "en"], look.walker
    walker.sign_in("producer")
    name = f"采收א{spoken}'><img src=x onerror='hit=1'>{{{{7*7}}}}{'W' * 60}ב.csv"
    file = tmp_path / name
    texts = [unicodedata.normalize("NFC", text) for text in (*MARKUP, *PLAIN)]
    # A cell that a spreadsheet program would work out is sent back red; nothing of it is recorded.
    for sent, quantity in ((texts, MARKUP[1]), ([text for text in texts if text[0] != "="], "12.5")):
        file.write_bytes(sheet_of(story, sent, quantity))
        walker.open("/desk/upload")
        walker.page.set_input_files("#file", file)
        walker.press(walker.page.locator(".send button.main"))
        short = [text for text in sent if len(text) <= SHORTEST]
        look.here(name, *short, story.said("harvest", "/note"))
        if quantity != "12.5":
            checked_sheet(walker, short)
    walker.press(walker.page.locator('button[name="record"]'))
    look.here(name)
    look.at("/desk/imports", name)
    walker.press(walker.page.locator(".records a").first)
    look.here(name)


def checked_sheet(walker: Walker, shown: list[str]) -> None:
    """The sheet that is given back with reasons runs nothing and says what was written."""
    link = walker.page.locator('a[href*="errors.xlsx"]').get_attribute("href")
    given = walker.page.request.get(f"{walker.address}{link}")
    assert given.status == 200
    book = load_workbook(io.BytesIO(given.body()))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert [cell.value for cell in cells if cell.data_type == "f"] == []
    assert set(shown) <= {cell.value for cell in cells}


def test_exports_run_no_formula_and_say_what_was_written(county: County, stories: tuple[Story, ...]) -> None:
    last = stories[-1]
    for story in stories:
        for path in (f"/desk/batches/{story.packed}/trace.csv", f"/api/v1/labels/{story.run}.csv"):
            browser = SignedIn(county.client, county.service).sign_in("producer")
            rows = list(csv.reader(io.StringIO(browser.client.get(path).get_data().decode("utf-8-sig"))))
            cells = [cell for row in rows for cell in row]
            assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
            name = story.said("product", "/details/name")
            assert (f"'{name}" if name[0] in "=+-@" else name) in cells, path
    assert {story.said("product", "/details/name")[0] for story in stories} & {*"=+-@"}
    template = browser.client.get("/desk/templates/harvest.xlsx")
    book = load_workbook(io.BytesIO(template.data))
    filled = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert [cell.value for cell in filled if cell.data_type == "f"] == []
    assert any(last.said("site", "/details/name") in str(cell.value) for cell in filled)
    for path in (
        f"/api/v1/events/{last.id_of('conformity_certificate')}/certificate.pdf?paper=a4",
        f"/api/v1/events/{last.id_of('conformity_certificate')}/certificate.pdf?paper=label",
        f"/api/v1/labels/{last.run}.pdf",
    ):
        answer = county.get(path, "producer")
        assert (answer.status_code, answer.data[:5]) == (200, b"%PDF-"), path


def test_the_api_gives_back_every_text_as_it_was_written(county: County, stories: tuple[Story, ...]) -> None:
    for told in (each for story in stories for each in story.told):
        given = county.get(f"/api/v1/events/{told.event_id}", "regulator").get_json()["event"]
        for pointer, text in told.said.items():
            assert value_at(given, pointer) == text, (told.kind, pointer)


def value_at(value: Any, pointer: str) -> Any:
    for step in pointer[1:].split("/"):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


CARELESS = (
    ("<p>{{ text|safe }}</p>", MARKUP[0], "made of a text"),
    ('<p title="{{ text|safe }}">', MARKUP[3], "made of a text"),
    ("<p>{{ text|safe }}</p>", MARKUP[4], "a script ran"),
    (FORBIDDING + "<p>{{ text|safe }}</p>", MARKUP[4], "the policy was hit"),
    ("<p>{{ text }} · 2026-06-12 · PK-1</p>", MARKUP[1], "turned before"),
    ("<p>{{ text }}、{{ text }}</p>", MARKUP[0], "turned before"),
    ("<select><option>{{ text }} · PK-1</option></select>", MARKUP[0], "turns its neighbours"),
    ('<p style="white-space: nowrap">{{ text }}{{ "W" * 80 }}</p>', MARKUP[0], "pixels wide"),
    ("<p>{{ text[:9] }}</p>", MARKUP[4], "not shown as written"),
    ("<p>{{ text|upper }}</p>", MARKUP[0], "not shown as written"),
)
"""Pages that a careless product might give, each with a text and what must be found on it."""
CAREFUL = """<title>\u2068{{ text }}\u2069 · PK-1</title><p><bdi>{{ text }}</bdi> · 2026-06-12 · PK-1</p>
    <p><bdi>{{ text }}</bdi>、<bdi>{{ text }}</bdi></p>
    <p style="overflow-wrap: anywhere">{{ text }}{{ "W" * 80 }}</p>
    <select style="max-width: 100px"><option>\u2068{{ text }}\u2069 · PK-1</option></select>"""


@pytest.fixture(scope="module")
def drawn(chromium: Browser) -> Iterator[Callable[[str, str], str]]:
    """What is found on a page of the test's own, given by its template and the text that it shows."""
    context = chromium.new_context(viewport={"width": 360, "height": 640})
    context.add_init_script(WATCH)
    page = context.new_page()

    def draw(template: str, text: str) -> str:
        body = Environment(autoescape=True).from_string(template).render(text=text)
        page.route("**", lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))
        page.goto("http://careless.example/")
        found = harm_in(page, [text], [text])
        page.unroute_all()
        return "\n".join(found)

    yield draw
    context.close()


@pytest.mark.parametrize("template, text, harm", CARELESS, ids=[harm for _, _, harm in CARELESS])
def test_a_page_that_does_not_escape_isolate_or_fold_is_found_out(
    drawn: Callable[[str, str], str], template: str, text: str, harm: str
) -> None:
    assert harm in drawn(template, text)


@pytest.mark.parametrize("text", MARKUP)
def test_a_page_that_escapes_isolates_and_folds_has_no_fault(
    drawn: Callable[[str, str], str], text: str
) -> None:
    assert drawn(CAREFUL, text) == ""
