"""The decorators: @cache, @cache_invalidate and @cache_refresh, for functions and methods, sync and async.

Each may be written bare, with empty brackets or with arguments. A sync function uses the sync client, an async one the
async client: the process's default, or the one given as `client=`, which must be of the same kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pannier._bindings import Binding
from pannier._cached import CachedFunction
from pannier._commands import make_invalidation
from pannier._config import checked_namespace
from pannier._protocol import Policy
from pannier._shelf import checked_policy, life_of
from pannier._wrappers import applied, home_of, invalidating, looking_up, running
from pannier.errors import Misconfigured

if TYPE_CHECKING:
    from pannier._bindings import Choice, Choices
    from pannier._cached import AnyClient
    from pannier._config import Seconds
    from pannier._outbox import Invalidation
    from pannier._protocol import OnUnavailable

__all__ = ["cache", "cache_invalidate", "cache_refresh"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def cache(function: F, /) -> F: ...
@overload
def cache(
    *,
    key: Choice | None = None,
    ttl: Seconds | None = None,
    stale: Seconds | None = None,
    tags: Choices = (),
    condition: Callable[..., Any] | None = None,
    namespace: str | None = None,
    refresh_ahead: bool = True,
    negative_ttl: Seconds | None = None,
    on_unavailable: OnUnavailable = "bypass",
    client: AnyClient | None = None,
) -> Callable[[F], F]: ...
def cache(  # noqa: PLR0913 - the contract's arguments
    function: F | None = None,
    /,
    *,
    key: Choice | None = None,
    ttl: Seconds | None = None,
    stale: Seconds | None = None,
    tags: Choices = (),
    condition: Callable[..., Any] | None = None,
    namespace: str | None = None,
    refresh_ahead: bool = True,
    negative_ttl: Seconds | None = None,
    on_unavailable: OnUnavailable = "bypass",
    client: AnyClient | None = None,
) -> F | Callable[[F], F]:
    """Cache what the function returns. Of concurrent callers with one key, one runs it.

    Args:
        function: The function, when the decorator is written bare.
        key: A template over the arguments ("user:{user_id}", values escaped) or a callable; none: the function's
            qualified name and its arguments.
        ttl: Seconds that a result is fresh; none: the namespace's.
        stale: Seconds after that in which it may be served while one caller refreshes it, or when the function fails.
        tags: Templates, which may use `result`, or a callable that makes the tags.
        condition: A callable of the arguments; a call for which it is false is not cached.
        namespace: Where results are kept; none: the client's.
        refresh_ahead: Let one caller refresh a result shortly before it dies.
        negative_ttl: Seconds that None is kept; none: the namespace's, whose default is not at all.
        on_unavailable: Without a sidecar, "bypass" runs the function, "stale" prefers the last result that this
            process knows, "raise" raises pannier.Unavailable.
        client: The client to use; none: the process's default.

    Raises:
        NotCacheable: The return annotation cannot be encoded and decoded.
        Misconfigured: An argument cannot be right.
    """
    policy = Policy(life_of(ttl, stale, negative_ttl), refresh_ahead, checked_policy(on_unavailable))

    def decorate(function: F) -> Any:
        plan = CachedFunction(
            function, Binding(function), policy, key=key, tags=tags, condition=condition, namespace=namespace
        )
        return looking_up(plan, home_of(function, client))

    return applied(decorate, function)


@overload
def cache_refresh(function: F, /) -> F: ...
@overload
def cache_refresh(
    *,
    key: Choice | None = None,
    ttl: Seconds | None = None,
    stale: Seconds | None = None,
    tags: Choices = (),
    namespace: str | None = None,
    negative_ttl: Seconds | None = None,
    client: AnyClient | None = None,
) -> Callable[[F], F]: ...
def cache_refresh(
    function: F | None = None,
    /,
    *,
    key: Choice | None = None,
    ttl: Seconds | None = None,
    stale: Seconds | None = None,
    tags: Choices = (),
    namespace: str | None = None,
    negative_ttl: Seconds | None = None,
    client: AnyClient | None = None,
) -> F | Callable[[F], F]:
    """Run the function on every call, and replace what is cached under the key by its result.

    Args and errors are those of `cache`. While the function runs others may get the old value as a stale one; when it
    raises, the old value is not fresh any more.
    """
    policy = Policy(life_of(ttl, stale, negative_ttl))

    def decorate(function: F) -> Any:
        plan = CachedFunction(function, Binding(function), policy, key=key, tags=tags, namespace=namespace)
        return running(plan, home_of(function, client))

    return applied(decorate, function)


@overload
def cache_invalidate(function: F, /) -> F: ...
@overload
def cache_invalidate(
    *,
    key: Choice | None = None,
    keys: Choices | None = None,
    tags: Choices | None = None,
    pattern: Choices | None = None,
    soft: bool = False,
    namespace: str | None = None,
    client: AnyClient | None = None,
) -> Callable[[F], F]: ...
def cache_invalidate(
    function: F | None = None,
    /,
    *,
    key: Choice | None = None,
    keys: Choices | None = None,
    tags: Choices | None = None,
    pattern: Choices | None = None,
    soft: bool = False,
    namespace: str | None = None,
    client: AnyClient | None = None,
) -> F | Callable[[F], F]:
    """Forget what the function made untrue, after it returned; nothing when it raised.

    The call returns when no read through this sidecar sees the old values any more. While the sidecar is away the
    invalidation waits, and this process bypasses what it concerns. Where callables name nothing, nothing is forgotten.

    Args:
        function: The function, when the decorator is written bare.
        key: One key, as for `cache`; may use `result`.
        keys: Several. With neither keys nor tags nor a pattern, the whole namespace is forgotten.
        tags: Tags, in all of the tenant's namespaces.
        pattern: One glob over the keys, or several; values of arguments are escaped, so they are no globs themselves.
        soft: The old values may be served while they are refreshed.
        namespace: Where keys and patterns are; none: the client's.
        client: The client to use; none: the process's default.

    Raises:
        Misconfigured: An argument cannot be right, such as an empty list of names.
    """
    everything = _is_everything(key=key, keys=keys, tags=tags, pattern=pattern)

    def decorate(function: F) -> Any:
        binding = Binding(function)
        named = [binding.texts(names, with_result=True) for names in (key, keys) if names is not None]
        tagged = binding.tags(tags or (), with_result=True)
        matched = binding.texts(pattern or (), with_result=True)

        def invalidation(client: AnyClient, args: Any, kwargs: Any, result: Any) -> Invalidation | None:
            arguments = {"result": result, **binding.bind(args, kwargs)}
            found_keys = [text for texts in named for text in texts(arguments)]
            found_tags, found_patterns = tagged(arguments), matched(arguments)
            if not (everything or found_keys or found_tags or found_patterns):
                return None
            return make_invalidation(
                namespace or client.settings.namespace,
                keys=found_keys,
                tags=found_tags,
                patterns=found_patterns,
                everything=everything,
                soft=soft,
            )

        return invalidating(function, invalidation, home_of(function, client))

    if namespace is not None:
        checked_namespace(namespace)
    return applied(decorate, function)


def _is_everything(**named: Choices | None) -> bool:
    """Whether the whole namespace is meant: nothing is named. A list that happens to be empty does not mean it."""
    for argument, names in named.items():
        if names is not None and not callable(names) and not names:
            raise Misconfigured(f"{argument}={names!r} names nothing; leave it out to forget the whole namespace")
    return all(names is None for names in named.values())
