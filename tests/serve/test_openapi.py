"""The service keeps what its OpenAPI description says, for requests that it allows and others."""

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from mnistcnn.serve.app import create_app
from mnistcnn.serve.settings import Settings

app = create_app(Settings(concurrency=1, max_bytes=100_000))
# Loaded from the application, the description would start it while tests are collected.
schema = schemathesis.openapi.from_dict(app.openapi())
schema.app = app


@pytest.mark.release
@schema.parametrize()
@settings(max_examples=25)
def test_responses_are_as_described(case):
    # Random bytes are no picture, which the description can't express.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


def test_every_route_is_described(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert {path: set(methods) for path, methods in paths.items()} == {
        "/read": {"post"},
        "/predict": {"post"},
        "/healthz": {"get"},
        "/version": {"get"},
    }
    assert set(paths["/read"]["post"]["responses"]) == {
        "200", "408", "413", "415", "422", "429", "504"
    }  # fmt: skip
