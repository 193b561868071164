"""A deployment that is made or changed by ``forecourt deploy``, and what a person is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from forecourt.cli.output import Output, console, print_document
from forecourt.cli.resources import INFERENCE_SERVICE
from forecourt.errors import AlreadyExists, NotFound

if TYPE_CHECKING:
    from forecourt.cli.client import Client
    from forecourt.cli.wishes import Wishes

Document = dict[str, Any]


@dataclass(slots=True)
class Making:
    """The deployment of a name; `token` is that of the token to make: empty for any, None for none."""

    client: Client
    namespace: str
    name: str
    token: str | None
    _issued: Document = field(default_factory=dict)
    _verb: str = "deployed"

    def created(self, document: Document, wishes: Wishes) -> Document:
        """Create it; raises `AlreadyExists` with what to do instead."""
        from forecourt.objects import merged

        try:
            made = self.client.create(INFERENCE_SERVICE, self.namespace, merged(document, wishes.change()))
        except AlreadyExists as error:
            if "is being deleted" in error.message:
                raise
            scope = self._scope
            raise AlreadyExists(
                f"There is a deployment {self.name} already.",
                hint=f"Roll this out to it with --update, to a share of its requests with --canary 10, or choose "
                f"another --name. See it: forecourt describe {self.name}{scope}",
            ) from None
        self._issue(made)
        return made

    def updated(self, document: Document | None, wishes: Wishes, *, dry_run: bool) -> Document:
        """Change it; raises `NotFound` where it is not there, `AlreadyExists` for a token's name that is taken."""
        from dataclasses import replace

        from forecourt.cli.columns import annotation
        from forecourt.cli.updating import change_of
        from forecourt.cli.wishes import CONNECTION

        try:
            before = self.client.read(INFERENCE_SERVICE, self.namespace, self.name)
        except NotFound:
            raise NotFound(
                f"There is no deployment {self.name} to update.",
                hint="Leave out --update and --canary to make it, or say another --name.",
            ) from None
        if wishes.path and wishes.connection is None:
            wishes = replace(wishes, connection=annotation(before, CONNECTION) or None)
        self._refuse_taken()
        change = change_of(self.client, before, document, wishes)
        after = before
        if change:
            after = self.client.patch(INFERENCE_SERVICE, self.namespace, self.name, change, dry_run=dry_run)
        self._verb = "updated" if change else "unchanged"
        if not dry_run:
            self._issue(after)
        return after

    def tell(self, made: Document, timeout: float | None, output: Output) -> None:
        """Wait for it for `timeout` seconds where that is said, and show what there is; its token, whatever comes."""
        from forecourt.cli.access import warn_if_open
        from forecourt.cli.waiting import until_ready

        stopped = (made["metadata"].get("annotations") or {}).get("serving.kserve.io/stop") == "true"
        try:
            if timeout is not None and not stopped:
                made = until_ready(self.client, self.namespace, self.name, timeout)
            if output is Output.NAME:
                console.print(INFERENCE_SERVICE.qualified(self.name))
            elif output in {Output.JSON, Output.YAML}:
                print_document(made, output)
            else:
                self._show(made, ready=timeout is not None and not stopped, stopped=stopped)
            warn_if_open(made)
        finally:
            self._show_token(output)

    def _refuse_taken(self) -> None:
        if self.token and self.token in self._tokens():
            raise AlreadyExists(
                f"{self.name} has a token {self.token} already.",
                hint=f"Choose another name, or revoke it: forecourt tokens revoke {self.name} {self.token}",
            )

    def _tokens(self) -> list[str]:
        items = self.client.get(INFERENCE_SERVICE.path(self.namespace, f"{self.name}/tokens"))["items"]
        return [one["name"] for one in items]

    def _issue(self, made: Document) -> None:
        from forecourt.cli.tokens import DEFAULT_TOKEN, issue

        if self.token is None:
            return
        if self.token == "" and self._tokens():
            console.note(f"{self.name} has tokens already; make another: forecourt tokens create {self.name} NAME")
            return
        self._issued = issue(self.client, self.namespace, made["metadata"]["name"], self.token or DEFAULT_TOKEN)

    @property
    def _scope(self) -> str:
        return "" if self.namespace == "default" else f" -n {self.namespace}"

    def _show(self, made: Document, *, ready: bool, stopped: bool) -> None:
        name, scope = self.name, self._scope
        if stopped:
            console.print(f"{name} is {self._verb}, and stopped; start it with: forecourt start {name}{scope}")
            return
        if not ready:
            console.print(f"{name} is {self._verb}; watch it with: forecourt get isvc {name} -w{scope}")
            return
        percent = made["spec"]["predictor"].get("canaryTrafficPercent")
        if percent is not None and percent < 100 and self._verb != "deployed":
            console.print(f"{name} is a canary: the new revision has {percent} % of the requests")
            console.note(
                f"Have it all: forecourt rollout promote {name}{scope}; go back: forecourt rollback {name}{scope}"
            )
            return
        if self._verb != "deployed":
            console.print(f"{name} is {self._verb}, and ready at {made['status']['url']}")
            return
        model = name if self.namespace == "default" else f"{self.namespace}/{name}"
        header = " -H 'Authorization: Bearer TOKEN'" if self._issued else ""
        chat = f"\n  {'FORECOURT_TOKEN=TOKEN ' if self._issued else ''}forecourt chat {name}{scope}\n"
        console.print(f"{name} is ready at {made['status']['url']}")
        console.note(f"""
Ask it:
{chat}
  curl {self.client.url}/v1/chat/completions -H 'Content-Type: application/json'{header} \\
    -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}], "max_tokens": 100}}'
""")

    def _show_token(self, output: Output) -> None:
        """Show the token: with the result where people read that, else beside it; never not at all."""
        import typer

        if self._issued:
            told = f"Token {self._issued['name']}, shown this once: {self._issued['token']}"
            typer.echo(told, err=output not in {Output.TABLE, Output.WIDE})
