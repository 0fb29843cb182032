"""What hypothesis draws: scripts for two endpoints, their traits, and what the link does to each segment.

HYPOTHESIS_LONG=1 in the environment runs thousands of examples instead of hundreds.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from endpoints import MS, Traits
from link import Action, Fate, World, converse

LONG = bool(os.environ.get("HYPOTHESIS_LONG"))


def profile(examples: int) -> settings:
    """Return settings for a test of `examples` conversations, thirty times as many in a long run."""
    return settings(
        max_examples=examples * (30 if LONG else 1),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
    )


ENDS = ("A", "B")
# fmt: off
OPENINGS = st.one_of(
    st.just([(0, "B", "listen", 0), (0, "A", "connect", 0)]),
    st.builds(lambda gap: [(0, "B", "connect", 0), (gap, "A", "connect", 0)], st.sampled_from((0, 1, 7, 30, 60))),
    st.just([(0, "A", "connect", 0)]),
    st.builds(lambda gap: [(0, "A", "connect", 0), (gap, "B", "listen", 0)], st.sampled_from((10, 1010, 3500))),
)
# fmt: on
GAPS = st.sampled_from((0, 0, 1, 5, 20, 50, 90, 200, 1200))
ACTIONS = st.one_of(
    st.tuples(GAPS, st.sampled_from(ENDS), st.just("write"), st.sampled_from((1, 700, 2500))),
    st.tuples(GAPS, st.sampled_from(ENDS), st.just("close"), st.just(0)),
    st.tuples(GAPS, st.sampled_from(ENDS), st.sampled_from(("close", "close", "abort")), st.just(0)),
)
TRAITS = st.builds(
    Traits, holds=st.booleans(), rst_acks=st.booleans(), fin_rides=st.booleans(), early_close=st.booleans()
)
POINTS = (0.0, 0.02, 0.25, 0.5, 0.75, 0.98, 1.0)
LATENCIES = st.sampled_from((MS // 10, 10 * MS, 40 * MS, 300 * MS))
# Mostly it arrives; else it is lost, late (later ones overtake it unless the link keeps order) or doubled.
FATES = st.lists(
    st.sampled_from((
        Fate(), Fate(), Fate(), Fate(lost="before"), Fate(lost="behind"), Fate(lost="behind"), Fate(3, 0), Fate(0, 3),
        Fate(70, 0), Fate(0, 70), Fate(0, 1500), Fate(doubled="before"), Fate(doubled="behind"),
        Fate(0, 90, doubled="behind"),
    )),
    max_size=24,
)  # fmt: skip


@st.composite
def scripts(draw: st.DrawFn) -> list[Action]:
    """Return an opening, then what the two applications do."""
    script: list[Action] = list(draw(OPENINGS))
    first: Action = (draw(st.sampled_from((0, 3, 45, 90, 700))), "A", "write", 0)
    return [*script, first, *draw(st.lists(ACTIONS, max_size=6))]


@st.composite
def worlds(draw: st.DrawFn, *, doubled: bool = True, kept_order: bool = False) -> World:
    """Return a conversation over a link that does anything, captured anywhere."""
    fates = [fate for fate in draw(FATES) if doubled or not fate.doubled]
    return converse(
        draw(scripts()),
        point=draw(st.sampled_from(POINTS)),
        latency_ns=draw(LATENCIES),
        # A FIN from SYN_RECEIVED that is lost before the capture leaves nothing to tell it by.
        traits=(draw(TRAITS)._replace(early_close=False), draw(TRAITS)._replace(early_close=False)),
        fates=fates,
        in_order=kept_order or draw(st.booleans()),
    )
