"""When two names are one person, and which names nobody can have."""

import unicodedata

import pytest
from chat.names import MAX_LENGTH, enforce, fold, skeleton
from chat.refusal import Reason, Refused
from hypothesis import given
from hypothesis import strategies as st
from precis_i18n import get_profile


@pytest.mark.parametrize("other", ["ALICE", "Alice", "ａｌｉｃｅ", "аlice", "aIice", "a1ice", " alice "])
def test_a_name_has_a_key_in_common_with_what_looks_like_it(other: str) -> None:
    """By case, width, script or shape."""
    assert enforce("alice").keys & enforce(other).keys


def test_case_is_folded_as_unicode_folds_it() -> None:
    """Not only made small."""
    assert enforce("straße").folded == enforce("STRASSE").folded


@given(st.from_regex(r"[A-Za-z0-9_.-]{1,32}", fullmatch=True))
def test_names_of_ascii_are_what_the_profile_makes_of_them(name: str) -> None:
    """They aren't put to it, because it would change nothing but their case."""
    enforced = enforce(name)
    assert get_profile("NicknameCasePreserved").enforce(name) == enforced.shown
    assert get_profile("NicknameCaseMapped").enforce(name) == enforced.folded


@pytest.mark.parametrize("other", ["alicia", "bob", "alicé", "愛麗絲", "alice2"])
def test_a_name_has_no_key_in_common_with_another(other: str) -> None:
    """Whoever has a different name can come in."""
    assert not enforce("alice").keys & enforce(other).keys


@pytest.mark.parametrize("name", ["é", "Владимир", "مريم", "ノエル", "j.r_9", "anne-marie", "x" * 32, "नमन", "日本"])
def test_letters_of_any_script_make_a_name(name: str) -> None:
    """And it is shown as it was typed."""
    assert enforce(name).shown == name


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a\u3000b", "a\u2800b", "a:b", "a：b", "*", "*alice", "∗alice", "/who", "{alice", "o'neill", "<b>",
     "😀", "\u0301a", "x" * 33, "x" * 4000, "a\tb", "a\x1b[0m", "\u202ealice", "a\u200db", "\u3164", "a\ud800",
     "ﬃ" * 20],
)  # fmt: skip
def test_a_name_that_could_deceive_or_is_none_is_refused(name: str) -> None:
    """With a sentence."""
    with pytest.raises(Refused, match=" ") as refused:
        enforce(name)
    assert refused.value.reason is Reason.NOT_ALLOWED


@pytest.mark.parametrize(
    ("text", "expected"),
    [("paypal", "paypal"), ("раураl", "paypal"), ("𝔭𝒶ỿ𝕡𝕒ℓ", "paypal"), ("m", "rn"), ("1", "l"), ("0", "O"), ("ℓ", "l")],
)
def test_skeletons_are_those_of_unicode(text: str, expected: str) -> None:
    """The examples of UTS 39 and of its data."""
    assert skeleton(text) == expected


@given(st.text(max_size=40))
def test_enforcing_twice_changes_nothing_and_never_surprises(name: str) -> None:
    """Either a name that stays what it is, or Refused: nothing else is ever raised."""
    try:
        enforced = enforce(name)
    except Refused:
        assert fold(name) is None
        return
    again = enforce(enforced.shown)
    assert again.folded == enforced.folded == fold(name)
    assert 1 <= len(enforced.shown) <= MAX_LENGTH
    assert all(character.isalnum() or unicodedata.category(character)[0] in "LMN" or character in "_-."
               for character in enforced.shown)  # fmt: skip
