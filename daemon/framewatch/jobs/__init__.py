"""The life of a job: what is stored of it, what may become of it, and how its files come to their places.

Decisions are pure (`lifecycle`, `names`, `verify`); effects lie apart from them (`store`, `files`, `publish`,
`sidecar`, `semaphore`). Nothing here knows of watch folders or of screens.
"""
