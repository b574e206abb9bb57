"""Counts the words of its input."""

import json
import sys

words = sys.stdin.read().split()
print(json.dumps({"python": sys.version.split()[0], "words": len(words)}))
