"""How many copies may expire and be pruned in a rolling day without a human (adr/0010).

*Normal ageing* is as many copies as backups became eligible in the same rolling day: a series that
keeps its size loses one for each that it gains. Beyond it, up to ``max(10, 5 %)`` are let pass; what
exceeds that waits for `apply --allow-prune N`, down to normal ageing.
"""

from dataclasses import dataclass

AT_LEAST = 10
PERCENT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The measure of one rolling day: ``arrived`` eligible backups, ``copies`` that are there."""

    arrived: int
    copies: int

    @property
    def tolerance(self) -> int:
        """How many beyond normal ageing are let pass."""
        return max(AT_LEAST, self.copies * PERCENT // 100)

    def admit(self, wanted: int, *, already: int) -> int:
        """Return how many of the wanted ones pass, after those of the day already: a burst does not.

        All, while they stay within the tolerance; otherwise only what is normal ageing.
        """
        if already + wanted <= self.arrived + self.tolerance:
            return wanted
        return min(wanted, max(0, self.arrived - already))

    def room(self, *, already: int) -> int:
        """Return how many more may be pruned in a day in which so many were pruned already."""
        return max(0, self.arrived + self.tolerance - already)
