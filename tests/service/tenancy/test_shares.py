from pannierd.config import Tenant
from pannierd.tenancy.shares import memory_shares


def test_without_tenants_all_memory_is_the_default_tenants() -> None:
    assert memory_shares({}, 1000) == {"default": 1000}


def test_who_names_no_share_gets_an_equal_part_of_what_the_others_leave() -> None:
    shares = {"a": Tenant(memory_share=0.5), "b": Tenant(), "c": Tenant()}
    assert memory_shares(shares, 1000) == {"a": 500, "b": 250, "c": 250}
    assert memory_shares({"a": Tenant(), "b": Tenant()}, 1000) == {"a": 500, "b": 500}


def test_who_may_not_use_the_cache_gets_none_of_it() -> None:
    shares = {"shop": Tenant(memory_share=0.5), "office": Tenant(), "operations": Tenant(roles=["operator"])}
    assert memory_shares(shares, 1000) == {"shop": 500, "office": 500, "operations": 0}


def test_what_nobody_was_given_stays_free() -> None:
    assert memory_shares({"a": Tenant(memory_share=0.25)}, 1000) == {"a": 250}
