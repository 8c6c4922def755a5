from __future__ import annotations

import pytest

from county import County
from heji_trace.errors import BadSignature, BrokenChain
from heji_trace.ledger.evidence import Evidence, Trust, bundle_of, prove
from heji_trace.proving.checkpoint import Checkpoint
from heji_trace.proving.keys import generate_signer
from heji_trace.proving.proof import check_bundle
from ledger_check import tampering


def trust(county: County) -> Trust:
    return Trust(county.service.signer.verifier, county.service.head.read())


def proved(county: County, *seqs: int, trusting: Trust | None = None) -> Evidence:
    with county.service.store.read() as connection:
        return prove(connection, seqs, trusting or trust(county))


def test_every_entry_of_a_whole_ledger_is_proved(county: County) -> None:
    evidence = proved(county, *range(county.size))
    assert (evidence.size, evidence.faults) == (county.size, ())
    assert sorted(evidence.entries) == list(range(county.size))


def test_an_entry_is_read_with_its_public_members_alone(county: County) -> None:
    county.harvest("H1", "137.77")
    entry = proved(county, county.size - 1).entries[county.size - 1]
    assert entry.event["outputs"][0] == {"batch": "H1", "product": "litchi-fresh"}
    assert "/outputs/0/quantity" in entry.sealed


def test_of_a_correction_the_replacement_counts(county: County) -> None:
    harvest = county.raw("harvest", cycles=["2026-litchi-031"], outputs=[])
    first = county.harvest("H1")
    outputs = [{"batch": "H2", "product": "litchi-fresh", "quantity": "1", "unit": "kg"}]
    details = {"corrects": [first.event_id], "reason": "x", "replacement": harvest | {"outputs": outputs}}
    county.record("correction", details=details)
    entry = proved(county, county.size - 1).entries[county.size - 1]
    assert (entry.event["kind"], entry.statement["kind"]) == ("correction", "harvest")


def test_an_entry_that_does_not_exist_is_a_fault(county: County) -> None:
    assert [(fault.seq, fault.code) for fault in proved(county, 0, 999).faults] == [(999, "entry-missing")]


def test_an_edited_entry_spoils_no_proof_but_its_own(county: County) -> None:
    for at in range(6):
        county.harvest(f"H{at}")
    with tampering(county.service.settings.database_url) as connection:
        entry = connection.execute("SELECT entry FROM entries WHERE seq = 3").fetchone()[0]
        broken = entry.replace(b'"commitment":"', b'"commitment":"0')
        connection.execute("UPDATE entries SET entry = ? WHERE seq = 3", (broken,))
    evidence = proved(county, *range(county.size))
    assert [fault.seq for fault in evidence.faults] == [3]


def test_a_deleted_entry_spoils_no_proof_but_its_own(county: County) -> None:
    for at in range(6):
        county.harvest(f"H{at}")
    with tampering(county.service.settings.database_url) as connection:
        connection.execute("DELETE FROM entries WHERE seq = 3")
    evidence = proved(county, *range(county.size))
    assert [(fault.seq, fault.code) for fault in evidence.faults] == [(3, "entry-missing")]


def test_an_entry_that_names_another_before_it_spoils_the_proofs_that_rest_on_that(county: County) -> None:
    for at in range(6):
        county.harvest(f"H{at}")
    with tampering(county.service.settings.database_url) as connection:
        entry = connection.execute("SELECT entry FROM entries WHERE seq = 4").fetchone()[0]
        broken = entry[:89] + b"0" * 64 + entry[153:]
        connection.execute("UPDATE entries SET entry = ? WHERE seq = 4", (broken,))
    # Entry 3 itself proves that it is whole; every other proof goes over the place that was falsified.
    assert 3 in proved(county, *range(county.size)).entries
    assert {fault.seq for fault in proved(county, *range(county.size)).faults} >= {2, 4}


def test_a_database_behind_the_remembered_head_proves_nothing(county: County) -> None:
    ahead = Trust(
        county.service.signer.verifier, Checkpoint(county.service.signer.name, county.size + 1, bytes(32))
    )
    evidence = proved(county, 0, trusting=ahead)
    assert (evidence.entries, [fault.code for fault in evidence.faults]) == ({}, ["ledger-behind"])


def test_another_history_of_the_same_size_proves_nothing(county: County) -> None:
    other = Trust(
        county.service.signer.verifier, Checkpoint(county.service.signer.name, county.size, bytes(32))
    )
    assert [fault.code for fault in proved(county, 0, trusting=other).faults] == ["ledger-differs"]


def test_the_key_in_the_database_is_not_believed(county: County) -> None:
    stranger = generate_signer(county.service.signer.name, lambda size: bytes(range(size)))
    evidence = proved(county, 0, trusting=Trust(stranger.verifier, None))
    assert (evidence.entries, len(evidence.faults)) == ({}, 1)


def test_a_receipt_ends_with_the_remembered_head(county: County) -> None:
    head = county.service.head.read()
    county.harvest("H1")
    trusting = Trust(county.service.signer.verifier, head)
    assert head is not None
    with county.service.store.read() as connection:
        bundle = bundle_of(connection, range(county.size), trusting)
    assert [item.seq for item in bundle.items] == list(range(head.size))
    assert len(check_bundle(bundle, [county.service.signer.verifier])) == head.size


def test_a_receipt_is_not_made_without_a_remembered_head(county: County) -> None:
    with county.service.store.read() as connection, pytest.raises(BrokenChain):
        bundle_of(connection, [0], Trust(county.service.signer.verifier, None))


def test_a_receipt_is_not_made_under_another_key(county: County) -> None:
    stranger = generate_signer(county.service.signer.name, lambda size: bytes(range(size)))
    with county.service.store.read() as connection, pytest.raises(BadSignature):
        bundle_of(connection, [0], Trust(stranger.verifier, county.service.head.read()))
