"""x"""

from typing import Any
from phichat.bench.plan import Plan


def measure(plan: Plan) -> dict[str, Any]:
    return {}
