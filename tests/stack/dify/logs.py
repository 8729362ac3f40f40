"""Dify's logging: every record once to the log file and once to stdout."""
import logging
import sys
from logging.handlers import RotatingFileHandler

import config

FORMAT = ("%(asctime)s.%(msecs)03d %(levelname)s [%(threadName)s] [%(filename)s:%(lineno)d]"
          "  - %(message)s")


def setup():
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    if config.LOG_FILE:
        handlers.insert(0, RotatingFileHandler(
            config.LOG_FILE, maxBytes=20 * 1024 * 1024, backupCount=5, encoding="utf-8"))
    logging.basicConfig(level=config.LOG_LEVEL, format=FORMAT, datefmt="%Y-%m-%d %H:%M:%S",
                        handlers=handlers, force=True)
    # As in Dify, whose HTTP clients would else log every call at INFO.
    for name in ("httpx", "httpcore", "botocore", "urllib3"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.root.level))
