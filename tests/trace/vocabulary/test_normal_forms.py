from __future__ import annotations

from unicodedata import combining, decomposition, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.vocabulary.normal_forms import Form, normal

MARKED = [sign for sign in map(chr, range(0x110000)) if combining(sign) or decomposition(sign)]
# Longer than what is left to the library.
LONG = "漢字かな é각" * 200


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
@given(text=st.text(st.one_of(st.sampled_from(MARKED), st.characters(exclude_categories=["Cs"]))))
def test_a_text_gets_the_form_that_the_standard_says_however_long_it_is(form: Form, text: str) -> None:
    assert normal(form, text) == normalize(form, text)
    assert normal(form, LONG + text) == normalize(form, LONG + text)
