"""
Detectors: pure mathematics over arrays, one file each, all of one shape.
"""

from __future__ import annotations

from autonomous_dev.learning.detectors._anomaly import anomalies
from autonomous_dev.learning.detectors._change_point import ChangePoint, change_points, detect_change_points
from autonomous_dev.learning.detectors._detector import Detector
from autonomous_dev.learning.detectors._finding import Finding, Kind
from autonomous_dev.learning.detectors._forecast import forecasts
from autonomous_dev.learning.detectors._hit_ratio import falling_hit_ratios, is_hit_ratio
from autonomous_dev.learning.detectors._outline import Outline
from autonomous_dev.learning.detectors._partition import MIN_SEGMENT
from autonomous_dev.learning.detectors._samples import MIN_SAMPLES
from autonomous_dev.learning.detectors._slope import Slope, robust_slope
from autonomous_dev.learning.detectors._tail import tails
from autonomous_dev.learning.detectors._threshold import thresholds
from autonomous_dev.learning.detectors._trend import trends
from autonomous_dev.learning.detectors._variability import variabilities

__all__ = [
    "MIN_SAMPLES",
    "MIN_SEGMENT",
    "ChangePoint",
    "Detector",
    "Finding",
    "Kind",
    "Outline",
    "Slope",
    "anomalies",
    "change_points",
    "detect_change_points",
    "falling_hit_ratios",
    "forecasts",
    "is_hit_ratio",
    "robust_slope",
    "tails",
    "thresholds",
    "trends",
    "variabilities",
]
