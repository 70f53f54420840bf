"""The plugin that the engine starts with its own address as argument."""

import sys
from pathlib import Path

# From a git clone nothing of this repository is installed: the component lies beside this folder.
sys.path.insert(0, str(Path(__file__).parent.parent))

if __name__ == "__main__":
    import pulumi.provider

    from plugin.provider import ConsulProvider

    pulumi.provider.main(ConsulProvider(), sys.argv[1:])
