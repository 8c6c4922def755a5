from __future__ import annotations

from decimal import Decimal

from county import County
from heji_trace.tracing.balance import Account, Balance, balance_of

KG = 1_000 * 10**6


def balance(county: County, batch: str, holder: str | None = None) -> Balance:
    with county.service.store.read() as connection:
        return balance_of(connection, batch, holder)


def kilograms(account: Account) -> dict[str, int]:
    names = ("made", "arrived", "consumed", "left", "held", "transit", "moved", "unexplained")
    return {name: getattr(account, name) // KG for name in names if getattr(account, name)}


def is_even(account: Account) -> bool:
    came = account.made + account.arrived
    return came == account.consumed + account.left + account.held + account.transit


def test_what_came_of_a_batch_is_what_went_and_what_is_there(county: County) -> None:
    county.harvest("B1", "100")
    county.hand_over("B1", "60", "producer", "packer")
    county.make("packaging", {"B1": "50"}, {"P1": "48"}, "packer")
    county.move("sale", "B1", "15", "producer")
    county.move("shipping", "B1", "5", "producer", to="shop")
    [account] = balance(county, "B1").accounts
    assert kilograms(account) == {
        "made": 100,
        "consumed": 50,
        "left": 15,
        "held": 30,
        "transit": 5,
        "moved": 80,
    }
    assert is_even(account)


def test_a_holders_part_counts_what_others_sent_it(county: County) -> None:
    county.harvest("B1", "100")
    county.hand_over("B1", "60", "producer", "packer")
    county.make("packaging", {"B1": "50"}, {"P1": "48"}, "packer")
    [mine] = balance(county, "B1", county.code("packer")).accounts
    assert kilograms(mine) == {"arrived": 60, "consumed": 50, "held": 10}
    [theirs] = balance(county, "B1", county.code("producer")).accounts
    assert kilograms(theirs) == {"made": 100, "left": 60, "held": 40, "moved": 60}
    assert is_even(mine)
    assert is_even(theirs)
    assert balance(county, "P1", county.code("producer")).accounts == ()


def test_a_making_is_told_in_percent_with_its_loss_and_what_is_unexplained(county: County) -> None:
    county.harvest("B1", "100")
    details = {"loss_quantity": "4000", "loss_unit": "g"}
    county.make("processing", {"B1": "100"}, {"P1": "90"}, details=details)
    [making] = balance(county, "P1").makings
    assert (making.role, making.percent) == ("made", Decimal("90.0"))
    assert (making.inputs, making.outputs, making.loss) == (100 * KG, 90 * KG, 4 * KG)
    assert making.unexplained == 6 * KG
    [seen_from_below] = balance(county, "B1").makings
    assert seen_from_below.role == "consumed"
    [harvested] = balance(county, "P1").accounts
    assert kilograms(harvested) == {"made": 90, "held": 90}


def test_more_than_went_in_is_unexplained_the_other_way(county: County) -> None:
    county.harvest("B1", "100")
    county.make("processing", {"B1": "50"}, {"P1": "80"}, acknowledged=["MASS_BALANCE"])
    [making] = balance(county, "P1").makings
    assert making.unexplained == -30 * KG
    assert making.percent == Decimal("160.0")


def test_goods_without_a_known_source_are_unexplained(county: County) -> None:
    line = [{"batch": "X1", "quantity": "10", "unit": "kg", "product": "litchi-fresh"}]
    county.record("receiving", "packer", moves=line, acknowledged=["UNKNOWN_ORIGIN"])
    [account] = balance(county, "X1").accounts
    assert kilograms(account) == {"arrived": 10, "held": 10, "unexplained": 10}
    county.harvest("B1", "10")
    county.make("processing", {"B1": "12"}, {"P1": "12"}, acknowledged=["OVER_CONSUMPTION"])
    [short] = balance(county, "B1").accounts
    assert kilograms(short) == {"made": 10, "consumed": 12, "held": -2, "unexplained": 2}


def test_a_corrected_making_counts_as_it_was_put_right(county: County) -> None:
    county.harvest("B1", "100")
    made = county.make("processing", {"B1": "100"}, {"P1": "90"})
    replacement = county.raw(
        "processing",
        inputs=[{"batch": "B1", "quantity": "100", "unit": "kg"}],
        outputs=[{"batch": "P1", "product": "litchi-5kg", "quantity": "95", "unit": "kg"}],
    )
    details = {"corrects": [made.event_id], "reason": "称错", "replacement": replacement}
    county.record("correction", details=details)
    found = balance(county, "P1")
    assert [making.percent for making in found.makings] == [Decimal("95.0")]
    assert kilograms(found.accounts[0]) == {"made": 95, "held": 95}
