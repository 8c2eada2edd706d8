"""Makes the corpus reader importable by name, in tests and in worker processes alike; examples have no time limit."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("mail", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mail")
