"""The project examples/consumer, without a cluster."""

from pathlib import Path

from tests.support.stack import PROJECT_DIR, Stack


def test_a_stack_without_the_outputs_of_a_cluster_is_refused(tmp_path: Path) -> None:
    stack = Stack(tmp_path, project=PROJECT_DIR / "examples" / "consumer")
    stack.configure({"consulStack": stack.name, "namespace": "web", "image": "example/consul:1"})
    printed = stack.preview(check=False)
    assert f"consulStack = {stack.name} cannot be used: that stack has no output" in printed
    assert "Traceback" not in printed
