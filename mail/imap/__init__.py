"""The door of mailboxes: reads mail from the site's IMAP server, each mailbox in a thread of its own.

    door         the thread: log in, serve, and when that ends begin anew, ever more slowly while it is of no use
    session      one log-in: look into every folder, then wait for news
    taking       messages out of one folder: fetched, committed, written down, moved, in this order
    connection   the protocol, on imapclient: bounded, and with three ends only (lost, refused, refused the log-in)
    book         what is known of each UID, kept by the store

A message is known by its content, never by its UID or its flags: whatever is cut, moved, marked or numbered anew by the
server or by people, it is fetched again and found to be known (THREATS 41). It is moved, or noted as done, only when it
is committed (INV-4).
"""
