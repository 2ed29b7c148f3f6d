"""
Detectors: pure mathematics over arrays, one file each, all of one shape.
"""

from __future__ import annotations

from autonomous_dev.learning.detectors._anomaly import anomalies
from autonomous_dev.learning.detectors._change_point import change_points
from autonomous_dev.learning.detectors._detector import Detector
from autonomous_dev.learning.detectors._finding import Finding, Kind
from autonomous_dev.learning.detectors._hit_ratio import falling_hit_ratios, is_hit_ratio
from autonomous_dev.learning.detectors._outline import Outline
from autonomous_dev.learning.detectors._samples import MIN_SAMPLES
from autonomous_dev.learning.detectors._segments import MIN_SEGMENT
from autonomous_dev.learning.detectors._threshold import thresholds
from autonomous_dev.learning.detectors._trend import Slope, robust_slope, trends

__all__ = [
    "MIN_SAMPLES",
    "MIN_SEGMENT",
    "Detector",
    "Finding",
    "Kind",
    "Outline",
    "Slope",
    "anomalies",
    "change_points",
    "falling_hit_ratios",
    "is_hit_ratio",
    "robust_slope",
    "thresholds",
    "trends",
]
