"""The review desk: where staff read what came in, see who we think wrote it and why, and let an answer out.

`desk(...)` in `app` builds it from plain values. Every page is HTML made on the server and works without JavaScript;
`routes.ROUTES` is the whole table of what can be asked for, and says which few of it need no log-in.
"""
