"""The document describes what there is, as the structs that decode and answer have it."""

from typing import Any

import pytest
from openapi_spec_validator import validate

from web_lane import Site


async def document(site: Site) -> Any:
    answer = await site.ask("GET", "/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json


async def test_it_is_valid_and_of_the_version_that_has_json_schema(site: Site) -> None:
    written = await document(site)
    validate(written)
    assert written["openapi"].startswith("3.1.")


async def test_every_route_is_in_it_under_a_name_of_its_own(site: Site) -> None:
    written = await document(site)
    described = {
        (method.upper(), path): it for path, methods in written["paths"].items() for method, it in methods.items()
    }
    assert set(described) == {(route.method, route.template) for route in site.web.routes}
    assert len({operation["operationId"] for operation in described.values()}) == len(described)
    assert set(written["paths"]) == {
        "/openapi.json",
        "/v1/admin/config",
        "/v1/admin/drain",
        "/v1/admin/reload",
        "/v1/cache/{namespace}/{key}",
        "/v1/cache/{namespace}/{key}/explain",
        "/v1/cache/{namespace}/{key}/lease",
        "/v1/cache/{namespace}/{key}/lease/{lease}",
        "/v1/cache:batch",
        "/v1/cache:invalidate",
        "/v1/status",
    }


async def test_the_headers_of_the_contract_are_described(site: Site) -> None:
    put = (await document(site))["paths"]["/v1/cache/{namespace}/{key}"]["put"]
    names = {parameter.get("name") for parameter in put["parameters"] if parameter.get("in") == "header"}
    assert names == {
        "X-Cache-TTL-Ms",
        "X-Cache-Stale-Ms",
        "X-Cache-Tags",
        "X-Cache-Lease",
        "If-None-Match",
        "If-Match",
    }
    assert all(parameter["description"] for parameter in put["parameters"] if parameter.get("in") == "header")


@pytest.mark.parametrize("status", ["400", "401", "403", "409", "412", "413", "421", "429", "500", "503", "504"])
async def test_the_refusals_of_a_write_are_described_as_problems(site: Site, status: str) -> None:
    responses = (await document(site))["paths"]["/v1/cache/{namespace}/{key}"]["put"]["responses"]
    assert list(responses[status]["content"]) == ["application/problem+json"]


async def test_fields_that_depend_on_each_other_say_so(site: Site) -> None:
    schemas = (await document(site))["components"]["schemas"]
    assert schemas["Set"]["allOf"] == [
        {"oneOf": [{"required": ["key"]}, {"required": ["key_base64"]}]},
        {"oneOf": [{"required": ["value"]}, {"required": ["value_base64"]}]},
    ]
    (rule,) = schemas["Invalidation"]["allOf"]
    assert [choice["required"] for choice in rule["anyOf"]] == [["keys"], ["tags"], ["patterns"], ["all"]]
