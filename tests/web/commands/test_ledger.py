from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from county import County, opened_county
from heji_trace.proving import proof
from heji_trace.proving.checkpoint import dump_checkpoint, open_checkpoint, parse_proof, sign_note
from heji_web.commands.tree import heji
from ledger_check import tamper
from verifier import heji_verify_outside as outside


class Terminal:
    """A terminal in the environment of a county's data."""

    def __init__(self, data: Path, language: str = "en_US.UTF-8") -> None:
        self.environment = {"HEJI_DATA": str(data), "LC_ALL": language}

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(heji, list(words), env=self.environment, catch_exceptions=False)

    def ask(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)


@pytest.fixture
def grown(tmp_path: Path) -> Iterator[County]:
    with opened_county(tmp_path) as county:
        county.harvest("A1", "100")
        county.make("packaging", {"A1": "40"}, {"P1": "40"})
        county.make("packaging", {"P1": "10"}, {"Q1": "10"})
        yield county


@pytest.fixture
def terminal(grown: County) -> Terminal:
    return Terminal(grown.service.settings.data)


def test_a_whole_ledger_is_said_to_hold_also_while_it_is_served(terminal: Terminal, grown: County) -> None:
    for words in ((), ("--hash-only",), ("--projections",)):
        done = terminal.run("verify", *words)
        assert (done.exit_code, str(grown.size) in done.stdout) == (0, True)
    report = terminal.ask("verify", "--projections")
    assert (report["ok"], report["size"], report["problems"]) == (True, grown.size, [])
    assert len(report["root"]) == 64


def test_the_first_bad_entry_is_named(terminal: Terminal, grown: County) -> None:
    tamper(grown.service, "UPDATE entries SET record = x'7b7d' WHERE seq = 7")
    assert terminal.run("verify").exit_code == 1
    report = terminal.ask("verify")
    assert not report["ok"]
    assert report["problems"][0]["kind"] == "record-differs"
    assert report["problems"][0]["seq"] == 7
    assert "7" in report["problems"][0]["message"]


def test_problems_are_told_in_the_language_of_the_terminal(grown: County) -> None:
    tamper(grown.service, "UPDATE entries SET record = x'7b7d' WHERE seq = 7")
    told = Terminal(grown.service.settings.data, "zh_CN.UTF-8").run("verify").stdout
    assert "记录内容与其承诺不符" in told


def test_an_edited_read_table_is_named_with_its_row_and_made_again(terminal: Terminal, grown: County) -> None:
    tamper(grown.service, "UPDATE stock SET amount = 1 WHERE batch = 'Q1'")
    assert terminal.run("verify").exit_code == 0
    problem = terminal.ask("verify", "--projections")["problems"][0]
    assert (problem["kind"], problem["table"]) == ("row-differs", "stock")
    assert problem["row"].startswith("Q1,")
    grown.service.close()
    rebuilt = terminal.ask("rebuild")
    assert rebuilt["entries"] == grown.size
    assert rebuilt["rows"]["edges"] == 2
    assert terminal.run("verify", "--projections").exit_code == 0


def test_nothing_is_rebuilt_from_a_ledger_that_does_not_fit_its_head(
    terminal: Terminal, grown: County
) -> None:
    grown.service.close()
    (grown.service.settings.head / "head").unlink()
    assert terminal.run("rebuild").exit_code == 1
    assert terminal.ask("rebuild")["code"] == "head-missing"


def test_the_head_and_the_key_are_shown_as_others_read_them(terminal: Terminal, grown: County) -> None:
    key = terminal.run("log", "key").stdout.strip()
    note = terminal.run("log", "head").stdout
    head = open_checkpoint(note, [key])
    assert head.size == grown.size
    assert terminal.ask("log", "head")["root"] == head.root.hex()
    assert terminal.ask("log", "key")["verifier_key"] == key
    assert "recovery" not in terminal.ask("log", "key")


def test_an_entry_is_proved_by_its_place_or_its_event(terminal: Terminal, grown: County) -> None:
    key = terminal.run("log", "key").stdout.strip()
    receipt = grown.harvest("A2")
    by_place = terminal.run("log", "prove", str(receipt.seq)).stdout
    assert terminal.run("log", "prove", receipt.event_id).stdout == by_place
    assert parse_proof(by_place).index == receipt.seq
    bundle = terminal.run("log", "prove", receipt.event_id, "--json").stdout.strip().encode()
    assert proof.check_bundle(bundle, [key])[0].seq == receipt.seq
    assert outside.check_receipt(bundle, key)[0]["seq"] == receipt.seq


@pytest.mark.parametrize("entry", ["10000", "no-such-id", "-1"])
def test_what_is_not_in_the_ledger_is_not_proved(terminal: Terminal, entry: str) -> None:
    assert terminal.run("log", "prove", "--", entry).exit_code == 1


def test_a_batch_is_traced_up_and_down(terminal: Terminal) -> None:
    both = terminal.ask("trace", "P1")
    assert [(row["direction"], row["parent"], row["child"]) for row in both] == [
        ("up", "A1", "P1"),
        ("down", "P1", "Q1"),
    ]
    assert both[0]["amount"] == "40 kg"
    shown = Terminal(Path(terminal.environment["HEJI_DATA"]), "zh_CN.UTF-8").run("trace", "P1").stdout
    assert "来源" in shown
    assert not any(word in shown for word in ("down", "Z ")), "for people in words and on their own clock"
    assert len(terminal.ask("trace", "A1", "--direction", "down")) == 2
    assert terminal.ask("trace", "A1", "--direction", "up") == []
    assert terminal.ask("trace", "A1", "--as-of", "2020-01-01T00:00:00+08:00") == []
    assert terminal.run("trace", "A1", "--as-of", "yesterday").exit_code == 1
    assert terminal.run("trace", "Z9").exit_code == 1


# --- import ----------------------------------------------------------------------------------------------------------


def lines(county: County, count: int) -> list[dict[str, Any]]:
    return [county.harvesting(f"I{number}").body for number in range(count)]


def test_files_are_imported_wholly_and_a_second_time_repeat(
    terminal: Terminal, grown: County, tmp_path: Path
) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.ndjson"
    events = lines(grown, 5)
    one.write_text(json.dumps(events[:2], ensure_ascii=False), "utf-8")
    two.write_text("\n".join(json.dumps(each, ensure_ascii=False) for each in events[2:]), "utf-8")
    grown.service.close()
    size = grown.size
    tried = terminal.ask("import", str(one), "--as", "producer", "--dry-run")
    assert (tried["ok"], grown.size) == (True, size)
    for recorded in ([2, 3], [0, 0]):
        told = terminal.ask("import", str(one), str(two), "--as", "producer")
        assert [file["recorded"] for file in told["files"]] == recorded
        assert grown.size == size + 5


def test_a_bad_row_is_told_with_its_place_and_nothing_of_its_file_is_written(
    terminal: Terminal, grown: County, tmp_path: Path
) -> None:
    file = tmp_path / "bad.json"
    events = lines(grown, 3)
    events[1]["cycles"] = ["no-such-cycle"]
    events[2]["kind"] = "nonsense"
    file.write_text(json.dumps(events), "utf-8")
    grown.service.close()
    size = grown.size
    told = terminal.ask("import", str(file), "--as", "producer")
    assert [problem["pointer"] for problem in told["files"][0]["problems"]] == ["/2/kind"]
    file.write_text(json.dumps(events[:2]), "utf-8")
    done = terminal.run("import", str(file), "--as", "producer")
    assert done.exit_code == 1
    assert "/1/cycles/0" in done.stdout
    assert grown.size == size


def test_a_sheet_is_imported_by_its_headings(terminal: Terminal, grown: County, tmp_path: Path) -> None:
    file = tmp_path / "采收.csv"
    rows = "批次,产品,数量,单位,周期,发生时间\nL1,litchi-fresh,12,kg,2026-litchi-031,2026-05-28 08:00\n"
    file.write_bytes(rows.encode("gb18030"))
    grown.service.close()
    told = terminal.ask("import", str(file), "--kind", "harvest", "--as", "producer")
    if not told["ok"]:
        assert told["files"][0]["problems"] == []
    assert told["files"][0]["recorded"] == 1


def test_a_lost_head_is_made_again_from_what_the_ledger_continues(
    terminal: Terminal, grown: County, tmp_path: Path
) -> None:
    settings = grown.service.settings
    head = settings.head / "head"
    kept = tmp_path / "published.txt"
    kept.write_text(terminal.run("log", "head").stdout, "utf-8")
    there = terminal.ask("log", "head", "--from", str(kept))
    assert there["code"] == "head-there", "one that is there is not exchanged"
    backup = grown.service.backups.back_up_when_due()
    assert backup is not None
    receipt = tmp_path / "receipt.json"
    receipt.write_text(terminal.run("log", "prove", "1", "--json").stdout, "utf-8")
    grown.harvest("A2", "5")
    grown.service.close()
    for evidence in (kept, backup.path, receipt):
        head.unlink()
        assert terminal.ask("verify")["ok"] is False
        made = terminal.ask("log", "head", "--from", str(evidence))
        assert made["size"] == grown.size, "at the ledger's end, which continues what was kept"
        assert terminal.ask("verify")["ok"] is True


def test_a_head_is_not_made_for_a_ledger_that_does_not_continue_what_was_kept(
    terminal: Terminal, grown: County, tmp_path: Path
) -> None:
    head = grown.service.settings.head / "head"
    signer, size = grown.service.signer, grown.size
    kept = tmp_path / "kept"
    grown.service.close()
    head.unlink()
    for told, code in (((size + 1, bytes(32)), "ledger-behind"), ((size, bytes(32)), "ledger-differs")):
        kept.write_text(sign_note(dump_checkpoint(signer.name, *told), signer), "utf-8")
        assert terminal.ask("log", "head", "--from", str(kept))["code"] == code
    kept.write_text("人写的话", "utf-8")
    assert terminal.run("log", "head", "--from", str(kept)).exit_code == 1
    assert not head.exists()
