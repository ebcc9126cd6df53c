"""The command ``mnistcnn``, also started by ``python -m mnistcnn``."""

import sys

_INTERRUPTED = 130


def main() -> int:
    """Run the command and return its exit code, also if Ctrl-C interrupts its import."""
    try:
        from mnistcnn.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
