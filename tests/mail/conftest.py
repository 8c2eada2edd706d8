"""Makes the corpus reader importable by name, in tests and in worker processes alike."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
