"""Trains the unified encoder on generic pictures, before any federation.

It stands here because it belongs to neither side: it trains what nodes and server will both hold, on pictures that are
nobody's recordings, and to report on real sensors it reads data sets, which only this room and the nodes may.
"""
