"""The one-cycle schedule of the recipes."""

import numpy as np
import pytest

from mnistcnn.training.learning_rate_schedules import OneCycleSchedule


def test_the_one_cycle_schedule_rises_and_falls_to_0():
    rate = OneCycleSchedule(0.01, steps=100, warmup=0.2)
    rates = np.array([float(rate(step)) for step in range(100)])
    assert rates.argmax() in (19, 20)
    assert 0.0095 < rates.max() <= 0.01
    assert 0.001 < rates[0] < 0.0015
    assert 0 < rates[-1] < 0.0001
    assert np.allclose(np.diff(rates[20:]), -0.01 / 80)
    assert float(rate(200)) == 0
    falling = OneCycleSchedule(0.01, steps=10, warmup=0.0)
    assert float(falling(0)) == pytest.approx(0.0095)
    assert OneCycleSchedule(**rate.get_config()).get_config() == rate.get_config()
