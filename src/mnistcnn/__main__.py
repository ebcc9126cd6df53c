"""``python -m mnistcnn`` runs the command ``mnistcnn``."""

import sys

from mnistcnn.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
