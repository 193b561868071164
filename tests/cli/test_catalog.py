"""Models of the catalog on the command line: searched, shown, compared, and where their cards contradict themselves."""

from __future__ import annotations

import json

import pytest

QUANTIZED = "RedHatAI/granite-3.1-8b-instruct-quantized.w4a16"
CONTRADICTED = "RedHatAI/Llama-3.3-70B-Instruct-quantized.w8a8"


@pytest.fixture
def catalog(run, serving):
    """Run a command of the catalog that has to go well, and return what it prints."""

    def catalog(*words: str) -> str:
        done = run("catalog", *words)
        assert done.exit_code == 0, done.output
        return done.stdout

    return catalog


def found(catalog, *words):
    return json.loads(catalog("search", *words, "--json"))


# Search


def test_models_are_found_by_quantization_recovery_and_license(run, serving):
    words = ["search", "--quantization", "w4a16", "--min-recovery", "99", "--license", "permissive"]
    done = run("catalog", *words)
    assert done.exit_code == 0, done.output
    heading, *rows = done.stdout.splitlines()
    assert heading.split("  ")[0] == "NAME"
    assert "RECOVERY (%)" in heading
    row = next(row for row in rows if row.startswith(QUANTIZED)).split()
    assert row[1:] == ["IBM", "apache-2.0", "w4a16", "8.1B", "99.5", "57.0", "RHOAI", "2.20", "+3"]
    sought = "models under a licence that is permissive, quantised as w4a16, with at least 99 % average recovery"
    assert f"{len(rows)} {sought}\n" in done.stderr
    items = json.loads(run("catalog", *words, "--json").stdout)["items"]
    assert [item["name"] for item in items] == [row.split()[0] for row in rows]
    assert all(item["averageRecovery"] >= 99 and item["quantization"] == "w4a16" for item in items)


def test_values_of_one_filter_are_alternatives_and_filters_all_hold(catalog):
    both = found(catalog, "granite", "--quantization", "w4a16", "--quantization", "w8a8", "--validated", "--limit", "0")
    assert {item["quantization"] for item in both["items"]} == {"w4a16", "w8a8"}
    assert all("granite" in item["name"].lower() and item["validated"] for item in both["items"])
    one = found(catalog, "granite", "--quantization", "w8a8", "--validated")
    assert 0 < one["total"] < both["total"]


def test_the_filters_of_numbers_are_about_one_measurement(catalog):
    fast = found(catalog, "--hardware", "A100", "--workload", "RAG", "--max-latency", "1500", "-o", "json")
    assert QUANTIZED in [item["name"] for item in fast["items"]]
    assert found(catalog, "--hardware", "A100", "--workload", "RAG", "--max-latency", "10")["total"] == 0


def test_every_word_and_a_filter_query_can_be_said(catalog):
    query = "artifacts.mmlu > 60 AND quantization = 'w4a16'"
    names = catalog("search", "granite", "instruct", "--filter", query, "-o", "name").splitlines()
    assert names == [QUANTIZED]


def test_models_are_sorted_both_ways(catalog):
    for sort, turned in (("recovery", True), ("-recovery", False)):
        numbers = [item["averageRecovery"] for item in found(catalog, "--sort", sort, "--min-recovery", "1")["items"]]
        assert numbers == sorted(numbers, reverse=turned)


def test_more_models_than_a_page_of_the_server_has_are_all_listed(catalog):
    every = found(catalog, "--limit", "0")
    assert every["total"] == len(every["items"]) == len({item["id"] for item in every["items"]})
    assert every["total"] > 100


def test_a_list_that_was_cut_says_so(run, serving):
    done = run("catalog", "search", "--limit", "3", "-o", "name")
    assert len(done.stdout.splitlines()) == 3
    assert "These are the first 3: see all with --limit 0." in done.stderr


def test_wide_has_where_the_files_are(catalog):
    heading, row = catalog("search", QUANTIZED, "--limit", "1", "-o", "wide").splitlines()
    assert {"SOURCE", "TASKS", "HARDWARE", "URI"} <= set(heading.split())
    assert "oci://registry.redhat.io/rhelai1/modelcar-granite-3-1-8b-instruct-quantized-w4a16:1.5" in row
    assert "A100, A5000, A6000, L40" in row


def test_facets_say_how_many_models_each_other_choice_has(catalog):
    rows = [line.split() for line in catalog("search", "granite", "--quantization", "w4a16", "--facets").splitlines()]
    assert rows[0] == ["OPTION", "VALUE", "MODELS"]
    counts = {row[1]: int(row[2]) for row in rows if row[0] == "--quantization"}
    for value, count in counts.items():
        assert found(catalog, "granite", "--quantization", value)["total"] == count


def test_where_nothing_is_found_each_condition_is_said_to_leave_out_how_many(run, serving):
    done = run("catalog", "search", "granite", "--quantization", "w4a16", "--min-recovery", "101")
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "No models quantised as w4a16, with at least 101 % average recovery, about “granite”." in done.stderr
    without = len(run("catalog", "search", "granite", "--quantization", "w4a16", "-o", "name").stdout.splitlines())
    assert f"Without --min-recovery there are {without}." in done.stderr
    assert "forecourt catalog filters" in done.stderr


def test_conditions_that_only_hold_alone_are_counted_alone(run, serving):
    words = ["granite", "--license", "llama4", "--quantization", "w4a16", "--min-recovery", "101"]
    said = run("catalog", "search", *words).stderr
    assert "With --license alone there are" in said
    assert "With the words alone there are" in said


def test_a_value_that_no_model_has_is_told_with_what_was_meant(run, serving):
    said = run("catalog", "search", "--quantization", "W4A16").stderr
    assert "No model has the quantization W4A16. Did you mean w4a16" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--filter", "mmlu >"], "column 7"),
        (["--latency-metric", "speed"], "speed is no latency that is measured."),
        (["--min-recovery", "much"], "'--min-recovery'"),
        (["--limit", "-1"], "'--limit'"),
    ],
)
def test_what_cannot_be_searched_by_is_told(run, serving, words, said):
    done = run("catalog", "search", *words)
    assert done.exit_code == 2
    assert said in done.stderr


def test_there_is_an_option_for_every_filter_and_every_order_of_the_server(catalog, run):
    help_ = run("catalog", "search", "--help").output
    filters = json.loads(catalog("filters", "--json"))
    assert len(filters["items"]) > 10
    for one in filters["items"]:
        assert f"--{one['name']} " in help_
    options = " ".join(help_.split())
    for name in (*filters["sorts"], *filters["latencies"]):
        assert f"{name}," in options or f"{name}." in options, name


def test_the_filters_are_shown_with_the_values_there_are(catalog):
    rows = {line.split()[0]: line for line in catalog("filters").splitlines()}
    assert "permissive (" in rows["--license"]
    assert "at least" in rows["--min-recovery"]
    assert rows["--min-recovery"].endswith("%")
    properties = json.loads(catalog("filters", "--json"))["properties"]
    assert "artifacts.mmlu.double_value" in properties
    assert "artifacts.mmlu.double_value" in catalog("filters", "-o", "wide")


# One


def test_a_model_is_shown_with_its_evidence(catalog):
    shown = catalog("show", "llama-3.3-70b-instruct-quantized.w8a8")
    assert f"Name:          {CONTRADICTED}\n" in shown
    assert f"URI:           catalog://validated/{CONTRADICTED}\n" in shown
    assert "Made from:     meta-llama/Llama-3.3-70B-Instruct\n" in shown
    assert "  oci://registry.redhat.io/rhelai1/modelcar-llama-3-3-70b-instruct-quantized-w8a8:1.5\n" in shown
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert "OpenLLM V1 MMLU (5-shot) 81.60 81.19 99.50 99.5" in rows
    assert "OpenLLM V1 TruthfulQA (0-shot, mc2) 62.75 63.09 100.54 99.5 [1]" in rows
    assert "[1] The card says 99.5 %, its own scores give 100.5 %." in rows
    assert "Average recovery: 99.7 % over 21 tasks" in rows
    assert f"Source: https://huggingface.co/{CONTRADICTED} (measured with lm-evaluation-harness" in shown
    assert "RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic" in shown.partition("Variants:")[2]


def test_a_task_where_less_is_better_says_so(catalog):
    rows = [" ".join(line.split()) for line in catalog("show", "whisper-large-v3-turbo-quantized.w4a16").splitlines()]
    assert "Fleurs (X→en, WER) en, lower is better 4.2914 4.4425 96.60 96.660 [3]" in rows
    assert "[1] No scores are there." in rows


def test_a_table_that_is_broken_is_not_shown_and_said_why(catalog):
    shown = catalog("show", "Qwen2.5-7B-Instruct-quantized.w8a8")
    assert "A table of 14 rows is not shown. A column is missing" in shown
    assert "BASELINE" not in shown


def test_performance_is_a_line_for_each_hardware_and_workload(catalog):
    shown = catalog("show", QUANTIZED).partition("Performance:")[2]
    heading, *rows = [" ".join(line.split()) for line in shown.splitlines() if line]
    assert heading == "HARDWARE WORKLOAD TOKENS IN TOKENS OUT LATENCY (MS) REQUESTS/S"
    assert "1 x A100 RAG 1024 128 1000 [2] 7.20 [1]" in rows
    assert any(row.startswith("[1] granite-3.1-8b-base-quantized.w4a16 and") for row in rows)
    assert "(measured with guidellm on vllm 0.6.6.post1)" in shown


def test_tool_calling_is_shown_as_the_arguments_for_vllm(catalog):
    shown = catalog("show", "Qwen3-8B-FP8-dynamic")
    assert "\n  --enable-auto-tool-choice\n  --tool-call-parser=hermes\n" in shown
    assert "Tool calling" not in catalog("show", QUANTIZED)


def test_what_may_be_next_is_said_with_the_name_that_was_shown(run, serving):
    said = run("catalog", "show", QUANTIZED).stderr
    assert "forecourt catalog deploy granite-3.1-8b-instruct-quantized.w4a16" in said
    assert "forecourt catalog compare granite-3.1-8b-instruct-quantized.w4a16 --variants" in said


def test_a_model_that_is_not_there_is_told_with_one_that_is(run, serving):
    done = run("catalog", "show", "granite-3.1-8b-instruct-w4a16")
    assert done.exit_code == 3
    assert done.stderr.startswith("error: The catalog has no model granite-3.1-8b-instruct-w4a16.\nhint: Perhaps ")


def test_a_model_without_a_card_says_where_it_is(run, serving):
    done = run("catalog", "show", QUANTIZED, "--readme")
    assert done.exit_code == 3
    assert f"It is at https://huggingface.co/{QUANTIZED}" in done.stderr


def test_programs_get_all_that_is_known_as_json(catalog):
    document = json.loads(catalog("show", f"catalog://validated/{CONTRADICTED}", "--json"))
    assert document["name"] == CONTRADICTED
    assert sum(score["verdict"] == "contradicts" for score in document["evidence"]["scores"]) == 3
    assert catalog("show", CONTRADICTED, "-o", "name") == f"catalog://validated/{CONTRADICTED}\n"


# Several


def test_models_are_compared_task_by_task_and_on_the_same_hardware(catalog):
    shown = catalog("compare", QUANTIZED, "granite-3.1-8b-instruct")
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert "Quantization w4a16 none" in rows
    assert "OpenLLM V1: GSM8K (Strict-Match, 5-shot) 65.66 (101.77) 64.52" in rows
    assert "1 x A100 RAG 1024 in, 128 out 1000 ms, 7.20/s [1] 1800 ms, 8.50/s [2]" in rows


def test_claims_that_are_contradicted_are_marked_in_a_comparison(catalog):
    shown = catalog("compare", CONTRADICTED, "Llama-3.3-70B-Instruct-quantized.w4a16")
    assert "Contradicted claims" in shown
    assert "[1] The card claims 99.5 %, which its own scores contradict." in shown


def test_the_variants_of_one_base_are_compared(catalog):
    names = catalog("compare", QUANTIZED, "--variants", "-o", "name").splitlines()
    assert names[0] == QUANTIZED
    assert len(names) == 4
    assert all("granite-3.1-8b-instruct" in name for name in names)


def test_names_are_shortened_by_what_they_have_in_common():
    from forecourt.cli.catalog.compare import headings

    assert headings(["acme/talker-8B-FP8", "acme/talker-8B-w4a16"]) == ["…FP8", "…w4a16"]
    assert headings(["acme/talker-8B", "acme/singer-8B"]) == ["talker-8B", "singer-8B"]
    assert headings(["acme/talker", "acme/talker-8B"]) == ["talker", "talker-8B"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([QUANTIZED], 2, "--variants"),
        ([QUANTIZED] * 5, 2, "Two to four models are compared, not 5."),
        ([QUANTIZED, "nothing-like-it"], 3, "The catalog has no model nothing-like-it."),
        ([QUANTIZED, CONTRADICTED, "--variants"], 2, "The variants of one model are compared."),
        (["bge-m3", "--variants"], 3, "no other model made from the base of RedHatAI/bge-m3"),
    ],
)
def test_what_cannot_be_compared_is_told(run, serving, words, code, said):
    done = run("catalog", "compare", *words)
    assert done.exit_code == code
    assert said in done.stderr


def test_contradictions_are_listed_with_what_the_scores_give_and_counted(catalog):
    shown = catalog("contradictions")
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert rows[0] == "MODEL TASK BASELINE SCORE WHAT IS WRONG"
    row = "Apertus-8B-Instruct-2509-FP8-dynamic ARC-Challenge (Acc-Norm, 25-shot) 65.02 65.59"
    assert f"{row} The card says 101.4 %, its own scores give 100.9 %." in rows
    assert any(each.startswith("Qwen2.5-7B-Instruct-quantized.w8a8, 14 rows: ") for each in rows)
    document = json.loads(catalog("contradictions", "--json"))
    counts = document["rows"], document["recomputed"], len(document["contradictions"])
    assert rows[-1] == (
        f"{counts[0]} published rows; {counts[1]} print a recovery that could be computed again, and {counts[2]} of"
        " those contradict their own scores."
    )
    assert counts == (447, 426, 16)


# Text of strangers


def test_text_of_strangers_cannot_move_the_cursor():
    from forecourt.cli.catalog.cells import cut, plain

    assert plain("a\x1b[2Jb\u202ec\n\tö 日本\u00a0") == "a[2Jbc\n\tö 日本\u00a0"
    assert cut("many\n  words \x07here", 11) == "many words…"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(8.0, "8B"), (0.135, "135M"), (671.0, "671B"), (7.61, "7.61B"), (None, "")],
)
def test_parameters_are_short(value, shown):
    from forecourt.cli.catalog.cells import parameters

    assert parameters(value) == shown
