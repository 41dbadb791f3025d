"""What schemathesis can't know by itself: which addresses are there."""
import os
import random

import schemathesis

KNOWN = {
    "id": os.environ.get("KNOWN_ID", ""),
    "slug": "support",
    "key": "refunds",
}


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    # Half of the time something that is there: else nearly every answer were a 404.
    if isinstance(path_parameters, dict):
        for name, value in KNOWN.items():
            if name in path_parameters and value and random.Random(repr(path_parameters)).random() < 0.5:
                path_parameters[name] = value
    return path_parameters
