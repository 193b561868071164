"""How a request comes to be allowed: the conversation alone, without a network."""

from __future__ import annotations

import base64
import json
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from forecourt.errors import Denied, RegistryError
from forecourt.oci.client.auth import Auth
from forecourt.oci.client.challenge import choose, join_scopes, parse, split_scopes
from forecourt.oci.client.credentials import Anonymous, Credential, Credentials, Login, LoginFiles
from forecourt.oci.client.request import Request, scopes

HOST = "registry.example"
MARIA = Login(HOST, Credential("maria", "secret"))
BEARER = 'Bearer realm="https://auth.example/token?x=1",service="registry",scope="repository:demo/m:pull"'
REQUEST = Request("GET", f"https://{HOST}/v2/demo/m/tags/list", {}, None, "demo/m", scopes("demo/m", ["pull"]))


@dataclass
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    def read(self, limit: int = 0) -> bytes:
        return self.body


def refusal(challenge: str) -> Answer:
    return Answer(401, {"WWW-Authenticate": challenge})


def token(text: str, seconds: int | None = 300, name: str = "token") -> Answer:
    document = {name: text} | ({"expires_in": seconds} if seconds is not None else {})
    return Answer(200, {}, json.dumps(document).encode())


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def converse(auth: Auth, request: Request, *answers: Answer) -> list[Request]:
    """Drive one flow with these answers; return what it asked. All of the answers must be used."""
    flow = auth.flow(request)
    asked = [next(flow)]
    for place, answer in enumerate(answers):
        try:
            asked.append(flow.send(answer))
        except StopIteration:
            assert place == len(answers) - 1, "the flow ended early"
            return asked
    raise AssertionError(f"the flow asks more: {asked[-1]}")


def new(credentials: Credentials = MARIA, clock: Clock | None = None) -> Auth:
    return Auth(HOST, credentials, clock=clock or Clock())


class TestChallenges:
    def test_are_read_with_their_parameters(self) -> None:
        [challenge] = parse(BEARER)
        assert challenge.scheme == "bearer"
        assert challenge.parameters["realm"] == "https://auth.example/token?x=1"
        assert challenge.scopes == {"repository:demo/m:pull"}

    def test_may_be_several_in_one_header(self) -> None:
        found = parse('Basic realm="a, \\"b\\"", charset=UTF-8, Bearer realm="https://t", service=s')
        assert [one.scheme for one in found] == ["basic", "bearer"]
        assert found[0].parameters == {"realm": 'a, "b"', "charset": "UTF-8"}
        assert found[1].parameters == {"realm": "https://t", "service": "s"}

    def test_bearer_is_chosen_before_basic_and_unknown_schemes_are_left(self) -> None:
        assert (chosen := choose('Negotiate abc==, Basic realm=x, Bearer realm="https://t"'))
        assert chosen.scheme == "bearer"
        assert choose("Negotiate") is None
        assert choose("") is None
        assert choose("Bearer") is None, "without a realm there is nobody to ask"

    def test_scopes_keep_ports_and_join_again(self) -> None:
        text = "repository:host:5000/a/b:pull,push registry:catalog:*"
        assert "repository:host:5000/a/b:push" in split_scopes(text)
        assert join_scopes(split_scopes(text)) == ["registry:catalog:*", "repository:host:5000/a/b:pull,push"]


class TestFlow:
    def test_asks_anonymously_first(self) -> None:
        [asked] = converse(new(), REQUEST, Answer(200))
        assert "Authorization" not in asked.headers

    def test_answers_basic_and_remembers_it(self) -> None:
        auth = new()
        _, again = converse(auth, REQUEST, refusal('Basic realm="r"'), Answer(200))
        assert again.headers["Authorization"] == "Basic " + base64.b64encode(b"maria:secret").decode()
        [next_one] = converse(auth, REQUEST, Answer(200))
        assert next_one.headers["Authorization"] == again.headers["Authorization"]

    def test_lets_a_basic_refusal_stand_without_or_with_wrong_credentials(self) -> None:
        assert len(converse(new(Anonymous()), REQUEST, refusal("Basic realm=r"))) == 1
        auth = new()
        converse(auth, REQUEST, refusal("Basic realm=r"), Answer(401))
        assert len(converse(auth, REQUEST, refusal("Basic realm=r"))) == 1, "the same again would not help"

    def test_gets_a_token_with_the_login_and_uses_it(self) -> None:
        first, question, second = converse(new(), REQUEST, refusal(BEARER), token("t1"), Answer(200))
        assert "Authorization" not in first.headers
        url = urlsplit(question.url)
        assert (url.scheme, url.netloc, url.path) == ("https", "auth.example", "/token")
        assert parse_qs(url.query) == {
            "x": ["1"],
            "service": ["registry"],
            "scope": ["repository:demo/m:pull"],
            "account": ["maria"],
        }
        assert question.headers["Authorization"].startswith("Basic ")
        assert second.headers["Authorization"] == "Bearer t1"

    def test_gets_an_anonymous_token_too(self) -> None:
        _, question, _ = converse(new(Anonymous()), REQUEST, refusal(BEARER), token("t"), Answer(200))
        assert "Authorization" not in question.headers

    def test_asks_for_what_is_to_be_done_not_only_for_what_was_said(self) -> None:
        push = Request("POST", REQUEST.url, {}, None, "demo/m", scopes("demo/m", ["pull", "push"]))
        _, question, _ = converse(new(), push, refusal(BEARER), token("t"), Answer(202))
        assert parse_qs(urlsplit(question.url).query)["scope"] == ["repository:demo/m:pull,push"]

    def test_uses_a_token_until_it_expires_and_then_gets_another_unasked(self) -> None:
        clock = Clock()
        auth = new(clock=clock)
        converse(auth, REQUEST, refusal(BEARER), token("t1", 100), Answer(200))
        [again] = converse(auth, REQUEST, Answer(200))
        assert again.headers["Authorization"] == "Bearer t1"
        clock.now += 99
        question, after = converse(auth, REQUEST, token("t2", 100), Answer(200))
        assert question.url.startswith("https://auth.example/")
        assert after.headers["Authorization"] == "Bearer t2"

    def test_takes_a_token_for_sixty_seconds_where_nothing_is_said(self) -> None:
        clock = Clock()
        auth = new(clock=clock)
        converse(auth, REQUEST, refusal(BEARER), token("t1", None), Answer(200))
        clock.now += 50
        assert len(converse(auth, REQUEST, Answer(200))) == 1
        clock.now += 15
        assert len(converse(auth, REQUEST, token("t2"), Answer(200))) == 2

    def test_renews_a_token_that_is_refused_before_its_time(self) -> None:
        auth = new()
        converse(auth, REQUEST, refusal(BEARER), token("t1"), Answer(200))
        old, _, fresh = converse(auth, REQUEST, refusal(BEARER), token("t2"), Answer(200))
        assert (old.headers["Authorization"], fresh.headers["Authorization"]) == ("Bearer t1", "Bearer t2")

    def test_a_token_for_more_serves_for_less_but_not_the_reverse(self) -> None:
        auth = new()
        push = Request("POST", REQUEST.url, {}, None, "demo/m", scopes("demo/m", ["pull", "push"]))
        converse(auth, push, refusal(BEARER), token("wide"), Answer(202))
        [pull] = converse(auth, REQUEST, Answer(200))
        assert pull.headers["Authorization"] == "Bearer wide"
        other = Request("GET", REQUEST.url, {}, None, "demo/n", scopes("demo/n", ["pull"]))
        assert len(converse(auth, other, token("for n"), Answer(200))) == 2

    def test_sends_an_identity_token_by_post(self) -> None:
        auth = new(Login(HOST, Credential(identity_token="very-long")))
        _, question, after = converse(auth, REQUEST, refusal(BEARER), token("t", name="access_token"), Answer(200))
        assert question.method == "POST"
        assert question.url == "https://auth.example/token?x=1"
        assert isinstance(question.body, bytes)
        assert parse_qs(question.body.decode()) == {
            "grant_type": ["refresh_token"],
            "service": ["registry"],
            "client_id": ["forecourt"],
            "scope": ["repository:demo/m:pull"],
            "refresh_token": ["very-long"],
        }
        assert after.headers["Authorization"] == "Bearer t"

    def test_says_how_to_log_in_where_the_token_server_refuses(self) -> None:
        with pytest.raises(Denied) as anonymous:
            converse(new(Anonymous()), REQUEST, refusal(BEARER), Answer(401))
        assert f"docker login {HOST}" in anonymous.value.hint
        with pytest.raises(Denied) as known:
            converse(new(), REQUEST, refusal(BEARER), Answer(401))
        assert "'maria'" in known.value.hint
        assert "secret" not in known.value.hint + known.value.message

    @pytest.mark.parametrize("answer", [Answer(500), Answer(200, {}, b"<html>"), Answer(200, {}, b'{"token": ""}')])
    def test_says_so_where_the_token_server_makes_no_sense(self, answer: Answer) -> None:
        with pytest.raises(RegistryError, match="token"):
            converse(new(), REQUEST, refusal(BEARER), answer)

    def test_sends_no_password_over_plain_http_for_a_registry_that_speaks_https(self) -> None:
        challenge = 'Bearer realm="http://evil.example/token",service="s"'
        with pytest.raises(Denied, match="everyone on the way"):
            converse(new(), REQUEST, refusal(challenge))

    def test_cannot_send_again_what_cannot_be_replayed(self) -> None:
        upload = Request("PUT", REQUEST.url, {}, None, "demo/m", REQUEST.scopes, replay=False)
        auth = new()
        assert len(converse(auth, upload, refusal(BEARER))) == 1
        assert len(converse(auth, upload, token("t"), Answer(201))) == 2, "but the next attempt knows what to bring"

    def test_nothing_secret_shows(self) -> None:
        assert "secret" not in repr(Credential("maria", "secret", "secret", "secret"))


class TestLoginFiles:
    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        for place in ("docker", "run/containers", "config/containers"):
            (tmp_path / place).mkdir(parents=True)
        return tmp_path

    def logins(self, directory: Path, **environ: str) -> LoginFiles:
        return LoginFiles(
            environ={
                "HOME": str(directory),
                "DOCKER_CONFIG": str(directory / "docker"),
                "XDG_RUNTIME_DIR": str(directory / "run"),
                "XDG_CONFIG_HOME": str(directory / "config"),
                **environ,
            }
        )

    def entry(self, user: str, password: str = "secret") -> dict[str, str]:
        return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}

    def write(self, path: Path, **document: object) -> None:
        path.write_text(json.dumps(document))

    def helper(self, directory: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
        program = directory / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(directory), prepend=":")

    def test_know_nobody_where_there_are_none(self, tmp_path: Path) -> None:
        assert LoginFiles(environ={"HOME": str(tmp_path)}).find(HOST) is None

    @pytest.mark.parametrize("key", [HOST, f"https://{HOST}", f"https://{HOST}/v1/", f"http://{HOST}/v2/"])
    def test_find_an_entry_however_it_is_written(self, directory: Path, key: str) -> None:
        self.write(directory / "docker/config.json", auths={key: self.entry("maria", "a:b")})
        assert self.logins(directory).find(HOST) == Credential("maria", "a:b")
        assert self.logins(directory).find("other.example") is None

    def test_know_docker_hub_under_its_old_address(self, directory: Path) -> None:
        self.write(directory / "docker/config.json", auths={"https://index.docker.io/v1/": self.entry("maria")})
        assert self.logins(directory).find("docker.io") == Credential("maria", "secret")

    def test_find_podmans_most_particular_entry(self, directory: Path) -> None:
        entries = {HOST: self.entry("all"), f"{HOST}/org": self.entry("org"), f"{HOST}/org/m": self.entry("model")}
        self.write(directory / "run/containers/auth.json", auths=entries)
        logins = self.logins(directory)
        found = [logins.find(HOST, name) for name in ("org/m", "org/n", "other/m")]
        assert [one.username for one in found if one] == ["model", "org", "all"]

    def test_look_on_where_a_file_has_none(self, directory: Path) -> None:
        self.write(directory / "docker/config.json", auths={HOST: {}})
        self.write(directory / "config/containers/auth.json", auths={HOST: self.entry("podman")})
        assert self.logins(directory).find(HOST) == Credential("podman", "secret")
        self.write(directory / "chosen.json", auths={HOST: self.entry("chosen")})
        assert self.logins(directory, REGISTRY_AUTH_FILE=str(directory / "chosen.json")).find(HOST) == Credential(
            "chosen", "secret"
        )

    def test_read_identity_tokens(self, directory: Path) -> None:
        self.write(directory / "docker/config.json", auths={HOST: {**self.entry("maria", ""), "identitytoken": "long"}})
        assert self.logins(directory).find(HOST) == Credential("maria", "", "long")

    @pytest.mark.parametrize("text", ["{", "[]", '{"auths": 3}', '{"auths": {"registry.example": {"auth": "%%%"}}}'])
    def test_leave_a_broken_file_aside(self, directory: Path, text: str) -> None:
        (directory / "docker/config.json").write_text(text)
        assert self.logins(directory).find(HOST) is None

    def test_ask_the_helper_of_the_registry_before_the_one_for_all(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.helper(directory, "all", 'echo \'{"Username": "all", "Secret": "s"}\'', monkeypatch)
        say = """read server; echo '{"Secret": "s", "Username": "at '$server'"}'"""
        self.helper(directory, "one", say, monkeypatch)
        self.write(directory / "docker/config.json", credsStore="all", credHelpers={HOST: "one"})
        logins = self.logins(directory)
        assert logins.find(HOST) == Credential(f"at {HOST}", "s")
        assert logins.find("other.example") == Credential("all", "s")

    def test_take_a_helpers_token(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.helper(directory, "tok", 'echo \'{"Username": "<token>", "Secret": "long"}\'', monkeypatch)
        self.write(directory / "docker/config.json", credsStore="tok")
        assert self.logins(directory).find(HOST) == Credential(identity_token="long")

    @pytest.mark.parametrize(
        "script", ['echo "credentials not found in native keychain"; exit 1', "exit 3", "echo nonsense", "echo '[]'"]
    )
    def test_go_on_where_a_helper_has_nothing(
        self, directory: Path, script: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.helper(directory, "none", script, monkeypatch)
        self.write(directory / "docker/config.json", credsStore="none", auths={HOST: self.entry("kept")})
        assert self.logins(directory).find(HOST) == Credential("kept", "secret")

    @pytest.mark.parametrize("name", ["is-not-installed", "../../bin/sh"])
    def test_go_on_where_there_is_no_such_helper(self, directory: Path, name: str) -> None:
        self.write(directory / "docker/config.json", credsStore=name, auths={HOST: self.entry("kept")})
        assert self.logins(directory).find(HOST) == Credential("kept", "secret")

    def test_ask_a_helper_once(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        script = f'echo asked >> {directory}/count; echo \'{{"Username": "u", "Secret": "s"}}\''
        self.helper(directory, "slow", script, monkeypatch)
        self.write(directory / "docker/config.json", credsStore="slow")
        logins = self.logins(directory)
        assert logins.find(HOST, "a") == logins.find(HOST, "a")
        assert (directory / "count").read_text() == "asked\n"
