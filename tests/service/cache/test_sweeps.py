from fakes import Bench, write


def full_bench(entries: int = 10) -> Bench:
    bench = Bench()
    for number in range(entries):
        bench.view().store(b"user:%d" % number, write())
        bench.view().store(b"cart:%d" % number, write())
    return bench


def test_a_sweep_removes_what_a_pattern_killed_and_retires_its_rule() -> None:
    bench = full_bench()
    bench.view().invalidate(patterns=[b"user:*"])
    assert len(bench.space().entries) == 20, "dead for every reader, and still in memory"
    bench.upkeep()
    assert set(bench.space().entries) == {b"cart:%d" % number for number in range(10)}
    assert not bench.space().rules.patterns


def test_after_the_rule_is_retired_what_survived_lives_and_what_died_stays_dead() -> None:
    bench = full_bench(1)
    bench.view().invalidate(patterns=[b"user:*"])
    bench.upkeep()
    assert bench.view().get(b"cart:0") is not None
    assert bench.view().get(b"user:0") is None


def test_a_soft_pattern_is_carried_out_too() -> None:
    bench = full_bench(1)
    bench.view().invalidate(patterns=[b"user:*"], soft=True)
    bench.upkeep()
    assert not bench.space().rules.patterns
    assert bench.space().entries[b"user:0"].fresh_until <= bench.clock()


def test_a_step_is_bounded() -> None:
    bench = full_bench(10)
    sweeps = bench.engine.tenants["default"].sweeps
    bench.view().invalidate(patterns=[b"*"])
    left = []
    while sweeps.step(6, bench.clock()):
        left.append(len(bench.space().entries))
    assert left == [14, 8, 2]
    assert len(bench.space().entries) == 0


def test_however_many_patterns_there_is_one_sweep_under_way_and_one_to_come() -> None:
    bench = full_bench()
    sweeps = bench.engine.tenants["default"].sweeps
    bench.view().invalidate(patterns=[b"1*"])
    sweeps.step(1, bench.clock())
    for number in range(50):
        bench.view().invalidate(patterns=[b"%d*" % number])
    assert repr(sweeps) == "<Sweeps 19 keys to visit, 1 namespaces to come>"
    bench.upkeep()
    assert not bench.space().rules.patterns


def test_a_rule_that_comes_during_a_sweep_outlives_it() -> None:
    """What the sweep had visited before the rule came has not been asked about it."""
    bench = full_bench()
    sweeps = bench.engine.tenants["default"].sweeps
    bench.view().invalidate(patterns=[b"cart:*"])
    sweeps.step(1, bench.clock())
    bench.view().invalidate(patterns=[b"user:*"])
    sweeps.step(100, bench.clock())
    assert [rule.name for rule in bench.space().rules.patterns] == ["user:*"]


def test_the_sweeps_of_one_namespace_leave_the_others_alone() -> None:
    bench = full_bench(1)
    bench.view("elsewhere").store(b"user:0", write())
    bench.view().invalidate(patterns=[b"*"])
    bench.upkeep()
    assert bench.view("elsewhere").get(b"user:0") is not None
