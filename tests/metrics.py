"""Reads Prometheus text from standard input with Prometheus' own parser and prints its samples as JSON.

It fails on what the parser lets pass but the format forbids: a family without HELP or TYPE, a counter that is not named
_total, buckets that do not add up.
"""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

text = sys.stdin.read()
assert text.endswith("\n") and "\r" not in text
samples = {}
names = set()
for family in text_string_to_metric_families(text):
    assert family.type in ("counter", "gauge", "histogram"), family
    assert family.documentation, family.name
    assert family.name not in names, family.name
    names.add(family.name)
    for sample in family.samples:
        if family.type == "counter":
            assert sample.name == family.name + "_total", sample
        labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
        key = sample.name + (f"{{{labels}}}" if labels else "")
        assert key not in samples, key
        samples[key] = sample.value
    if family.type == "histogram":
        buckets = [sample for sample in family.samples if sample.name.endswith("_bucket")]
        bounds = [float(sample.labels["le"]) for sample in buckets]
        assert bounds == sorted(bounds) and bounds[-1] == float("inf") and len(set(bounds)) == len(bounds)
        counts = [sample.value for sample in buckets]
        assert counts == sorted(counts)
        assert samples[family.name + "_count"] == counts[-1]
        assert samples[family.name + "_sum"] >= 0
for line in text.splitlines():
    if line.startswith("#"):
        assert line.split(" ", 3)[1] in ("HELP", "TYPE"), line
json.dump(samples, sys.stdout)
