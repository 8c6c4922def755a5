from __future__ import annotations

import pytest

from browser.walks import PHONE, SIZES, Walker, both_languages
from county import County
from labelled import label

pytestmark = pytest.mark.browser

# Where what stands side by side leaves no room: a word breaks into its signs, one below the other.
_BROKEN = """() => [...document.querySelectorAll("a, button, dd, label, p, span, strong, td")].filter((each) => {
  if (!each.checkVisibility() || each.childElementCount || each.textContent.trim().length < 4) return false;
  const box = each.getBoundingClientRect();
  return box.width > 4 && box.height > 60 && box.width < 60;
}).map((each) => each.outerHTML.slice(0, 120))"""


@pytest.fixture
def packed(county: County) -> str:
    """The trace code of a batch that a shop has a part of."""
    county.harvest("LZ-1", "800", hours_ago=30)
    county.hand_over("LZ-1", "600", "producer", "packer")
    county.make("packaging", {"LZ-1": "500"}, {"PK-1": "480"}, "packer")
    county.hand_over("PK-1", "400", "packer", "shop")
    return label(county, "PK-1", who="packer").trace_code


def enlarge(walker: Walker) -> None:
    """Make everything twice as large, as somebody does who needs it: half as much room is left."""
    width, height = SIZES[PHONE]
    walker.page.set_viewport_size({"width": width // 2, "height": height // 2})


@both_languages
def test_at_twice_the_size_every_page_fits_a_small_phone(walker: Walker, county: County, packed: str) -> None:
    enlarge(walker)
    walker.open(f"/t/{packed}", "consumer")
    broken = walker.page.evaluate(_BROKEN)
    walker.sign_in("packer")
    for path, shot in (
        ("/desk", "desk"),
        ("/desk/record/packaging", "form"),
        ("/desk/events", "records"),
        (f"/desk/organisations/{county.code('packer')}", "stock"),
        ("/desk/batches/PK-1", "batch"),
        ("/desk/labels", "labels"),
        ("/desk/upload", "upload"),
    ):
        walker.open(path, shot)
        broken += walker.page.evaluate(_BROKEN)
    assert broken == []
