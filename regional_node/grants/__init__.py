"""Upload grants: who may upload what through the HTTP port, until when, and how much.

Owns the permission that SPSE (or the staff of the Bidding Room) asks for and whose address a
vendor's browser gets. Rules: a grant stands for one package, one stage and one vendor; its token is
kept only as a digest, so that neither database nor backup opens a door. Leaves out HTTP
(regional_node/web) and what is uploaded (regional_node/tus).
"""
