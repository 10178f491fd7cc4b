"""The process that runs around the clock: heartbeat, signals, one writer, and nothing that decides.

`process.Daemon` is what `bidder run` starts; `attendant` runs the cycles that are due and is the one place that
catches everything; `lock` lets one process write; `starts` stops a crash loop; `service` speaks to systemd.
"""
