# Made by setup.py from include/roomcast.h when the package is built.
from typing import Any

ffi: Any
