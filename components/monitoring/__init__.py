"""Alerts and a dashboard, and the objects through which Prometheus and Grafana find them."""
