# SPDX-License-Identifier: Apache-2.0
"""Builds the cffi module against the installed libdflow (pkg-config finds it)."""
from setuptools import setup

setup(
    cffi_modules=["build_ffi.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp39"}},
)
