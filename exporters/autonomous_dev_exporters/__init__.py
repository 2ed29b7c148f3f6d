"""
Speaks to live systems: a page for Prometheus, dashboards for Grafana.
"""
