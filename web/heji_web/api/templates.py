"""The door for templates: the empty sheet of a kind, for programs that are used where there is no line."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from heji_web.files.blank_sheets import blank_sheet
from heji_web.files.posted import XLSX
from heji_web.requests.access import author_of
from heji_web.requests.operations import FILE, Answer, Operation, Parameter

blueprint = Blueprint("api_templates", __name__, url_prefix="/api/v1/templates")

OPERATIONS = (
    Operation(
        "get",
        "/api/v1/templates/{kind}.xlsx",
        "events",
        "下载一种记录的空白表格，带本主体的地块、产品等清单",
        "The empty spreadsheet of a kind, with lists of the organisation's own sites, products and more",
        {200: Answer("空白表格", "the empty spreadsheet", {XLSX: FILE})},
        (Parameter("kind", "记录类型", "Kind of event", "path"),),
    ),
)


@blueprint.get("/<kind>.xlsx")
def give(kind: str) -> ResponseReturnValue:
    """The empty spreadsheet of a kind, ready to be filled and sent as it is."""
    return blank_sheet(author_of(request), kind)
