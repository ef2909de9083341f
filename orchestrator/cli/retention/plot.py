"""A simulation as a drawing: what is kept, per tier over time, stacked. Plain SVG, no library."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from orchestrator.cli.retention.report import Scenario
from orchestrator.planning.simulation.simulate import ALWAYS_KEPT, SimulatedDay, Simulation

WIDTH, HEIGHT = 1040, 480
LEFT, RIGHT, TOP, BOTTOM = 70, 240, 60, 60
GRIDLINES = 5
WAITING, HELD = "waiting for prune_delay", "held for --allow-prune"

# Colours that people with any colour vision tell apart (Okabe and Ito).
COLOURS: Mapping[str, str] = {
    "hourly": "#56b4e9",
    "daily": "#0072b2",
    "weekly": "#009e73",
    "monthly": "#e69f00",
    "yearly": "#cc79a7",
    ALWAYS_KEPT: "#333333",
    WAITING: "#bbbbbb",
    HELD: "#d55e00",
}

STYLE = (
    "text{font-family:sans-serif;font-size:13px;fill:#222}"
    ".title{font-size:17px;font-weight:bold}.grid{stroke:#ddd}.axis{stroke:#222}"
)


@dataclass(frozen=True, slots=True)
class Scale:
    """From days and copies to the drawing's units."""

    days: int
    top: int

    def x(self, day: float) -> float:
        """Return where a day is; the end of the last one is the right edge."""
        return round(LEFT + day / self.days * (WIDTH - LEFT - RIGHT), 1)

    def y(self, copies: float) -> float:
        """Return where a number of copies is."""
        return round(HEIGHT - BOTTOM - copies / self.top * (HEIGHT - TOP - BOTTOM), 1)


def draw_simulation(scenario: Scenario, simulation: Simulation) -> str:
    """Return a complete SVG document: an area per tier, the outage, axes, legend and title."""
    days = simulation.days
    layers = [name for name in COLOURS if any(_in_layer(day, name) for day in days)]
    most = max(day.kept + day.expired for day in days)
    scale = Scale(len(days), GRIDLINES * _round_up(most / GRIDLINES))
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{escape(scenario.title)}</title><style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text class="title" x="{LEFT}" y="32">{escape(scenario.title)}</text>',
        *_draw_outage_band(scenario, scale),
        *_draw_grid(scale),
        *_draw_areas(days, layers, scale),
        *_draw_axes(scale),
        *_draw_outage_label(scenario, scale),
        *_draw_legend(days[-1], layers),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _in_layer(day: SimulatedDay, name: str) -> int:
    match name:
        case "waiting for prune_delay":
            return day.expired - day.held
        case "held for --allow-prune":
            return day.held
        case _:
            return day.by_finest.get(name, 0)


def _round_up(number: float) -> int:
    """Return the least number with one digit and zeros, but 7 and 9, that is not below a number."""
    power = 1
    while True:
        for step in (1, 2, 3, 4, 5, 6, 8):
            if step * power >= number:
                return step * power
        power *= 10


def _draw_areas(days: Sequence[SimulatedDay], layers: Sequence[str], scale: Scale) -> Iterator[str]:
    below = [0] * len(days)
    for name in layers:
        above = [low + _in_layer(day, name) for low, day in zip(below, days, strict=True)]
        upper = [f"{scale.x(day + 1)},{scale.y(high)}" for day, high in enumerate(above)]
        lower = [f"{scale.x(day + 1)},{scale.y(low)}" for day, low in enumerate(below)]
        start = f"{scale.x(0)},{scale.y(0)}"
        points = " ".join([start, *upper, *reversed(lower)])
        yield f'<polygon fill="{COLOURS[name]}" points="{points}"/>'
        below = above


def _draw_grid(scale: Scale) -> Iterator[str]:
    for number in range(GRIDLINES + 1):
        copies = scale.top * number // GRIDLINES
        y = scale.y(copies)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text text-anchor="end" x="{LEFT - 8}" y="{y + 4}">{copies}</text>'


def _draw_axes(scale: Scale) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    yield f'<path class="axis" fill="none" d="M{LEFT},{TOP} V{bottom} H{right}"/>'
    for day in range(0, scale.days + 1, _round_up(scale.days / 10)):
        x = scale.x(day)
        yield f'<line class="axis" x1="{x}" x2="{x}" y1="{bottom}" y2="{bottom + 5}"/>'
        yield f'<text text-anchor="middle" x="{x}" y="{bottom + 20}">{day}</text>'
    middle = (LEFT + right) / 2
    yield f'<text text-anchor="middle" x="{middle}" y="{HEIGHT - 16}">days from the start</text>'
    y = (TOP + bottom) / 2
    yield (
        f'<text text-anchor="middle" transform="translate(20 {y}) rotate(-90)">'
        "copies at one destination</text>"
    )


def _outage_within(scenario: Scenario, scale: Scale) -> tuple[int, int] | None:
    if scenario.outage is None or scenario.outage[0] >= scale.days:
        return None
    return scenario.outage[0], min(scenario.outage[1], scale.days)


def _draw_outage_band(scenario: Scenario, scale: Scale) -> Iterator[str]:
    outage = _outage_within(scenario, scale)
    if outage is not None:
        left, right = map(scale.x, outage)
        yield (
            f'<rect x="{left}" y="{TOP}" width="{right - left:.1f}"'
            f' height="{HEIGHT - TOP - BOTTOM}" fill="#fbe3d6"/>'
        )


def _draw_outage_label(scenario: Scenario, scale: Scale) -> Iterator[str]:
    outage = _outage_within(scenario, scale)
    if outage is not None:
        middle = sum(map(scale.x, outage)) / 2
        yield f'<text text-anchor="middle" x="{middle:.1f}" y="{TOP - 6}">outage</text>'


def _draw_legend(last: SimulatedDay, layers: Sequence[str]) -> Iterator[str]:
    """Name the layers as they lie, the topmost first, with their number at the end."""
    x = WIDTH - RIGHT + 16
    for position, name in enumerate(reversed(layers)):
        y = TOP + 22 * position
        yield f'<rect x="{x}" y="{y}" width="13" height="13" fill="{COLOURS[name]}"/>'
        yield f'<text x="{x + 19}" y="{y + 11}">{escape(name)}: {_in_layer(last, name)}</text>'
