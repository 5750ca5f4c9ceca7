import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from wildgraph.intervals import wilson


@given(trials=st.integers(1, 5000), data=st.data())
def test_bands_are_wilsons(trials, data):
    successes = data.draw(st.integers(0, trials))
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(trials=st.integers(1, 500), together=st.integers(2, 200), data=st.data())
def test_bands_that_hold_together_are_wider(trials, together, data):
    successes = data.draw(st.integers(0, trials))
    low, high = wilson(successes, trials)
    wider_low, wider_high = wilson(successes, trials, together=together)
    assert 0.0 <= wider_low <= low <= successes / trials <= high <= wider_high <= 1.0
