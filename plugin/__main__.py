"""The plugin's entry point. The engine starts it with the engine's address as argument."""

import sys
from pathlib import Path

# In a git clone, this repository is not installed as a package, so Python has to find `components` and `plugin` here.
sys.path.insert(0, str(Path(__file__).parent.parent))

if __name__ == "__main__":
    import pulumi.provider

    from plugin.provider import ConsulProvider

    pulumi.provider.main(ConsulProvider(), sys.argv[1:])
