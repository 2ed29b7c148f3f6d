"""
Detectors: pure mathematics over arrays, one file each, all of one shape.
"""
