"""Words find models as people type them: in any order, cut short, with a typo; the best first."""

from __future__ import annotations

import random

import pytest
from catalog.built import built, ranked
from catalog.served import entry
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forecourt.catalog.index import Snapshot
from forecourt.catalog.index.words import _LEVELS, words_of


@pytest.fixture(scope="module")
def catalog() -> Snapshot:
    return built(
        entry("RedHatAI/granite-3.1-8b-instruct", provider="IBM", tasks=["text-generation"], license="apache-2.0"),
        entry("RedHatAI/granite-3.1-8b-instruct-FP8-dynamic", provider="IBM", custom={"quantization": "fp8-dynamic"}),
        entry("RedHatAI/Llama-3.3-70B-Instruct-quantized.w4a16", provider="Meta", description="Speaks like granite."),
        entry("mistralai/Mistral-Small-24B-Instruct-2501", provider="Mistral AI", tasks=["image-text-to-text"]),
        entry("openai/whisper-large-v3", provider="OpenAI", tasks=["automatic-speech-recognition"]),
        entry("deutsche/größte-straße", description="Ein Modell für Äpfel"),
    )


def test_a_word_finds_the_names_that_have_it_before_the_descriptions(catalog: Snapshot) -> None:
    assert ranked(catalog, "granite") == [
        "RedHatAI/granite-3.1-8b-instruct",
        "RedHatAI/granite-3.1-8b-instruct-FP8-dynamic",
        "RedHatAI/Llama-3.3-70B-Instruct-quantized.w4a16",
    ]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("granit", "RedHatAI/granite-3.1-8b-instruct"),
        ("gran", "RedHatAI/granite-3.1-8b-instruct"),
        ("lama", "RedHatAI/Llama-3.3-70B-Instruct-quantized.w4a16"),
        ("lllama", "RedHatAI/Llama-3.3-70B-Instruct-quantized.w4a16"),
        ("mistrall", "mistralai/Mistral-Small-24B-Instruct-2501"),
        ("mitsral", "mistralai/Mistral-Small-24B-Instruct-2501"),
        ("wisper", "openai/whisper-large-v3"),
        ("insturct granite", "RedHatAI/granite-3.1-8b-instruct"),
        ("GRANITE 3.1", "RedHatAI/granite-3.1-8b-instruct"),
        ("llama3", "RedHatAI/Llama-3.3-70B-Instruct-quantized.w4a16"),
        ("llama3.3", "RedHatAI/Llama-3.3-70B-Instruct-quantized.w4a16"),
        ("w4a16", "RedHatAI/Llama-3.3-70B-Instruct-quantized.w4a16"),
        ("speech", "openai/whisper-large-v3"),
        ("apache", "RedHatAI/granite-3.1-8b-instruct"),
        ("dynamic fp8", "RedHatAI/granite-3.1-8b-instruct-FP8-dynamic"),
        ("grösste STRASSE", "deutsche/größte-straße"),
        ("äpfel", "deutsche/größte-straße"),
    ],
)
def test_what_people_type_finds_what_they_mean(catalog: Snapshot, query: str, name: str) -> None:
    assert ranked(catalog, query)[:1] == [name]


def test_words_are_in_any_order_and_all_of_them_count(catalog: Snapshot) -> None:
    assert ranked(catalog, "instruct granite") == ranked(catalog, "granite instruct")
    assert ranked(catalog, "granite fp8 ibm") == ["RedHatAI/granite-3.1-8b-instruct-FP8-dynamic"]
    assert ranked(catalog, "granite whisper") == []


def test_of_models_that_are_found_alike_the_first_by_name_comes_first() -> None:
    snapshot = built(entry("b/model"), entry("c/model"), entry("a/model"))
    assert ranked(snapshot, "model") == ["a/model", "b/model", "c/model"]


def test_a_whole_word_comes_before_one_that_begins_so() -> None:
    snapshot = built(entry("a/embedder"), entry("z/embed"), entry("b/other", provider="embed"))
    assert ranked(snapshot, "embed") == ["z/embed", "a/embedder", "b/other"]


@pytest.mark.parametrize("query", ["", "   ", "?!…", "🎉", "--", "\0", "\u200d", "_", "%"])
def test_what_has_no_word_in_it_finds_nothing(catalog: Snapshot, query: str) -> None:
    assert ranked(catalog, query) == []


@pytest.mark.parametrize("query", ["zzzzzz", "quantum chromodynamics", "гранит", "模型", "a" * 5000, "1" * 5000])
def test_what_nobody_has_finds_nothing(catalog: Snapshot, query: str) -> None:
    assert ranked(catalog, query) == []


def test_a_typo_is_no_way_round_what_is_written_right() -> None:
    snapshot = built(entry("a/llama"), entry("b/lama"))
    assert ranked(snapshot, "lama") == ["b/lama"]
    assert ranked(snapshot, "xlama") == []  # people get the first letter right


def test_of_more_than_twelve_words_the_first_twelve_count() -> None:
    words = [f"word{chr(97 + number)}" for number in range(14)]
    snapshot = built(entry("twelve", description=" ".join(words[:12])), entry("ten", description=" ".join(words[:10])))
    assert ranked(snapshot, " ".join(words)) == ["twelve"]


@pytest.mark.timeout(60)  # trying each way to have twelve words would take days
def test_many_words_that_all_models_have_are_found_soon() -> None:
    chance = random.Random(1)
    words = [f"w{chr(97 + number)}" for number in range(12)]
    entries = []
    for number in range(3000):
        parts: dict[str, list[str]] = {"name": [], "provider": [], "description": []}
        for word in words:
            parts[chance.choice(list(parts))].append(word + chance.choice(["", "x"]))
        name, provider, description = (" ".join(part) for part in parts.values())
        entries.append(entry(f"{number:04} {name}", provider=provider, description=description))
    snapshot = built(*entries)
    assert len(ranked(snapshot, " ".join(words))) == 3000


@pytest.mark.timeout(60)
def test_a_very_long_query_is_answered_soon() -> None:
    snapshot = built(*(entry(f"team/model-{number:05}", description="so many words " * 20) for number in range(2000)))
    for query in ("model " * 5000, "a1" * 5000, "m" * 10_000, "modle " * 3000, "ß" * 5000):
        ranked(snapshot, query)


# Against a look at each model

FIELDS = ("name", "facts", "description")
LETTERS = st.text("ab1", min_size=1, max_size=3)
TEXTS = st.lists(LETTERS, max_size=3).map(" ".join)


def level(word: str, fields: dict[str, str]) -> int:
    """Return how much a word tells that is found in a model, by whole words and beginnings; 0 where it is not."""
    best = 0
    for field in FIELDS:
        for known in words_of(fields[field]):
            if known == word:
                best = max(best, _LEVELS[field, 0])
            elif known.startswith(word) and (len(word) > 1 or word.isdigit()):
                best = max(best, _LEVELS[field, 1])
    return best


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=8), st.lists(st.text("ab", min_size=1, max_size=3), max_size=4)
)
def test_models_are_found_by_the_sum_of_what_the_words_tell(models: list[tuple[str, ...]], query: list[str]) -> None:
    fields = [
        {"name": f"{place} {name}", "facts": provider, "description": description}
        for place, (name, provider, description) in enumerate(models)
    ]
    snapshot = built(*(entry(one["name"], provider=one["facts"], description=one["description"]) for one in fields))
    scores = []
    for number, one in enumerate(fields):
        levels = [level(word, one) for word in dict.fromkeys(query)]
        if levels and all(levels):
            scores.append((-sum(levels), number))
    assert ranked(snapshot, " ".join(query)) == [fields[number]["name"] for _, number in sorted(scores)]


@given(st.text(max_size=40))
def test_any_text_is_answered(query: str) -> None:
    snapshot = built(entry("a/granite 3.1", description=query), entry("b"))
    list(snapshot.words.ranked(query, None))
    snapshot.containing(query)


@settings(deadline=None)
@example(["1.1B"], "1B")
@example(["a2.21b-c.3"], "1b-c.3")
@given(
    st.lists(st.text("aB.-ßΣ 1_\n", max_size=8), min_size=1, max_size=6),
    st.text("aB.-ßΣ 1_", min_size=1, max_size=4),
)
def test_a_free_search_finds_whatever_contains_the_text(texts: list[str], query: str) -> None:
    snapshot = built(*(entry(str(place), description=text) for place, text in enumerate(texts)))
    wanted = [
        str(place)
        for place, text in enumerate(texts)
        if query.casefold() in text.casefold() or query.casefold() in str(place)
    ]
    assert [snapshot.names[number] for number in snapshot.containing(query)] == wanted


def test_a_catalog_that_has_no_models_yet_finds_none() -> None:
    assert ranked(built(), "granite") == []
