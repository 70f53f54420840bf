"""The scheduled preview as an alarm: it is quiet until a renewal is due."""

import datetime
import json

import pytest

from tests.support.policies import PACK, SECONDS
from tests.support.stack import WITHOUT_CLUSTER, Stack


@pytest.mark.parametrize("days", [31, 29], ids=["before the window", "in the window"])
def test_expecting_no_changes_fails_once_a_renewal_is_due(stack: Stack, days: int) -> None:
    """The window is 30 days; instead of waiting for it, the certificate's end in the state is brought near."""
    made = WITHOUT_CLUSTER
    stack.up(*made)
    exported = json.loads(stack.pulumi("stack", "export").stdout)
    end = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    (certificate,) = [
        resource
        for resource in exported["deployment"]["resources"]
        if resource["urn"].endswith("locallySignedCert:LocallySignedCert::consul-server")
    ]
    certificate["outputs"]["validityEndTime"] = end
    file = stack.folder / "state.json"
    file.write_text(json.dumps(exported))
    stack.pulumi("stack", "import", "--file", str(file))

    alarm = ("preview", "--expect-no-changes", "--policy-pack", str(PACK), *made)
    result = stack.pulumi(*alarm, check=False, timeout=SECONDS)
    assert (result.returncode != 0) == (days < 30), result.stdout + result.stderr
    assert ("LocallySignedCert consul-server" in result.stdout) == (days < 30)
