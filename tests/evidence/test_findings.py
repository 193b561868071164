"""What tables say against themselves is counted, and told in sentences."""

from __future__ import annotations

from evidence.made import compared, row

from forecourt.evidence import Basis, Verdict, judge, read_accuracy, report, sentence_of

WER = "Fleurs WER / German"


def test_a_report_has_a_finding_for_each_contradiction_and_counts_the_rest() -> None:
    found = report(
        read_accuracy(
            [
                row(task="MMLU", baseline="100.00", score="97.24", recovery="99.5"),
                row(task="GSM8K"),
                row(task="MuSR", recovery=None),
                row(task="BBH", score=None, recovery=None),
                *(row(model="b", task=each, score=None, recovery="80.0", columns=["b"]) for each in ("MMLU", "GSM8K")),
            ]
        )
    )
    (finding,) = found.findings
    assert (finding.model, finding.comparison.task.key) == ("acme/model", "mmlu")
    assert finding.sentence == "The card says 99.5 %, its own scores give 97.2 %."
    assert finding.source == "https://huggingface.co/acme/model"
    assert finding.judgement.verdict is Verdict.CONTRADICTS
    (broken,) = found.broken
    assert (broken.model, broken.rows) == ("b", 2)
    assert broken.sentence.startswith("The card's table cannot be read. A column is missing: 2 of 2 rows")
    assert dict(found.verdicts) == dict.fromkeys(Verdict, 1)
    assert (found.rows, found.recomputed) == (6, 2)


def test_no_tables_have_nothing_against_themselves() -> None:
    found = report([])
    assert (found.findings, found.broken, found.rows, found.recomputed) == ((), (), 0, 0)


def test_what_the_scores_give_is_told_with_the_digits_of_the_claim() -> None:
    comparison = compared("39.42", "33.14", "87.390")
    assert sentence_of(comparison, judge(comparison)) == "The card says 87.390 %, its own scores give 84.069 %."
    comparison = compared("39.42", "33.14", "87")
    assert sentence_of(comparison, judge(comparison)) == "The card says 87 %, its own scores give 84 %."


def test_digits_that_were_cut_off_are_told_as_that() -> None:
    comparison = compared("90.45", "90.90", "100.4")
    assert sentence_of(comparison, judge(comparison)) == (
        "The card says 100.4 %, its own scores give 100.5 %: digits were cut off, not rounded."
    )


def test_what_is_beyond_all_digits_is_still_told() -> None:
    comparison = compared("0.000000001", "999999", "1.000000001")
    assert sentence_of(comparison, judge(comparison)).endswith("its own scores give 99999900000000000.000000000 %.")


def test_a_recovery_of_something_else_is_told_as_that() -> None:
    comparison = compared("3.89", "3.95", "99.9", label=WER, basis=Basis.COMPLEMENT)
    assert "of what is missing from the scores to 100 %" in sentence_of(comparison, judge(comparison))


def test_what_cannot_be_checked_is_told_with_the_reason() -> None:
    claimed, silent = compared("84.77", None, "99.0"), compared("84.77", None)
    assert sentence_of(claimed, judge(claimed)) == ("The card's recovery cannot be checked. The model has no score.")
    assert sentence_of(silent, judge(silent)) == "The model has no score."


def test_what_agrees_needs_no_words() -> None:
    comparison = compared("80.36", "80.06", "99.6")
    assert sentence_of(comparison, judge(comparison)) == ""
