"""One load per key: who may fill, and when a fill comes too late."""

from fakes import Bench, Connection


class Desk:
    """The loads of one namespace."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.space = self.bench.space()
        self.loads = self.space.loads

    def lease(self, key: bytes = b"key", holder: Connection | None = None) -> str | None:
        return self.loads.lease(key, self.bench.clock(), holder)

    def held(self, key: bytes = b"key", holder: Connection | None = None) -> str:
        lease = self.lease(key, holder)
        assert lease is not None
        return lease

    def refusal(self, lease: str, key: bytes = b"key", tags: tuple[str, ...] = ()) -> str:
        return self.loads.refusal(self.loads.own(key, lease), tags, self.bench.clock())


def test_one_caller_gets_the_lease_of_a_key() -> None:
    desk = Desk()
    assert desk.refusal(desk.held()) == ""
    assert desk.lease() is None
    assert desk.lease(b"another") is not None


def test_a_lease_fills_the_key_that_it_was_granted_for_in_the_namespace_where_it_was() -> None:
    desk = Desk()
    lease = desk.held()
    assert desk.refusal(lease, b"another") == "lease_unknown"
    assert desk.bench.space("elsewhere").loads.own(b"key", lease) is None
    assert desk.refusal("never granted") == "lease_unknown"


def test_a_silent_holder_is_refused_and_the_next_caller_takes_over() -> None:
    desk = Desk()
    late = desk.held()
    desk.bench.clock.advance(10)
    assert desk.refusal(late) == "lease_expired"
    assert desk.refusal(desk.held()) == ""
    assert desk.refusal(late) == "lease_unknown"


def test_a_killed_load_is_refused_with_the_reason_and_the_next_caller_begins_anew() -> None:
    desk = Desk()
    for why in ("invalidated", "overwritten"):
        lease = desk.held()
        desk.loads.kill(b"key", why)
        assert desk.refusal(lease) == why
    assert desk.lease() is not None


def test_kill_if_kills_the_loads_that_are_concerned_and_no_others() -> None:
    desk = Desk()
    user, cart = desk.held(b"user:1"), desk.held(b"cart:1")
    desk.loads.kill_if(lambda key: key.startswith(b"user:"))
    assert desk.refusal(user, b"user:1") == "invalidated"
    assert desk.refusal(cart, b"cart:1") == ""


def test_a_tag_that_was_invalidated_during_the_load_refuses_the_fill_that_names_it() -> None:
    """Nobody could know the tag when the lease was granted."""
    desk = Desk()
    lease = desk.held()
    desk.bench.view().invalidate(tags=["red"])
    assert desk.refusal(lease, tags=("red",)) == "invalidated"
    assert desk.refusal(lease, tags=("blue",)) == ""


def test_a_given_up_load_is_free_for_the_next_caller() -> None:
    desk = Desk()
    flight = desk.loads.own(b"key", desk.held())
    assert flight is not None
    desk.loads.abandon(flight)
    assert desk.lease() is not None


def test_the_end_of_a_dead_load_does_not_end_the_one_that_followed() -> None:
    desk = Desk()
    dead = desk.loads.own(b"key", desk.held())
    assert dead is not None
    desk.loads.kill(b"key", "invalidated")
    living = desk.held()
    desk.loads.abandon(dead)
    assert desk.refusal(living) == ""
    assert desk.lease() is None


def test_a_closed_connection_gives_its_leases_back() -> None:
    desk, holder, other = Desk(), Connection(), Connection()
    leases = {key: desk.held(key, holder) for key in (b"a", b"b")}
    kept = desk.held(b"c", other)
    desk.bench.operations.give_back(holder)
    assert [desk.refusal(lease, key) for key, lease in leases.items()] == ["lease_unknown"] * 2
    assert desk.refusal(kept, b"c") == ""
    assert len(desk.bench.engine.tenants["default"].flights) == 1
