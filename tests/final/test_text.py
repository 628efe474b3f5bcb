"""What people say can do nothing to whoever reads it, and says what they meant."""

import unicodedata

import pytest
from chat.text import REPLACEMENT, clean
from hypothesis import given
from hypothesis import strategies as st

KEPT = {
    "plain": "hello, world! \t 100%",
    "accents": "été naïve Ångström",
    "scripts": "日本語 한국어 العربية עברית हिन्दी ไทย",
    "a family": "👨‍👩‍👧",
    "a heart": "❤️ and ❤️‍🔥",
    "a keycap": "1️⃣ #️⃣",
    "the flag of Scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "a non-joiner in Persian": "می‌خواهم",
    "a joiner in Sinhala": "ශ්‍රී",
    "an ideograph with a variant": "葛\U000e0100",
    "a mark of direction": "שלום\u200f!",
}
REPLACED = {
    "a terminal escape": ("\x1b[31mred", "�[31mred"),
    "a bell": ("\a", "�"),
    "a C1 control": ("\x9b2J", "�2J"),
    "an override": ("\u202etxt.exe", "�txt.exe"),
    "an isolate": ("\u2066a\u2069", "�a�"),
    "a line separator": ("a\u2028b", "a�b"),
    "a zero-width space": ("pass\u200bword", "pass�word"),
    "a joiner between letters of ASCII": ("pass\u200dword", "pass�word"),
    "a joiner with nothing to join": ("\u200d日", "�日"),
    "a second selector": ("❤\ufe0f\ufe0f", "❤\ufe0f�"),
    "a selector with nothing to select": ("a\ufe0f", "a�"),
    "tags without a flag": ("a\U000e0041", "a�"),
    "a filler": ("\u3164", "�"),
    "a soft hyphen": ("a\xadb", "a�b"),
    "a byte order mark": ("\ufeffa", "�a"),
    "half a surrogate pair": ("\ud83d", "�"),
    "a carriage return in the middle": ("real\rfake", "real�fake"),
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_people_write_is_kept(text: str) -> None:
    """Every character of it."""
    assert clean(text) == text


@pytest.mark.parametrize(("text", "shown"), REPLACED.values(), ids=REPLACED)
def test_what_hides_or_moves_text_is_replaced(text: str, shown: str) -> None:
    """Visibly, and one for one."""
    assert clean(text) == shown


@given(st.text())
def test_cleaning_keeps_the_length_and_is_final(text: str) -> None:
    """Cleaning what is clean changes nothing, and no character is dropped or added."""
    cleaned = clean(text)
    assert len(cleaned) == len(text)
    assert clean(cleaned) == cleaned
    assert all(b in (a, REPLACEMENT) for a, b in zip(text, cleaned, strict=True))


@given(st.text())
def test_nothing_that_is_clean_can_control_anything(text: str) -> None:
    """No control character but tab, nothing that encodes to no bytes, nothing bidirectional but the marks."""
    for character in clean(text):
        assert character == "\t" or unicodedata.category(character) not in ("Cc", "Zl", "Zp", "Cs")
        assert unicodedata.bidirectional(character) not in (
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        )
    clean(text).encode()
