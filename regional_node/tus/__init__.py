"""Resumable files of upload grants: received, whole, submitted, or ended.

Owns every file between its creation and its submission. Rules: an offset is what was fsynced and
recorded; one writer per file; nothing is ended without a proof. Leaves out HTTP (regional_node/web)
and who may upload (regional_node/grants).
"""
