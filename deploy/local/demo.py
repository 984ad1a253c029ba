"""Invented partners, users and families for trying the suite, made through the services' own APIs.

What was made is remembered in `data/demo.json`, step by step, so that a later start has nothing to do.
"""



