"""The project's own rules, checked by reading the sources: `python -m tools.house_rules`.

A rule is a small function with an id and a reason; `python_rules`, `room_rules`, `test_rules`, `text_rules` and
`proto_rules` list theirs in `RULES`.
"""
