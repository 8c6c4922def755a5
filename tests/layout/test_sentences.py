from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from string import Formatter

from heji_trace import errors, sentences
from layout.sources import PACKAGES, Source, called, calls, refuse, sources

KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# A sentence about a warning stands under the warning's own code: `warn-ON_HOLD-inherited`.
CODE = re.compile(rf"{KEBAB.pattern}(-[A-Z]+(_[A-Z]+)*(-[a-z]+)*)?")
ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, errors.HejiError)
}


@dataclass(frozen=True)
class Said:
    """A code that stands literally in a call, with the names given for its placeholders where they are all known."""

    code: str
    place: str
    names: frozenset[str] | None


def fields_of(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@cache
def said() -> tuple[Said, ...]:
    return tuple(found for source in sources() for found in said_in(source))


def said_in(source: Source) -> Iterator[Said]:
    own = code_positions(source)
    for call in calls(source.tree):
        name, place = called(call), source.place(call)
        if name in ERRORS:
            yield from said_by_error(call, ERRORS[name], place)
        elif name == "Problem":
            yield from said_by(call, 1, names_in(argument(call, 2, "names")), place)
        elif name == "Question":
            for found in said_by(call, 0, names_in(argument(call, 1, "names")), place):
                yield Said(f"ask-{found.code}", found.place, found.names)
        elif name in own:
            yield from said_by(call, own[name], None, place)


def said_by_error(call: ast.Call, kind: type, place: str) -> Iterator[Said]:
    parameters = list(inspect.signature(kind).parameters)
    if "code" not in parameters:
        return
    given = {keyword.arg for keyword in call.keywords}
    names = None if None in given else frozenset(str(name) for name in given if name not in parameters)
    # These two name their own fields for the sentence.
    own = {"BrokenChain": {"seq"}, "TooMany": {"retry_after"}}.get(kind.__name__, set())
    yield from said_by(call, parameters.index("code"), None if names is None else names | own, place)


def said_by(call: ast.Call, position: int, names: frozenset[str] | None, place: str) -> Iterator[Said]:
    for code in literals(argument(call, position, "code")):
        yield Said(code, place, names)


def argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[position] if position < len(call.args) else None


def literals(node: ast.expr | None) -> list[str]:
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def names_in(node: ast.expr | None) -> frozenset[str] | None:
    if node is None:
        return frozenset()
    if not isinstance(node, ast.Dict):
        return None
    keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
    return None if None in keys else frozenset(str(key) for key in keys)


def code_positions(source: Source) -> Mapping[str, int]:
    """Where the functions of a module that hand their `code` on to an error or problem take it."""
    positions = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args if argument.arg != "self"]
            if "code" in names and any(hands_on(call) for call in calls(node)):
                positions[node.name] = names.index("code")
    return positions


def hands_on(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return called(call) in {*ERRORS, "Problem", "Question"} and any(
        isinstance(value, ast.Name) and value.id == "code" for value in given
    )


@cache
def words() -> frozenset[str]:
    """Every literal of the product and every kebab-case word of its pages."""
    found = {
        node.value
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for root in PACKAGES.values():
        for path in root.rglob("*"):
            if path.suffix in {".html", ".js"}:
                found |= {match[0] for match in KEBAB.finditer(path.read_text("utf-8"))}
    return frozenset(found)


@cache
def patterns() -> tuple[re.Pattern[str], ...]:
    """The codes that are put together: `f"ask-{code}"` stands for all that begin so."""
    joined = (
        node for source in sources() for node in ast.walk(source.tree) if isinstance(node, ast.JoinedStr)
    )
    shapes = {
        "".join(
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in node.values
        )
        for node in joined
        if re.search(r"[a-z]-|-[a-z]", ast.unparse(node))
    }
    return tuple(re.compile(shape) for shape in sorted(shapes))


def test_every_code_that_the_product_says_has_its_sentence() -> None:
    known = sentences.catalogue()
    refuse(f"{found.place}: {found.code}" for found in said() if found.code not in known)


def test_every_error_of_the_tree_has_a_sentence_by_default() -> None:
    refuse(
        name
        for name, kind in ERRORS.items()
        if "default_code" in vars(kind) and kind.default_code not in sentences.catalogue()
    )


def test_whoever_says_a_code_gives_every_name_that_its_sentence_needs() -> None:
    known = sentences.catalogue()
    refuse(
        f"{found.place}: {found.code} lacks {', '.join(sorted(missing))}"
        for found in said()
        if found.code in known and found.names is not None
        if (missing := set().union(*map(fields_of, known[found.code].values())) - found.names)
    )


def test_whatever_is_asked_has_a_title() -> None:
    # On the page of a file the questions about many rows stand under it.
    known = sentences.catalogue()
    asked = {
        code.removeprefix("ask-").removesuffix("-foreign") for code in known if re.match("ask-[A-Z]", code)
    }
    refuse(code for code in sorted(asked) if f"title-{code}" not in known)


def test_both_languages_of_a_sentence_have_the_same_names() -> None:
    # A word that itself has two languages comes as a pair: `{form_zh}` in one sentence, `{form_en}` in the other.
    refuse(
        code
        for code, sentence in sentences.catalogue().items()
        if {name.removesuffix("_zh") for name in fields_of(sentence["zh"])}
        != {name.removesuffix("_en") for name in fields_of(sentence["en"])}
    )


def test_a_sentence_is_written_in_both_languages_under_a_kebab_case_code() -> None:
    refuse(
        code
        for code, sentence in sentences.catalogue().items()
        if not CODE.fullmatch(code) or not all(text.strip() == text != "" for text in sentence.values())
    )


def test_the_names_in_a_sentence_are_plain_words() -> None:
    refuse(
        code
        for code, sentence in sentences.catalogue().items()
        if not all(name.isidentifier() for name in fields_of(sentence["zh"]))
    )


def test_no_sentence_is_left_over() -> None:
    refuse(
        code
        for code in sentences.catalogue()
        if code not in words() and not any(pattern.fullmatch(code) for pattern in patterns())
    )
