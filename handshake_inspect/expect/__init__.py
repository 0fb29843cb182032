"""Captures as tests: a report and what was expected of it in, results out.

    expect.toml -> load.py -> Expectation --+
                                            +-- judge.py -> Verdict -> render/results/
    capture -> analyse() -> Report ---------+
    baseline.json -> baseline.py -> Baseline --^

RULES (rules.py) are the keys that an expectation can have; to add one: one row there.  MEASURES (measures.py) are what
`max` and `min` compare, DOUBTS (doubts.py) what a capture can lack and which questions are open then.  Nothing is
guessed: what the capture cannot decide is "unjudged", unless the expectation is broken whatever is missing.
"""
