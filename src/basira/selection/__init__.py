"""Selection: every declaration of a day in one lane, under capacity, with a known probability.

Enters: scored declarations and a policy. Leaves: an allocation. Never here: a score of its own, a store.
"""

from basira.selection.batch.allocate import Allocation, allocate
from basira.selection.policy.load import load_policy, restore_policy
from basira.selection.policy.model import Policy

__all__ = ["Allocation", "Policy", "allocate", "load_policy", "restore_policy"]
