"""The life of a job, from the queue to its final place.

Decisions are pure (`lifecycle`, `naming`, `attempt.verify`). Effects are apart from them (`store`, `publishing`,
`reporting`, `gpu`), and `scheduling` brings both together. Nothing here knows the watching of folders or screens.
"""
