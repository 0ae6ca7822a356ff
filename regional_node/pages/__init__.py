"""Pages that vendors see: the upload page, its script and style, and the base of all pages.

Rule: a page works and informs without script; nothing on it comes from elsewhere. Leaves out
receipts and their verification (regional_node/receipts) and the server (regional_node/web).
"""
