from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, event, select

from conftest import NewDatabase
from county import County, opened_county
from heji_trace.ledger.head import HeadFile
from heji_trace.people.parties import Author
from heji_trace.proving.checkpoint import dump_checkpoint, open_checkpoint, sign_note
from heji_trace.proving.keys import generate_signer, read_signer, write_signer
from heji_trace.store import tables
from heji_trace.store.db import Store
from heji_trace.vocabulary.times import SYSTEM_CLOCK
from heji_web.commands.tree import heji
from heji_web.service.founding import Organisation, register_organisation
from heji_web.service.locking import locked
from heji_web.service.service import open_service
from heji_web.service.settings import read_settings
from ledger_check import check_ledger
from postgresql import Cluster
from web.doors import CHEAP


class Terminal:
    """A terminal in the environment of one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.environment = {"HEJI_DATA": str(data), "LC_ALL": "en_US.UTF-8"}

    def run(self, *words: str | Path) -> Result:
        return CliRunner().invoke(heji, list(map(str, words)), env=self.environment, catch_exceptions=False)

    def ask(self, *words: str | Path) -> Any:
        return json.loads(self.run(*words, "--json").stdout)


@pytest.fixture
def grown(tmp_path: Path) -> Iterator[County]:
    with opened_county(tmp_path / "live") as county:
        county.harvest("A1", "100")
        county.make("packaging", {"A1": "40"}, {"P1": "40"})
        yield county


@pytest.fixture
def live(grown: County) -> Terminal:
    return Terminal(grown.service.settings.data)


@pytest.fixture
def empty(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "new")


def keep_head(source: Terminal, target: Terminal, *, key: bool = True) -> None:
    """What survives on another disk or in a safe: the remembered head, and the key."""
    shutil.copytree(source.data / "head", target.data / "head")
    if key:
        shutil.copy2(source.data / "signing.key", target.data / "signing.key")


def rows_of(data: Path, *names: str) -> list[list[tuple[Any, ...]]]:
    with closing(Store(f"sqlite:///{data / 'heji.db'}")) as store, store.read() as connection:
        return [
            sorted(map(tuple, connection.execute(select(tables.metadata.tables[name])))) for name in names
        ]


def test_a_backup_from_before_a_new_name_is_verified_with_the_key_of_that_time(
    live: Terminal, grown: County, tmp_path: Path
) -> None:
    settings = grown.service.settings
    made = live.ask("backup", "create")["path"]
    grown.harvest("A2", "10")
    grown.service.close()
    later = Terminal(tmp_path / "later")
    later.environment["HEJI_HEAD"] = str(settings.head)
    later.data.mkdir(mode=0o700)
    shutil.copy(settings.key, later.data)
    assert later.ask("restore", made)["continues"] is False, "what was recorded since is lost"
    assert later.ask("backup", "verify", made)["trusted_key"] is True
    stranger = Terminal(tmp_path / "stranger")
    stranger.data.mkdir(mode=0o700)
    write_signer(stranger.data / "signing.key", generate_signer("other.example/log", random.randbytes))
    assert stranger.ask("backup", "verify", made)["code"] == "signature-unknown"


def test_a_whole_ledger_whose_triggers_somebody_took_away_comes_back_by_its_backup(
    live: Terminal, grown: County, tmp_path: Path
) -> None:
    settings = grown.service.settings
    with grown.service.store.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER entries_no_update")
    assert live.ask("migrate")["code"] in ("ledger-unguarded", "service-running")
    made = live.ask("backup", "create")
    assert made["size"] == grown.size
    fresh = Terminal(tmp_path / "fresh")
    fresh.environment["HEJI_HEAD"] = str(settings.head)
    fresh.data.mkdir(mode=0o700)
    shutil.copy(settings.key, fresh.data)
    assert fresh.ask("restore", made["path"])["continues"]
    assert fresh.ask("doctor")["checks"]["schema"]["code"] == "doctor-schema-fine"


def test_a_backup_is_made_while_the_ledger_is_served_and_while_it_is_not(
    live: Terminal, grown: County
) -> None:
    made = live.ask("backup", "create")
    assert (made["ok"], made["size"], made["has_key"]) == (True, grown.size, False)
    assert Path(made["path"]).parent == live.data / "backups"
    grown.service.close()
    assert live.ask("backup", "create", "--to", live.data / "other")["root"] == made["root"]


def test_a_service_that_comes_back_while_a_backup_is_written_finds_its_lock_free(live: Terminal) -> None:
    taken: list[str] = []

    def look(*given: Any) -> None:
        with locked(read_settings({"HEJI_DATA": str(live.data)})):
            taken.append(given[2])

    event.listen(Engine, "before_cursor_execute", look)
    try:
        assert live.ask("backup", "create")["ok"]
    finally:
        event.remove(Engine, "before_cursor_execute", look)
    assert any("FROM entries" in statement for statement in taken)


def test_a_backup_with_the_key_says_so_loudly(live: Terminal) -> None:
    told = live.run("backup", "create", "--with-key").stdout
    assert "signing key" in told


def test_a_backup_is_verified_in_full_by_restoring_it_elsewhere(live: Terminal) -> None:
    path = live.ask("backup", "create")["path"]
    assert live.run("backup", "verify", path).exit_code == 0
    found = live.ask("backup", "verify", path, "--full")
    assert (found["ok"], found["problems"], found["trusted_key"]) == (True, [], True)


def test_a_backup_that_rotted_is_refused(live: Terminal) -> None:
    path = Path(live.ask("backup", "create")["path"])
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)
    assert live.run("backup", "verify", path).exit_code == 1


def test_a_backup_checked_on_another_machine_says_that_it_trusts_the_backup_itself(
    live: Terminal, empty: Terminal
) -> None:
    path = live.ask("backup", "create")["path"]
    assert empty.ask("backup", "verify", path)["trusted_key"] is False
    key = live.run("log", "key").stdout.strip()
    assert empty.ask("backup", "verify", path, "--key", key)["trusted_key"] is True
    other = key.replace("log.heji.example", "log.heji.exampl")
    assert empty.run("backup", "verify", path, "--key", other).exit_code == 1


def test_a_restore_of_all_that_was_signed_goes_on_as_it_was(
    live: Terminal, empty: Terminal, grown: County
) -> None:
    path = live.ask("backup", "create")["path"]
    grown.service.close()
    keep_head(live, empty)
    plan = empty.ask("restore", path, "--dry-run")
    assert (plan["continues"], plan["done"], (empty.data / "heji.db").exists()) == (True, False, False)
    assert empty.ask("restore", path)["continues"] is True
    kept = (
        "foundation",
        "entries",
        "disclosures",
        "nodes",
        "checkpoints",
        "accounts",
        "tokens",
        "stock",
        "warnings",
    )
    assert rows_of(empty.data, *kept) == rows_of(live.data, *kept)
    assert empty.run("verify", "--projections").exit_code == 0
    go_on_and_check(empty)


def test_a_restore_that_is_behind_goes_on_as_another_log_and_says_what_it_left(
    live: Terminal, empty: Terminal, grown: County
) -> None:
    path = live.ask("backup", "create")["path"]
    backed_up = grown.size
    grown.harvest("LOST", "7")
    left = grown.service.head.read_note()
    grown.service.close()
    keep_head(live, empty)
    done = empty.ask("restore", path)
    assert (done["ok"], done["continues"], done["lost"]) == (True, False, 1)
    assert done["origin"] == "log.heji.example-2"
    signer = read_signer(empty.data / "signing.key")
    assert (signer.name, signer.verifier_key) == (done["origin"], done["verifier_key"])
    assert rows_of(empty.data, "entries")[0][:backed_up] == rows_of(live.data, "entries")[0][:backed_up]
    with closing(open_service(read_settings(empty.environment), passwords=CHEAP)) as service:
        service.start()
        with service.store.read() as connection:
            gap = connection.execute(
                select(tables.entries.c.record).order_by(tables.entries.c.seq.desc())
            ).scalar()
    record = json.loads(gap or b"")
    assert record["event"]["kind"] == "log_gap"
    assert record["event"]["details"]["checkpoint"] == left
    assert record["event"]["details"]["restored_size"] == backed_up
    go_on_and_check(empty)


FARMER = "陈大文 13800138000"


def erase_farmer(county: County) -> Path:
    """A household with a telephone, a backup of it, and then its erasure; the backup."""
    details = {
        "code": "fg-household-7",
        "name": "陈大文",
        "subject_type": "farm_household",
        "roles": ["producer"],
        "contact": FARMER,
    }
    event = county.record("organisation", "operator", details=details).event_id
    path = Terminal(county.service.settings.data).ask("backup", "create")["path"]
    values = [{"event": event, "pointers": ["/details/name", "/details/contact"]}]
    county.record("erasure", "operator", details={"values": values, "ground": "consent_withdrawn"})
    return Path(path)


def test_what_was_erased_after_the_backup_is_erased_again(
    live: Terminal, empty: Terminal, grown: County
) -> None:
    path = erase_farmer(grown)
    grown.service.close()
    keep_head(live, empty)
    done = empty.ask("restore", path)
    assert (done["ok"], done["continues"], done["erased_again"]) == (True, False, 1)
    assert all(FARMER.encode() not in each.read_bytes() for each in empty.data.rglob("*") if each.is_file())
    kinds = [json.loads(row[3])["event"]["kind"] for row in rows_of(empty.data, "entries")[0][-2:]]
    assert kinds == ["log_gap", "erasure"]
    go_on_and_check(empty)


def test_what_was_erased_before_the_backup_stays_erased(
    live: Terminal, empty: Terminal, grown: County
) -> None:
    erase_farmer(grown)
    path = live.ask("backup", "create")["path"]
    grown.service.close()
    keep_head(live, empty)
    done = empty.ask("restore", path)
    assert (done["continues"], done["erased_again"]) == (True, 0)
    assert empty.run("verify", "--projections").exit_code == 0
    assert live.ask("backup", "verify", path, "--full")["ok"]
    go_on_and_check(empty)


def test_a_log_can_fall_behind_twice(live: Terminal, tmp_path: Path, grown: County) -> None:
    first = live.ask("backup", "create")["path"]
    grown.harvest("LOST", "7")
    grown.service.close()
    second, third = Terminal(tmp_path / "second"), Terminal(tmp_path / "third")
    keep_head(live, second)
    assert second.ask("restore", first)["origin"] == "log.heji.example-2"
    again = second.ask("backup", "create")["path"]
    go_on_and_check(second)
    keep_head(second, third)
    assert third.run("restore", first).exit_code == 1
    assert third.ask("restore", again)["origin"] == "log.heji.example-3"
    assert third.run("verify", "--projections").exit_code == 0
    go_on_and_check(third)


def test_a_log_under_a_new_name_is_restored_beside_the_head_of_the_old_one(
    live: Terminal, tmp_path: Path, grown: County
) -> None:
    first = live.ask("backup", "create")["path"]
    grown.harvest("LOST", "7")
    grown.service.close()
    second, third, fourth = (Terminal(tmp_path / name) for name in ("second", "third", "fourth"))
    keep_head(live, second)
    assert second.ask("restore", first)["origin"] == "log.heji.example-2"
    whole = second.ask("backup", "create", "--with-key")["path"]
    keep_head(second, third)
    assert len(list((third.data / "head").iterdir())) == 2
    assert third.ask("restore", whole)["continues"] is True
    assert third.run("verify", "--projections").exit_code == 0
    go_on_and_check(third)
    keep_head(second, fourth)
    (fourth.data / "head" / "head").unlink()
    assert fourth.ask("restore", whole)["code"] == "restore-head-unknown"
    [aside] = (fourth.data / "head").iterdir()
    signer = grown.service.signer
    aside.write_text(sign_note(dump_checkpoint(signer.name, 3, bytes(32)), signer), "utf-8")
    assert fourth.ask("restore", whole, "--nothing-later")["code"] == "restore-differs"


def test_a_restore_without_any_known_checkpoint_needs_the_operator_s_decision(
    live: Terminal, empty: Terminal, tmp_path: Path, grown: County
) -> None:
    path = live.ask("backup", "create")["path"]
    shutil.copytree(live.data, tmp_path / "kept")
    empty.data.mkdir()
    shutil.copy2(live.data / "signing.key", empty.data / "signing.key")
    assert empty.ask("restore", path)["code"] == "restore-head-unknown"
    assert not (empty.data / "heji.db").exists()
    assert empty.ask("restore", path, "--dry-run", "--new-log")["origin"] == "log.heji.example-2"
    head = grown.service.settings.head / "head"
    assert empty.ask("restore", path, "--dry-run", "--known-checkpoint", head)["continues"] is True
    grown.harvest("LOST", "7")
    assert empty.ask("restore", path, "--dry-run", "--known-checkpoint", head)["continues"] is False
    assert empty.ask("restore", path, "--nothing-later")["continues"] is True


def test_a_receipt_a_proof_and_a_checkpoint_that_an_editor_saved_are_known_checkpoints(
    live: Terminal, empty: Terminal, tmp_path: Path, grown: County
) -> None:
    path = live.ask("backup", "create")["path"]
    grown.harvest("LOST", "7")
    last = str(grown.size - 1)
    head = (grown.service.settings.head / "head").read_bytes()
    empty.data.mkdir()
    for kept in (
        live.run("log", "prove", last, "--json").stdout.encode(),
        live.run("log", "prove", last).stdout.encode(),
        b"\xef\xbb\xbf" + head.replace(b"\n", b"\r\n") + b"\r\n",
        head.removesuffix(b"\n"),
    ):
        (tmp_path / "kept").write_bytes(kept)
        plan = empty.ask("restore", path, "--dry-run", "--known-checkpoint", tmp_path / "kept")
        assert (plan["continues"], plan["lost"]) == (False, 1)
    for odd in ("{}", "c2sp.org/tlog-proof@v1\n", ""):
        (tmp_path / "kept").write_text(odd)
        refused = empty.ask("restore", path, "--dry-run", "--known-checkpoint", tmp_path / "kept")
        assert refused["ok"] is False


def test_a_checkpoint_of_another_history_stops_the_restore(
    live: Terminal, empty: Terminal, grown: County
) -> None:
    path = live.ask("backup", "create")["path"]
    signer = grown.service.signer
    forged = empty.data.parent / "note"
    forged.write_text(sign_note(dump_checkpoint(signer.name, 3, bytes(32)), signer), "utf-8")
    empty.data.mkdir()
    assert empty.ask("restore", path, "--known-checkpoint", forged, "--new-log")["code"] == "restore-differs"


def test_a_checkpoint_of_another_log_stops_the_restore(
    live: Terminal, empty: Terminal, tmp_path: Path
) -> None:
    path = live.ask("backup", "create")["path"]
    with opened_county(tmp_path / "foreign") as foreign:
        head = foreign.service.settings.head / "head"
        assert empty.ask("restore", path, "--known-checkpoint", head)["code"] == "restore-other-log"


def test_a_ledger_that_does_not_fit_its_head_is_not_backed_up_by_hand_either(
    live: Terminal, grown: County, tmp_path: Path
) -> None:
    signer, head = grown.service.signer, live.data / "head" / "head"
    kept = head.read_text("utf-8")
    ahead = dump_checkpoint(signer.name, grown.recorder.durable_size + 1, bytes(32))
    for text, code in ((sign_note(ahead, signer), "ledger-behind"), (None, "head-missing")):
        head.unlink() if text is None else head.write_text(text, "utf-8")
        assert live.ask("backup", "create", "--to", tmp_path / "cut")["code"] == code
    assert not (tmp_path / "cut").exists()
    head.write_text(kept, "utf-8")
    assert live.ask("backup", "create", "--to", tmp_path / "cut")["ok"]


def test_nothing_is_restored_over_what_is_there(live: Terminal, grown: County) -> None:
    path = live.ask("backup", "create")["path"]
    with locked(grown.service.settings):
        assert live.ask("restore", path)["code"] == "service-running"
    grown.service.close()
    before = rows_of(live.data, "entries")
    assert live.ask("restore", path)["code"] == "restore-not-empty"
    assert live.ask("restore", path, "--new-log")["code"] == "restore-not-empty"
    assert live.ask("restore", path, "--dry-run")["code"] == "restore-not-empty", "nor promised"
    assert rows_of(live.data, "entries") == before
    assert live.run("verify").exit_code == 0


@pytest.mark.parametrize("interrupted", ["set_aside", "retire_signer", "write_signer", "restore", "after"])
def test_a_restore_that_was_interrupted_and_is_done_again_never_signs_twice_under_a_name(
    live: Terminal, empty: Terminal, grown: County, monkeypatch: pytest.MonkeyPatch, interrupted: str
) -> None:
    path = live.ask("backup", "create")["path"]
    grown.harvest("LOST")
    grown.service.close()
    keep_head(live, empty)

    def power_cut(*_given: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        if interrupted == "after":
            cut.setattr(HeadFile, "write", power_cut)
        else:
            cut.setattr(f"heji_web.commands.backup.{interrupted}", power_cut)
        assert empty.run("restore", path).exit_code == 1
    if interrupted == "after":
        # The database was committed without its head: nothing is written to it, and it is no empty target.
        assert empty.ask("doctor")["checks"]["head"]["code"] == "head-missing"
        assert empty.ask("restore", path)["code"] == "restore-not-empty"
        for file in empty.data.glob("heji.db*"):
            file.unlink()
    done = empty.ask("restore", path)
    assert (done["ok"], done["continues"], done["lost"]) == (True, False, 1)
    started = interrupted in ("restore", "after")
    assert done["origin"] == ("log.heji.example-3" if started else "log.heji.example-2")
    go_on_and_check(empty)


def test_to_go_on_under_the_old_name_its_key_is_needed(
    live: Terminal, empty: Terminal, grown: County
) -> None:
    path = live.ask("backup", "create")["path"]
    locked = live.ask("backup", "create", "--with-key", "--to", live.data / "k")["path"]
    grown.service.close()
    keep_head(live, empty, key=False)
    assert empty.ask("restore", path)["code"] == "restore-key-missing"
    assert empty.ask("restore", locked)["continues"] is True
    assert (empty.data / "signing.key").read_bytes() == (live.data / "signing.key").read_bytes()


def test_the_key_comes_back_from_its_recovery_sheet(live: Terminal, empty: Terminal, grown: County) -> None:
    path = live.ask("backup", "create")["path"]
    sheet = live.data.parent / "sheet"
    sheet.write_text(live.run("log", "key", "--recovery").stdout, "utf-8")
    grown.service.close()
    keep_head(live, empty, key=False)
    assert empty.run("log", "key", "--from-sheet", sheet).exit_code == 0
    assert empty.ask("restore", path)["continues"] is True
    assert empty.run("log", "key", "--from-sheet", sheet).exit_code == 1


@pytest.mark.postgresql_only
def test_a_county_moves_from_sqlite_to_postgresql_and_back_with_every_byte(
    live: Terminal, tmp_path: Path, grown: County, database: NewDatabase, cluster: Cluster
) -> None:
    first = live.ask("backup", "create")["path"]
    grown.service.close()
    large, small = Terminal(tmp_path / "large"), Terminal(tmp_path / "small")
    keep_head(live, large)
    with cluster.database("template0") as url:
        large.environment["HEJI_DATABASE_URL"] = url
        assert large.ask("restore", first)["continues"] is True
        assert large.run("verify", "--projections").exit_code == 0
        go_on_and_check(large)
        second = large.ask("backup", "create")
        assert large.ask("backup", "verify", second["path"], "--full")["ok"]
        assert large.ask("restore", first)["code"] == "restore-not-empty"
    keep_head(large, small)
    assert small.ask("restore", second["path"])["continues"] is True
    assert small.run("verify", "--projections").exit_code == 0
    before, after = (rows_of(data, "entries", "foundation")[0] for data in (live.data, small.data))
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1


def test_no_restore_at_any_point_ever_forks_the_log(tmp_path: Path) -> None:
    """Backups at random points of a growing ledger, each restored beside each later head: behind is always another log."""
    draw = random.Random(20261127)
    backups: list[tuple[int, str]] = []
    heads: list[tuple[int, Path]] = []
    with opened_county(tmp_path / "live") as county:
        live = Terminal(county.service.settings.data)
        for step in range(6):
            for number in range(draw.randrange(0, 5)):
                county.harvest(f"S{step}N{number}", str(1 + number))
            folder = tmp_path / f"b{step}"
            backups.append((county.size, live.ask("backup", "create", "--to", folder)["path"]))
            kept = shutil.copytree(live.data / "head", tmp_path / f"h{step}" / "head").parent
            shutil.copy2(live.data / "signing.key", kept / "signing.key")
            heads.append((county.size, kept))
        notes = {size: (kept / "head" / "head").read_text("utf-8") for size, kept in heads}
        key = live.run("log", "key").stdout.strip()
    tried = 0
    for size, path in backups:
        for known, kept in heads:
            target = Terminal(Path(shutil.copytree(kept, tmp_path / f"r{tried}")))
            done = target.ask("restore", path)
            tried += 1
            assert done["ok"], done
            assert done["continues"] is (size >= known), (size, known)
            signer = read_signer(target.data / "signing.key")
            head = (target.data / "head" / "head").read_text("utf-8")
            if size >= known:
                assert head == notes[size]
            else:
                assert signer.verifier_key != key
                assert open_checkpoint(head, [signer.verifier]).origin != "log.heji.example"
    assert tried == 36


def go_on_and_check(terminal: Terminal) -> None:
    """The service starts there, records, and everything still holds."""
    settings = read_settings(terminal.environment)
    with closing(open_service(settings, SYSTEM_CLOCK, passwords=CHEAP)) as service:
        service.start()
        assert service.recorder.fault is None
        with service.store.read() as connection:
            account = connection.execute(
                select(tables.accounts).where(tables.accounts.c.name == "operator")
            ).one()
        author = Author(account.account, account.organisation, frozenset({"operator"}))
        before = service.recorder.durable_size
        receipt = register_organisation(
            service, Organisation("fg-new", "新单位", "enterprise", ("producer",)), author
        )
        assert receipt.seq == before
        check_ledger(service)
