from hypothesis import given
from hypothesis import strategies as st

from fakes import Bench
from pannierd.cache.entry import Entry
from pannierd.cache.fifo import Fifo


@given(st.lists(st.one_of(st.just("push"), st.integers(0, 20))))
def test_entries_leave_in_order_and_from_the_middle(steps: list[str | int]) -> None:
    """Beside a list, which does the same slowly."""
    space, fifo, shadow = Bench().space(), Fifo(), list[Entry]()
    for step in steps:
        if step == "push":
            made = Entry(space, b"%d" % len(shadow), cost=len(shadow) + 1)
            fifo.push(made)
            shadow.append(made)
        elif shadow and isinstance(step, int):
            fifo.remove(shadow.pop(step % len(shadow)))
        assert list(fifo) == shadow
        assert fifo.oldest() is (shadow[0] if shadow else None)
        assert fifo.bytes == sum(made.cost for made in shadow)


def test_what_left_holds_on_to_nobody() -> None:
    fifo, space = Fifo(), Bench().space()
    entries = [Entry(space, b"a"), Entry(space, b"b")]
    for made in entries:
        fifo.push(made)
    fifo.remove(entries[0])
    links: list[object] = [entries[0].older, entries[0].newer]
    assert links == [None, None]
