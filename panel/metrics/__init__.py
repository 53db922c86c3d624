"""/metrics: the panel's own figures, as Prometheus reads them.

What happens is counted where it happens (servers/meter.py) and kept in Redis; how things stand is read
as somebody asks. Labels are few and known: never one for each server or person.
"""
