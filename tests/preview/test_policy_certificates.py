"""The workflow Certificates: its preview expects no changes, and fails once a renewal is due."""

import datetime
import json

import pytest

from tests.support.policies import PACK, PREVIEW_TIMEOUT_SECONDS
from tests.support.stack import WITHOUT_CLUSTER, Stack


@pytest.mark.parametrize("days", [31, 29], ids=["before the window", "in the window"])
def test_expecting_no_changes_fails_once_a_renewal_is_due(stack: Stack, days: int) -> None:
    """Renewal is due 30 days before the end. The test changes the certificate's end in the state instead of waiting."""
    stack.up(*WITHOUT_CLUSTER)
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

    alarm = ("preview", "--refresh=false", "--expect-no-changes", "--policy-pack", str(PACK), *WITHOUT_CLUSTER)
    result = stack.pulumi(*alarm, check=False, timeout=PREVIEW_TIMEOUT_SECONDS)
    assert (result.returncode != 0) == (days < 30), result.stdout + result.stderr
    assert ("LocallySignedCert consul-server" in result.stdout) == (days < 30)
