"""Patch psycopg2 and gRPC as soon as gevent has patched the rest, as Dify does."""
import gevent.events


def _patch_more(event):
    if isinstance(event, gevent.events.GeventDidPatchBuiltinModulesEvent):
        import grpc.experimental.gevent as grpc_gevent
        import psycogreen.gevent as psycogreen_gevent

        grpc_gevent.init_gevent()
        psycogreen_gevent.patch_psycopg()


gevent.events.subscribers.append(_patch_more)
