"""Faults put into the product on purpose, each with the test that must notice it."""

from __future__ import annotations

from typing import NamedTuple

_POWER = "tests/faults/test_power_cut.py::test_no_power_cut_loses_an_acknowledged_entry[0]"


class Mutant(NamedTuple):
    """`old` stands once in `file` and is exchanged for `new`; `killed_by` is a test by its node id."""

    name: str
    file: str
    old: str
    new: str
    killed_by: str


MUTANTS = (
    # --- durability ---
    Mutant(
        "the head's bytes are not synced",
        "trace/heji_trace/ledger/head.py",
        "os.fsync(file.fileno())",
        "file.fileno()",
        _POWER,
    ),
    Mutant(
        "the head's name is not synced",
        "trace/heji_trace/ledger/head.py",
        "goes back in time.\n            sync()\n",
        "goes back in time.\n",
        _POWER,
    ),
    Mutant(
        "a commit does not wait for the disk",
        "trace/heji_trace/store/db.py",
        "PRAGMA synchronous=FULL",
        "PRAGMA synchronous=NORMAL",
        _POWER,
    ),
    Mutant(
        "answers go out before the head is durable",
        "trace/heji_trace/recording/recorder.py",
        "            self._tip = self._owed = tip\n        self._remember()\n",
        "            self._tip = self._owed = tip\n",
        "tests/trace/recording/test_recorder.py::test_nothing_is_answered_while_the_head_cannot_be_made_durable",
    ),
    Mutant(
        "the head goes backwards",
        "trace/heji_trace/ledger/head.py",
        "if remembered is None or remembered.size <= opened.size:",
        "if remembered is None or opened:",
        "tests/trace/ledger/test_head.py::test_the_head_never_goes_backwards",
    ),
    Mutant(
        "a lost head is made anew at the start",
        "trace/heji_trace/ledger/head.py",
        '    if size:\n        raise Untrusted("head-missing")\n',
        "",
        "tests/trace/ledger/test_head.py::test_a_missing_head_beside_entries_is_refused_and_serves_nothing",
    ),
    Mutant(
        "a shorter database is believed at the start",
        "trace/heji_trace/ledger/head.py",
        "    if size < remembered.size:\n        raise Untrusted(",
        "    if size < 0:\n        raise Untrusted(",
        "tests/trace/ledger/test_head.py::test_a_database_that_is_behind_is_refused",
    ),
    Mutant(
        "an unsigned tail is believed at the start",
        "trace/heji_trace/ledger/head.py",
        "if newest is None or newest[0] != size:",
        "if newest is None:",
        "tests/trace/ledger/test_head.py::test_an_unsigned_tail_is_refused",
    ),
    Mutant(
        "what the storage refuses is told as a fault of our own",
        "trace/heji_trace/recording/recorder.py",
        '        except OSError as error:\n            raise LedgerBusy("head-not-durable") from error\n',
        "        except OSError as error:\n            raise ArithmeticError from error\n",
        "tests/faults/test_storage.py::test_a_full_disk_refuses_and_loses_nothing[head]",
    ),
    Mutant(
        "two services may share a folder",
        "web/heji_web/service/locking.py",
        "            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "            os.fstat(descriptor)\n",
        "tests/web/service/test_locking.py::test_a_second_holder_is_refused_until_the_first_lets_go",
    ),
    Mutant(
        "a connection is kept whatever happened to it",
        "trace/heji_trace/store/db.py",
        "                connection.invalidate()\n                raise\n",
        "                raise\n",
        "tests/trace/store/test_db.py::test_after_an_error_of_the_store_the_connection_is_opened_anew",
    ),
    # --- the ledger ---
    Mutant(
        "an entry may name any predecessor",
        "trace/heji_trace/proving/entries.py",
        "% (commitment, prev_hex, recorded_at, seq)",
        "% (commitment, entry[89:153], recorded_at, seq)",
        "tests/trace/proving/test_entries.py::test_what_does_not_fit_is_named",
    ),
    Mutant(
        "leaves are hashed without their prefix",
        "trace/heji_trace/proving/merkle.py",
        'return sha256(b"\\x00" + entry).digest()',
        "return sha256(entry).digest()",
        "tests/trace/proving/test_merkle.py::test_leaves_and_nodes_are_hashed_apart",
    ),
    Mutant(
        "values are sealed without salt",
        "trace/heji_trace/proving/entries.py",
        "sha256(_FIELD + salt + canonical_value)",
        "sha256(_FIELD + canonical_value)",
        "tests/trace/proving/test_entries.py::test_commitments_are_of_the_specified_form",
    ),
    Mutant(
        "recorded times follow the clock back",
        "trace/heji_trace/ledger/ledger.py",
        "self.recorded_ms = max(recorded_ms, tip.recorded_ms)",
        "self.recorded_ms = recorded_ms",
        "tests/trace/recording/test_recorder.py::test_recorded_times_never_decrease",
    ),
    Mutant(
        "a jump of the clock is written down",
        "trace/heji_trace/recording/recorder.py",
        "if abs(apart - self._parting_ms) > _CLOCK_PARTING_MS:",
        "if abs(apart - apart) > _CLOCK_PARTING_MS:",
        "tests/faults/test_clock.py::test_no_jump_of_the_wall_clock_gets_into_the_ledger",
    ),
    Mutant(
        "an edited row of a read table fits",
        "trace/heji_trace/projection/replay.py",
        "elif have[place] != want[place]:",
        "elif len(have[place]) != len(want[place]):",
        "tests/faults/test_tamper_matrix.py::test_an_edit_of_any_column_is_found_and_named[sqlite-events-kind]",
    ),
    # --- the write path ---
    Mutant(
        "a repeat is not compared",
        "trace/heji_trace/recording/enter.py",
        "if not ledger.says_the_same(stored, event) or not (",
        "if not (",
        "tests/trace/recording/test_recorder.py::test_other_content_under_the_same_id_is_a_conflict",
    ),
    Mutant(
        "somebody else's id counts as a repeat",
        "trace/heji_trace/recording/enter.py",
        "stored.actor == author.account or event.organisation == author.organisation",
        "stored.actor or event.organisation == author.organisation",
        "tests/trace/recording/test_recorder.py::test_somebody_elses_id_is_a_conflict_even_with_the_same_content",
    ),
    Mutant(
        "a refused bulk is recorded in part",
        "trace/heji_trace/recording/enter.py",
        "        raise BulkRefused(rows.refused[:MOST_REFUSED])\n",
        "        rows.refused.clear()\n",
        "tests/trace/projection/test_project.py::test_nothing_of_a_refused_bulk_is_in_the_tables",
    ),
    Mutant(
        "a dry run is recorded",
        "trace/heji_trace/recording/recorder.py",
        "                if group[0].dry_run:\n                    raise _DryRunDone\n",
        "",
        "tests/trace/recording/test_recorder.py::test_a_dry_run_tells_what_would_happen_and_writes_nothing",
    ),
    Mutant(
        "one id twice in one group",
        "trace/heji_trace/recording/groups.py",
        "if alone or not parts or single in seen:",
        "if alone or not parts:",
        "tests/trace/recording/test_recorder.py::test_the_same_id_twice_at_once_is_recorded_once",
    ),
    # --- what is said of food ---
    Mutant(
        "the first clear day is forbidden",
        "trace/heji_trace/judging/waits.py",
        "    return beijing_date(harvest.occurred_ms) < first_clear_day(beijing_date(last_ms), days)\n",
        "    return beijing_date(harvest.occurred_ms) <= first_clear_day(beijing_date(last_ms), days)\n",
        "tests/trace/judging/test_waits.py::test_a_harvest_on_the_first_clear_day_is_fine",
    ),
    Mutant(
        "texts keep the form in which they were typed",
        "trace/heji_trace/events/shapes.py",
        '        value = normal("NFC", value)\n',
        "        value = str(value)\n",
        "tests/trace/events/test_schemas.py::test_text_is_brought_to_one_form",
    ),
    Mutant(
        "lineage walks over what was withdrawn",
        "trace/heji_trace/store/lineage.py",
        "        return withdrawn.is_(None)\n",
        "        return table.c.seq >= 0\n",
        "tests/trace/projection/test_project.py::test_a_wrong_edge_is_taken_out_of_the_lineage_with_what_came_over_it",
    ),
    Mutant(
        "a new edge inherits nothing",
        "trace/heji_trace/effects/settle.py",
        "            _carry(state, batch, live, seq)\n        for scope",
        "            pass\n        for scope",
        "tests/trace/effects/test_settle.py::test_a_late_edge_inherits_with_all_that_was_made_further",
    ),
    Mutant(
        "a lift stays with the batch",
        "trace/heji_trace/effects/settle.py",
        '    if live["code"] not in INHERITED:\n        return\n    for carried',
        "    return\n    for carried",
        "tests/trace/effects/test_settle.py::"
        "test_a_warning_spreads_to_everything_made_from_the_batch_and_is_lifted_everywhere",
    ),
    Mutant(
        "a mandate never ends",
        "trace/heji_trace/rights/rights.py",
        '            and mandate["from"] <= day <= mandate.get("until", "9999-12-31")\n',
        "",
        "tests/trace/rights/test_rights.py::test_a_mandate_covers_its_days_in_beijing",
    ),
    Mutant(
        "a mandate is for every site",
        "trace/heji_trace/rights/rights.py",
        "        if sites and site not in sites:\n",
        "        if sites and not site:\n",
        "tests/trace/rights/test_rights.py::test_a_mandate_covers_its_sites",
    ),
    Mutant(
        "anybody corrects anybody",
        "trace/heji_trace/rights/rights.py",
        'if not rows or rows[0]["organisation"] != event.organisation:',
        "if not rows:",
        "tests/trace/rights/test_rights.py::test_only_ones_own_records_are_corrected",
    ),
)
