"""filterQuery, on every list of both versions: it finds what it says, by an index."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from registry.served import Api, Statement
from sqlalchemy import insert

from forecourt.registry.model import VERSIONS
from forecourt.registry.routes import routes
from forecourt.registry.tables import PROPERTIES, RESOURCES

LISTS = [
    (version, "/".join(pattern))
    for version, known in VERSIONS.items()
    for pattern, methods in routes(known).items()
    if "GET" in methods and methods["GET"].action in ("list", "metric_history")
]
LONG = "long " * 40  # 200 characters, which is as far as the index goes


def string(value: str) -> dict[str, Any]:
    return {"string_value": value, "metadataType": "MetadataStringValue"}


def integer(value: int) -> dict[str, Any]:
    return {"int_value": str(value), "metadataType": "MetadataIntValue"}


def double(value: float) -> dict[str, Any]:
    return {"double_value": value, "metadataType": "MetadataDoubleValue"}


def boolean(value: bool) -> dict[str, Any]:
    return {"bool_value": value, "metadataType": "MetadataBoolValue"}


def properties(number: int) -> dict[str, Any]:
    """Return the custom properties of the first, second and third of a list; the third has none of them."""
    if number == 3:
        return {}
    return {
        "text": string("one" if number == 1 else "two"),
        "count": integer(number),
        "score": double(number / 4),
        "flag": boolean(number == 1),
        "mixed": integer(1) if number == 1 else double(1),
        "long": string(LONG + ("a" if number == 1 else "b")),
        "Ünï-code.x": string("Straße 😀" if number == 1 else "naïve"),
    }


class Three:
    """Three resources of every kind, called a, b and c, below parents of which there is another with others."""

    def __init__(self, api: Api) -> None:
        client = api.v1alpha3
        ids: dict[str, str] = {}

        def three(path: str, **fields: Any) -> str:
            for number, name in enumerate("abc", 1):
                made = client.made(
                    path, name=name, description=f"the {name}", customProperties=properties(number), **fields
                )
                ids.setdefault(path.partition("/")[0], made["id"])
            return str(ids[path.partition("/")[0]])

        model = three("registered_models", owner="me")
        version = three("model_versions", registeredModelId=model, author="me")
        environment = three("serving_environments")
        service = three(
            "inference_services",
            registeredModelId=model,
            modelVersionId=version,
            servingEnvironmentId=environment,
            runtime="vllm",
        )
        experiment = three("experiments", owner="me")
        run = three("experiment_runs", experimentId=experiment, status="FINISHED")
        three(f"inference_services/{service}/serves", modelVersionId=version, lastKnownState="RUNNING")
        three(f"model_versions/{version}/artifacts", artifactType="model-artifact", uri="oci://a/b:1", state="LIVE")
        three(f"experiment_runs/{run}/artifacts", artifactType="metric", value=0.5, step=3, state="LIVE")
        self.ids = ids

    def path(self, pattern: str) -> str:
        """Return the path of a list below the first of its parents."""
        return pattern.replace("{id}", self.ids.get(pattern.partition("/")[0], ""))


@pytest.fixture(scope="module")
def filled(served: Api) -> Iterator[Three]:
    served.clear()
    yield Three(served)
    served.clear()


CUSTOM = {
    "text = 'one'": "a",
    "text.string_value = 'one'": "a",
    "text != 'one'": "b",
    "text <> 'one'": "b",
    "text > 'one'": "b",
    "text <= 'one'": "a",
    "text IN ('one', 'two', 'three')": "ab",
    "text IN ()": "",
    "text LIKE 'o%'": "a",
    "text LIKE 'O%'": "",
    "text LIKE '_wo'": "b",
    "text LIKE '%o%'": "ab",
    "text ILIKE 'O%'": "a",
    "count = 1": "a",
    "count = 1.0": "",
    "count.int_value = 1": "a",
    "count.double_value = 1": "",
    "count >= 1": "ab",
    "count < 2": "a",
    "count != 1": "b",
    "count IN (2, 3)": "b",
    "mixed = 1": "ab",
    "mixed.int_value = 1": "a",
    "mixed.double_value = 1": "b",
    "mixed >= 1": "ab",
    "mixed IN (1, 2)": "ab",
    "score = 0.25": "a",
    "score > 0.25": "b",
    "score = 25e-2": "a",
    "score < 1": "ab",
    "score.double_value <= 1": "ab",
    "flag = true": "a",
    "flag = FALSE": "b",
    "flag != true": "b",
    "flag.bool_value = true": "a",
    "flag IN (true, false)": "ab",
    "text = 1": "",
    "count = 'one'": "",
    "nothing = 'x'": "",
    "nothing != 'x'": "",
    "nothing != 1": "",
    f"long = '{LONG}a'": "a",
    f"long != '{LONG}a'": "b",
    f"long = '{LONG}'": "",
    f"long > '{LONG}'": "ab",
    f"long > '{LONG}a'": "b",
    f"long >= '{LONG}a'": "ab",
    f"long < '{LONG}b'": "a",
    f"long <= '{LONG}a'": "a",
    f"long LIKE '{LONG}_'": "ab",
    f"long LIKE '{LONG}b%'": "b",
    "long LIKE '%b'": "b",
    f"long ILIKE '{LONG.upper()}A'": "a",
    f"long IN ('{LONG}b', '{LONG}c')": "b",
    "`Ünï-code.x` = 'Straße 😀'": "a",
    "`Ünï-code.x`.string_value LIKE '%😀'": "a",
    "`Ünï-code.x` LIKE 'na_ve'": "b",
    "text = 'one' OR count = 2": "ab",
    "text = 'one' AND count = 2": "",
    "(text = 'one' OR count = 2) AND score > 0.3": "b",
    "text = 'one' and flag = true or nothing = 5": "a",
}
OWN = {
    "name = 'a'": "a",
    "name != 'a'": "bc",
    "name IN ('a', 'c')": "ac",
    "name LIKE 'b%'": "b",
    "name LIKE '%'": "abc",
    "name ILIKE 'C'": "c",
    "name > 'a'": "bc",
    "description = 'the b'": "b",
    "description LIKE 'the%'": "abc",
    "externalId = 'none'": "",
    "id > 0": "abc",
    "id = 2147483648": "",
    "id != 99999999999": "abc",
    "createTimeSinceEpoch > 0": "abc",
    "createTimeSinceEpoch > '1500000000000'": "abc",
    "lastUpdateTimeSinceEpoch < 5": "",
}
BY_LIST = {
    "registered_models": {"owner = 'me'": "abc", "state = 'LIVE'": "abc", "state != 'LIVE'": ""},
    "model_versions": {"author = 'me'": "abc", "registeredModelId != 0": "abc", "state IN ('LIVE')": "abc"},
    "model_artifacts": {"uri LIKE 'oci://%'": "abc", "state = 'LIVE'": "abc", "state = 'UNKNOWN'": ""},
    "artifacts": {"state = 'LIVE' AND uri = 'oci://a/b:1'": "abc", "value > 0.1": "abc", "step = 3": "abc"},
    "inference_services": {
        "runtime = 'vllm'": "abc",
        "desiredState = 'DEPLOYED'": "abc",
        "modelVersionId > 0 AND registeredModelId > 0 AND servingEnvironmentId > 0": "abc",
    },
    "serves": {"lastKnownState = 'RUNNING'": "abc", "modelVersionId > 0": "abc"},
    "experiments": {"owner = 'me' AND state = 'LIVE'": "abc"},
    "experiment_runs": {"status = 'FINISHED'": "abc", "experimentId > 0": "abc", "status = 'RUNNING'": ""},
    "metric_history": {"value = 0.5": "abc", "step = 3": "abc", "step != 3": "", "value < 0.5": ""},
}


@pytest.mark.parametrize(("version", "pattern"), LISTS, ids=["/".join(one) for one in LISTS])
def test_every_list_is_filtered(served: Api, filled: Three, version: str, pattern: str) -> None:
    path, client = filled.path(pattern), served.of(version)
    known = BY_LIST.get(pattern.rpartition("/")[2], {})
    if pattern.endswith("artifacts"):
        known = {}  # of which there are others too; below
    wrong = {}
    whole = version == "v1alpha3" and (served.database.is_sqlite or pattern in ("registered_models", "artifacts"))
    custom = CUSTOM if whole else dict(list(CUSTOM.items())[::6])  # the code is the same, the routes are not
    for query, expected in (custom | OWN | known).items():
        status, listed = client.get(path, filterQuery=query)
        assert status == 200, (query, listed)
        names = [item["name"] for item in listed["items"]]
        twice = pattern == "artifacts"  # where there are three of a version and three of a run
        if names != list(expected) * (1 + twice):
            wrong[query] = names
    assert wrong == {}


def test_the_fields_of_artifacts_are_filtered(served: Api, filled: Three) -> None:
    assert served.names("artifacts", "uri = 'oci://a/b:1'") == ["a", "b", "c"]
    assert served.names("artifacts", "value > 0.1") == ["a", "b", "c"]
    assert served.names("artifacts", "state = 'LIVE'") == ["a", "b", "c"] * 2
    assert served.names("artifacts", "step = 3", artifactType="metric") == ["a", "b", "c"]
    assert served.names("artifacts", "step = 3", artifactType="parameter") == []
    assert served.names("model_artifacts", "uri LIKE 'oci:%' AND text = 'one'") == ["a"]


def test_an_array_is_compared_by_its_members(api: Api) -> None:
    api.made("registered_models", name="a", tasks=["chat", "code", "chat"], language=["en", "de"])
    api.made("registered_models", name="b", tasks=["code"], language=[])
    api.made("registered_models", name="c")
    assert api.names("registered_models", "tasks = 'code'") == ["a", "b"]
    assert api.names("registered_models", "tasks = 'chat'") == ["a"]
    assert api.names("registered_models", "tasks IN ('chat', 'other')") == ["a"]
    assert api.names("registered_models", "tasks LIKE 'c%'") == ["a", "b"]
    assert api.names("registered_models", "language = 'de' AND tasks = 'chat'") == ["a"]
    assert api.names("registered_models", "language = 'en' AND language = 'de'") == ["a"]
    assert api.names("registered_models", "tasks = '[\"code\"]'") == []


def test_a_custom_property_that_is_called_like_a_field_leaves_the_field_what_it_is(api: Api) -> None:
    custom = {"owner": string("them"), "state": string("ODD"), "name": string("z"), "id": integer(-7)}
    api.made("registered_models", name="a", owner="me", customProperties=custom)
    for query, expected in {
        "owner = 'me'": ["a"],
        "owner = 'them'": [],
        "state = 'LIVE'": ["a"],
        "state = 'ODD'": [],
        "name = 'a'": ["a"],
        "name = 'z'": [],
        "id = -7": [],
    }.items():
        assert api.names("registered_models", query) == expected, query
    environment = api.made("serving_environments", name="a", customProperties={"owner": string("them")})
    assert api.names("serving_environments", "owner = 'them'") == [environment["name"]]


def test_the_name_of_a_version_is_its_own_without_the_id_of_its_model(api: Api) -> None:
    model = api.made("registered_models", name="x")["id"]
    for name in ("1", "v:1", f"{model}:1", "1%", "1_0", "110"):
        api.made("model_versions", name=name, registeredModelId=model)
    for query, expected in {
        "name = '1'": ["1"],
        f"name = '{model}:1'": [f"{model}:1"],
        "name = 'v:1'": ["v:1"],
        "name = '1_0'": ["1_0"],
        "name LIKE '1_0'": ["1_0", "110"],
        r"name LIKE '1\\_0'": ["1_0"],
        r"name LIKE '1\\%'": ["1%"],
        "name LIKE 'v%'": ["v:1"],
        "name LIKE '%:1'": ["v:1", f"{model}:1"],
    }.items():
        for path in ("model_versions", f"registered_models/{model}/versions"):
            assert api.names(path, query) == expected, query


def test_ilike_minds_no_case_of_any_alphabet(api: Api) -> None:
    api.made("registered_models", name="Ökonomie", customProperties={"place": string("ΑΘΗΝΑ")})
    assert api.names("registered_models", "name ILIKE 'öko%'") == ["Ökonomie"]
    assert api.names("registered_models", "place ILIKE 'αθηνα'") == ["Ökonomie"]


def test_texts_are_in_the_order_of_their_code_points(api: Api) -> None:
    for name in ("Zebra", "ape", "Ape", "_", "é", "ä", "z"):
        api.made("registered_models", name=name, owner=name, customProperties={"p": string(name)})
    for property_ in ("name", "owner", "p"):
        for bound in ("Zebra", "a", "z"):
            found = set(api.names("registered_models", f"{property_} > '{bound}'"))
            assert found == {name for name in ("Zebra", "ape", "Ape", "_", "é", "ä", "z") if name > bound}


def test_an_integer_of_64_bits_is_exact(api: Api) -> None:
    large = 2**62 + 1
    api.made("artifacts", artifactType="metric", name="a", value=1, timestamp=str(large))
    api.made("artifacts", artifactType="metric", name="b", value=1, timestamp=str(large + 1))
    assert api.names("artifacts", f"timestamp = {large}", artifactType="metric") == ["a"]


def test_a_filter_follows_what_is_changed(api: Api) -> None:
    model = api.made("registered_models", name="x", owner="a", customProperties={"k": string("1")})
    api.patch(f"registered_models/{model['id']}", {"owner": "b", "customProperties": {"l": integer(2)}})
    for query, found in {"owner = 'a'": 0, "owner = 'b'": 1, "k = '1'": 0, "l = 2": 1}.items():
        assert len(api.names("registered_models", query)) == found
    api.patch(f"registered_models/{model['id']}", {"owner": ""})
    assert api.names("registered_models", "owner != 'x'") in ([], ["x"])


# Against Python

VALUES = st.one_of(
    st.sampled_from(["", "a", "ab", "B", "é", "%", "_", "\\", "'", LONG, LONG + "a", LONG + "b"]).map(string),
    st.sampled_from([-(2**31), -1, 0, 1, 2, 2**31 - 1]).map(integer),
    st.sampled_from([-1.5, 0.0, 1.0, 2.0, 1e300, 5e-324]).map(double),
    st.booleans().map(boolean),
)
DOCUMENTS = st.lists(st.dictionaries(st.sampled_from(["p", "q"]), VALUES), min_size=1, max_size=6)
LITERALS = st.one_of(
    st.sampled_from(["", "a", "ab", "B", "é", "%", "a%", "_", "%b", LONG, LONG + "a", LONG[:-1] + "%"]),
    st.sampled_from([-1, 0, 1, 2, 2**31]),
    st.sampled_from([-1.5, 0.0, 1.0, 1e300]),
    st.booleans(),
)
COMPARISONS = st.tuples(
    st.sampled_from(["p", "q"]), st.sampled_from(["=", "!=", "<", ">", "<=", ">=", "LIKE", "IN"]), LITERALS
).filter(
    lambda one: (
        not (one[1] == "LIKE" and not isinstance(one[2], str))
        and not (isinstance(one[2], bool) and one[1] not in ("=", "!=", "IN"))
    )
)
TREES = st.recursive(COMPARISONS, lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), inner, inner), max_leaves=4)
OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def written(tree: Any) -> str:
    if tree[0] in ("AND", "OR"):
        return f"({written(tree[1])} {tree[0]} {written(tree[2])})"
    name, comparator, literal = tree
    value = (
        str(literal).lower() if isinstance(literal, bool) else f"'{literal}'" if isinstance(literal, str) else literal
    )
    return f"{name} IN ({value})" if comparator == "IN" else f"{name} {comparator} {value}"


def holds(tree: Any, document: dict[str, Any]) -> bool:
    if tree[0] in ("AND", "OR"):
        both = (holds(tree[1], document), holds(tree[2], document))
        return all(both) if tree[0] == "AND" else any(both)
    name, comparator, literal = tree
    if name not in document:
        return False
    (kind, value), _ = document[name].items()
    if kind == "int_value":
        value = int(value)
    match literal:
        case bool():
            comparable = kind == "bool_value"
        case str():
            comparable = kind == "string_value"
        case int():
            comparable = kind in ("int_value", "double_value")
        case _:
            comparable = kind == "double_value"
    if not comparable:
        return False
    if comparator == "LIKE":
        pattern = "".join({"%": ".*", "_": "."}.get(one, re.escape(one)) for one in literal)
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    return bool(OPERATORS["=" if comparator == "IN" else comparator](value, literal))


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(documents=DOCUMENTS, trees=st.lists(TREES, min_size=1, max_size=8))
def test_a_filter_finds_what_python_finds(served: Api, documents: list[dict[str, Any]], trees: list[Any]) -> None:
    served.clear()
    for number, document in enumerate(documents):
        served.made("serving_environments", name=str(number), customProperties=document)
    for tree in trees:
        expected = [str(number) for number, document in enumerate(documents) if holds(tree, document)]
        assert served.names("serving_environments", written(tree)) == expected, written(tree)


# How it is found


def fill(api: Api, count: int) -> None:
    with api.database.session() as session:
        rows = [
            {
                "kind": "RegisteredModel",
                "family": "context",
                "name": f"model-{number}",
                "created": number,
                "updated": number,
                "document": f'{{"name":"model-{number}","customProperties":{{}}}}',
            }
            for number in range(count)
        ]
        ids = list(session.execute(insert(RESOURCES).returning(RESOURCES.c.id), rows).scalars())
        common = {"custom": 1, "position": 0, "kind": "RegisteredModel"}
        session.execute(
            insert(PROPERTIES),
            [common | {"resource_id": one, "name": "p", "type": "string", "head": f"v{one % 97:02}"} for one in ids],
        )
        session.execute(
            insert(PROPERTIES),
            [common | {"resource_id": one, "name": "n", "type": "int", "number": float(one % 97)} for one in ids],
        )


def reads(statements: list[Statement]) -> list[Statement]:
    return [one for one in statements if one.sql.lstrip().startswith(("SELECT", "WITH"))]


PLANNED = (
    "p = 'v05'",
    "p < 'v05'",
    "p > 'v95'",
    "p IN ('v05', 'v06')",
    "p LIKE 'v0%'",
    "n = 5",
    "n < 5",
    "n IN (5, 6)",
    "p = 'v05' AND n = 5",
    "p = 'v05' OR n = 6",
)


def test_a_filtered_page_reads_no_table_from_end_to_end(api: Api) -> None:
    if not api.database.is_sqlite:
        return  # what PostgreSQL does depends on what it knows of a table by then
    fill(api, 3000)
    for query in PLANNED:
        for order in ("ID", "CREATE_TIME"):
            with api.statements() as statements:
                assert len(api.items("registered_models", filterQuery=query, pageSize=20, orderBy=order)) == 20
            for statement in reads(statements):
                with api.database.engine.connect() as connection:
                    plan = [
                        row[3]
                        for row in connection.exec_driver_sql(
                            f"EXPLAIN QUERY PLAN {statement.sql}", statement.parameters
                        )
                    ]
                scans = [
                    step for step in plan if step.startswith("SCAN") and "registry_" in step and "USING" not in step
                ]
                assert scans == [], (query, order, plan)


@pytest.mark.parametrize("query", ["p = 'v05'", "p > 'v05' AND n < 90", "n IN (5, 6, 7) OR p LIKE 'v0%'"])
def test_a_page_takes_as_many_statements_whatever_its_size(api: Api, query: str) -> None:
    fill(api, 5000)
    counts = set()
    for size in (5, 50):
        with api.statements() as statements:
            assert len(api.items("registered_models", filterQuery=query, pageSize=size)) == size
        counts.add(len(reads(statements)))
    assert len(counts) == 1
    assert counts.pop() <= 6


def test_a_page_without_a_filter_is_one_statement(api: Api) -> None:
    fill(api, 60)
    for size in (5, 50):
        with api.statements() as statements:
            assert len(api.items("registered_models", pageSize=size)) == size
        assert len(reads(statements)) == 1
