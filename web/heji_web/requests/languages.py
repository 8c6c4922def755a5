"""The language of an answer, and the Babel catalogues behind `_()` in pages.

Message ids are English sentences, so English needs no catalogue; `translations/zh_Hans/*.po` is read as it stands,
one file per area. Sentences of the core (errors, warnings, labels) come from `heji_trace.sentences` instead.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from babel.messages.pofile import read_po
from flask import Flask, g, has_request_context, request
from markupsafe import Markup

from heji_trace import sentences

PARAMETER = "lang"
NAMES = (("zh", "中文"), ("en", "English"))
HTML_LANGUAGES = {"zh": "zh-Hans", "en": "en"}

# Chinese signs, with figures and blanks between two of them.
_SIGN = "\u3001-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"
_CHINESE = re.compile(f"([{_SIGN}](?:[{_SIGN}0-9 ,.~/%℃–-]*[{_SIGN}])?)")


def language() -> str:
    """The language of this answer, "zh" or "en": as the address says, else the browser; Chinese where neither."""
    if not has_request_context():
        return "zh"
    known: str | None = g.get("language")
    if known is None:
        known = g.language = chosen_language() or _accepted_language()
    return known


def chosen_language() -> str | None:
    """The language that the address asks for, which links on the page carry on."""
    given = request.args.get(PARAMETER)
    return given if given in sentences.LANGUAGES else None


def gettext(message: str) -> str:
    """The English sentence in the language of this answer."""
    return translate(message, language())


def ngettext(one: str, many: str, count: int) -> str:
    """The same for a number of things; Chinese has one form for all numbers."""
    return translate(many, "zh") if language() == "zh" else (one if count == 1 else many)


def translate(message: str, into: str) -> str:
    """The English sentence in a language; itself where no catalogue has it (a test sees to it that one has)."""
    return message if into == "en" else chinese().get(message, message)


@cache
def chinese() -> dict[str, str]:
    """All Chinese translations by their English sentence (of a plural, the English plural).

    Raises ValueError where two catalogues translate one sentence differently.
    """
    found: dict[str, str] = {}
    folder = files("heji_web") / "translations" / "zh_Hans"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".po"):
            continue
        with file.open("rb") as stream:
            for message in read_po(stream, locale="zh_Hans"):
                if not message.id:
                    continue
                key, text = _one_form(message.id, last=True), _one_form(message.string, last=False)
                if found.setdefault(key, text) != text:
                    raise ValueError(f"{file.name}: another translation of {key!r}")
    return found


def install_languages(app: Flask) -> None:
    """Give templates `_()`, `sentence()` and the language, and let every link keep the language chosen.

    Raises ValueError for catalogues that contradict each other: at the start, and not on every page later.
    """
    chinese()
    app.jinja_env.add_extension("jinja2.ext.i18n")
    # Newstyle calls escape what is put into a sentence.
    app.jinja_env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.filters["isolated"] = sentences.isolated
    app.jinja_env.filters["spoken"] = spoken
    # The extension's own `_` looks this up by its name anew for each of the sentences of a page.
    app.jinja_env.globals["_"] = app.jinja_env.globals["gettext"]
    app.context_processor(_names_for_templates)
    app.url_defaults(_keep_language)


def sentence(code: str, **names: object) -> str:
    """A sentence of the core's catalogues in the language of this answer."""
    return sentences.say(code, language(), **names)


def spoken(text: object) -> object:
    """The text with its Chinese parts marked as Chinese where the page is in another language.

    A voice that reads the page aloud changes its tongue there, and the browser its font.
    """
    if language() == "zh" or not isinstance(text, str) or text.isascii():
        return text
    marked = Markup('<span lang="{}">{}</span>')
    parts: list[str] = _CHINESE.split(text)
    if isinstance(text, Markup):
        parts = [Markup(part) for part in parts]  # noqa: S704  it was escaped before it was parted
    return Markup().join(
        marked.format(HTML_LANGUAGES["zh"], part) if at % 2 else part for at, part in enumerate(parts)
    )


def switched_address(into: str) -> str:
    """The address of this page in another language, for the switch."""
    arguments = request.args.to_dict(flat=False) | {PARAMETER: [into]}
    pairs = [(name, value) for name, values in arguments.items() for value in values]
    return f"{quote(request.path)}?{urlencode(pairs)}"


def address(path: str) -> str:
    """A path of this service, carrying the language that was chosen."""
    chosen = chosen_language()
    return path if chosen is None else f"{path}{'&' if '?' in path else '?'}{PARAMETER}={chosen}"


def language_field() -> Markup:
    """The hidden field by which a form that GETs carries the language that was chosen."""
    chosen = chosen_language()
    field = Markup('<input type="hidden" name="{}" value="{}">')
    return Markup() if chosen is None else field.format(PARAMETER, chosen)


def _names_for_templates() -> dict[str, Any]:
    return {
        "language": language(),
        "languages": NAMES,
        "html_language": HTML_LANGUAGES[language()],
        "html_languages": HTML_LANGUAGES,
        "address": address,
        "comma": "、" if language() == "zh" else ", ",
        "semicolon": "；" if language() == "zh" else "; ",
        "language_field": language_field,
        "sentence": sentence,
        "switched_address": switched_address,
    }


def _keep_language(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint != "static" and has_request_context() and (chosen := chosen_language()):
        values.setdefault(PARAMETER, chosen)


def _one_form(text: str | tuple[str, ...] | list[str] | None, *, last: bool) -> str:
    """Of a message with plural forms the one that stands for it."""
    if text is None or isinstance(text, str):
        return text or ""
    return text[-1 if last else 0]


def _accepted_language() -> str:
    for tag, quality in request.accept_languages:
        primary = tag.replace("_", "-").split("-")[0].lower()
        if quality > 0 and primary in sentences.LANGUAGES:
            return primary
    return "zh"
