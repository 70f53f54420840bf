"""Certificates: the validity as curl prints it, by which the health check recognizes a certificate."""

import pytest

from components.trust.authority import printed_validity


@pytest.mark.parametrize(
    ("start", "printed"),
    [
        ("2026-11-29T20:38:04Z", "Nov 29 20:38:04 2026 GMT"),
        ("2026-11-29T21:38:17.813995334Z", "Nov 29 21:38:17 2026 GMT"),
        ("2026-11-09T20:38:04Z", "Nov  9 20:38:04 2026 GMT"),
        ("2027-01-01T01:00:00+02:00", "Dec 31 23:00:00 2026 GMT"),
    ],
)
def test_a_validity_is_printed_as_curl_prints_it(start: str, printed: str) -> None:
    assert printed_validity(start, "2036-01-01T00:00:00Z") == (
        f"start date: {printed}\nexpire date: Jan  1 00:00:00 2036 GMT"
    )
